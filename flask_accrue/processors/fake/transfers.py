"""Money between the platform and its accounts: balances, transfers, and charges that are shared."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ...money import Money
from .. import objects
from . import accounts, labels
from .refusals import check_integer, refused
from .transaction import Transaction


def balance(tx: Transaction, account: str | None, currency: str) -> int:
    """Return what an account, or the platform, has: charges less fees and refunds, and transfers."""
    here = tx.at(account)
    total = 0
    for charge in here.all(objects.Charge):
        if charge.status == "succeeded" and charge.currency == currency:
            aside = here.aside(charge.processor_id)
            total += charge.amount_captured - charge.amount_refunded
            total -= aside.get("fee", 0) + aside.get("application_fee", 0)
    platform = tx.at(None)
    for transfer in platform.all(objects.Transfer, account):
        if transfer.currency == currency:
            fee: int = platform.aside(transfer.processor_id).get("application_fee", 0)
            moved = transfer.amount - transfer.amount_reversed - fee
            total += moved if account is not None else -moved
    return total + (tx.application_fees(currency) if account is None else 0)


def create(
    tx: Transaction,
    *,
    destination: str,
    amount: t.Any,
    currency: str,
    source_charge: str | None,
    transfer_group: str | None,
    description: str | None,
    metadata: c.Mapping[str, str],
) -> objects.Transfer:
    """Move money to an account, of a charge or of the platform's balance.

    :raises InvalidRequest: when there isn't as much, or the account may not have it.
    """
    able_to_receive(tx, destination, "destination")
    wanted = check_integer(amount, "amount")
    if wanted < 1:
        raise refused("A transfer is of at least 1.", "amount", "parameter_invalid_integer")
    if source_charge is not None:
        charge = tx.get(objects.Charge, source_charge, "source_transaction")
        if charge.currency != currency:
            raise refused("The charge is in another currency.", "currency")
        left = charge.amount_captured - _moved(tx, source_charge)
        if wanted > left:
            raise refused(
                f"Of the charge {source_charge!r} at most {left} can be transferred.",
                "amount",
                "amount_too_large",
            )
        transfer_group = transfer_group or f"group_{charge.payment_intent or source_charge}"
    else:
        tx.flush()
        if wanted > balance(tx, None, currency):
            raise refused(
                "The platform's balance holds less than that.", "amount", "balance_insufficient"
            )
    return _made(
        tx,
        destination,
        Money(wanted, currency),
        source_charge=source_charge,
        transfer_group=transfer_group,
        description=description,
        metadata=labels.merged({}, metadata),
    )


def reverse(
    tx: Transaction,
    transfer_id: str,
    *,
    amount: t.Any,
    refund_application_fee: bool,
    description: str | None,
    metadata: c.Mapping[str, str],
) -> objects.Transfer:
    """Take back a part of a transfer, or all that is left.

    :raises InvalidRequest: for more than that.
    """
    labels.merged({}, metadata)
    transfer = tx.get(objects.Transfer, transfer_id, "id")
    left = transfer.amount - transfer.amount_reversed
    wanted = left if amount is None else check_integer(amount, "amount")
    if not 0 < wanted <= left:
        raise refused(
            f"Of the transfer {transfer_id!r} {left} are left to reverse, not {wanted}.",
            "amount",
            "amount_too_large" if wanted > left else "parameter_invalid_integer",
        )
    aside = tx.aside(transfer_id)
    if refund_application_fee and aside.get("application_fee"):
        fee = Money(aside["application_fee"], transfer.currency)
        aside["application_fee"] -= fee.share(wanted, left).amount_minor
    changed = dataclasses.replace(transfer, amount_reversed=transfer.amount_reversed + wanted)
    return tx.save(changed, "transfer.reversed")


# -- charges that are shared -------------------------------------------------------------------------


def check_split(
    tx: Transaction,
    amount: int,
    *,
    destination: str | None,
    transfer_amount: t.Any,
    application_fee: t.Any,
    on_behalf_of: str | None,
    transfer_group: str | None,
) -> dict[str, t.Any]:
    """Return how a charge is shared, to be kept until it has succeeded.

    :raises InvalidRequest: when it can't be.
    """
    for name, part in (("transfer_amount", transfer_amount), ("application_fee", application_fee)):
        if part is not None and not 0 <= check_integer(part, name) <= amount:
            raise refused(f"{name} is at most the charge's amount.", name, "amount_too_large")
    if destination is None and transfer_amount is not None:
        raise refused("Nobody is named to transfer that to.", "transfer_amount")
    if transfer_amount is not None and application_fee is not None:
        raise refused("It's an application fee or an amount to transfer.", "application_fee")
    if application_fee is not None and destination is None and tx.account is None:
        raise refused(
            "There is an application fee only of what an account charges or gets.",
            "application_fee",
        )
    if destination is not None:
        able_to_receive(tx, destination, "transfer_data[destination]")
    if on_behalf_of is not None:
        account = accounts.connected(tx, on_behalf_of, "on_behalf_of")
        if account.capabilities.get("card_payments") != "active":
            raise refused("That account can't take payments.", "on_behalf_of", "account_invalid")
    return {
        "destination": destination,
        "transfer_amount": transfer_amount,
        "application_fee": application_fee,
        "transfer_group": transfer_group,
    }


def share(tx: Transaction, split: c.Mapping[str, t.Any], charge: objects.Charge) -> objects.Charge:
    """Share a charge that is just about to succeed; return it with what it tells of that."""
    fee: int | None = split["application_fee"]
    charge = tx.save(dataclasses.replace(charge, application_fee=fee))
    if split["destination"] is None:
        if fee is not None:
            tx.aside(charge.processor_id)["application_fee"] = fee
        return charge
    amount = split["transfer_amount"]
    made = _made(
        tx,
        split["destination"],
        Money(charge.amount if amount is None else amount, charge.currency),
        source_charge=charge.processor_id,
        transfer_group=split["transfer_group"] or f"group_{charge.payment_intent}",
    )
    if fee is not None:
        tx.aside(made.processor_id)["application_fee"] = fee
    return dataclasses.replace(charge, transfer=made.processor_id)


def give_back(
    tx: Transaction, charge: objects.Charge, amount: int, *, transfer: bool, fee: bool
) -> list[objects.Transfer]:
    """Take back what a charge has shared, in proportion to the part of it that is refunded.

    Return the transfer that was taken back, if one was. Running totals are rounded, so that parts add up.

    :param transfer: what went to the account; ``fee``: what the platform kept.
    :raises InvalidRequest: for a charge that wasn't shared so.
    """
    shared = charge.transfer if isinstance(charge.transfer, str) else None
    if transfer and shared is None:
        raise refused(
            f"The charge {charge.processor_id!r} has made no transfer to reverse.",
            "reverse_transfer",
        )
    if fee and not charge.application_fee:
        raise refused(
            f"The charge {charge.processor_id!r} has no application fee to refund.",
            "refund_application_fee",
        )
    if fee and shared is not None and not transfer:
        raise refused(
            "Of a destination charge the application fee is refunded with the transfer only: say "
            "reverse_transfer, too.",
            "refund_application_fee",
        )
    upto = (charge.amount_refunded, charge.amount_refunded + amount)

    def part(whole: int) -> int:
        before, after = (
            Money(whole, charge.currency).share(each, charge.amount, payable=True).amount_minor
            for each in upto
        )
        return after - before

    if fee:
        aside = tx.aside(shared or charge.processor_id)
        left = aside.get("application_fee", 0)
        aside["application_fee"] = left - min(left, part(charge.application_fee or 0))
    if not transfer or shared is None:
        return []
    moved = tx.get(objects.Transfer, shared)
    back = min(moved.amount - moved.amount_reversed, part(moved.amount))
    if back == 0:
        return [moved]
    changed = dataclasses.replace(moved, amount_reversed=moved.amount_reversed + back)
    return [tx.save(changed, "transfer.reversed")]


def of_charge(tx: Transaction, charge_id: str) -> list[objects.Transfer]:
    """Return the transfers that a charge is the source of, oldest first."""
    return [each for each in tx.all(objects.Transfer) if each.source_charge == charge_id]


def able_to_receive(tx: Transaction, account_id: str, param: str) -> None:
    """Check that money may be moved to an account.

    :raises InvalidRequest: otherwise.
    """
    account = accounts.connected(tx, account_id, param)
    if account.capabilities.get("transfers") != "active":
        raise refused(
            "The destination account needs the capability transfers.",
            param,
            "insufficient_capabilities_for_transfer",
        )


def _moved(tx: Transaction, charge_id: str) -> int:
    return sum(each.amount - each.amount_reversed for each in of_charge(tx, charge_id))


def _made(tx: Transaction, destination: str, amount: Money, **details: t.Any) -> objects.Transfer:
    transfer = objects.Transfer(
        processor_id=tx.new_id("tr"),
        created=tx.now,
        destination=destination,
        amount=amount.amount_minor,
        currency=amount.currency,
        **details,
    )
    return tx.save(transfer, "transfer.created")
