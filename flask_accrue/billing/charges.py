"""One-time charges and refunds."""

from __future__ import annotations

import collections.abc as c
import re
import typing as t

import sqlalchemy as sa

from .. import models
from ..errors import InvalidRequest, InvalidState, NoDefaultPaymentMethod
from ..gateways import gateway_of
from ..metadata import validate_metadata
from ..money import Money
from ..processors import Capability, Processor
from ..state import current_state
from .amounts import check_amount, check_money, check_part, check_pays_in
from .authentication import payment_outcome
from .customers import OPERATION_KEY, customer, get_customer
from .given_back import left_of_charge
from .payment_methods import chosen_card, require_attached
from .perform import Plan, perform, seen

#: Why something may be given back.
REASONS: t.Final = ("duplicate", "fraudulent", "requested_by_customer")

_HAS_LETTER: t.Final = re.compile("[A-Za-z]")
_NOT_ON_STATEMENTS: t.Final = re.compile(r"[<>\\'\"*]|[^ -~]")


def charge(
    owner: t.Any,
    amount: Money,
    *,
    payment_method: models.PaymentMethod | None = None,
    description: str | None = None,
    statement_descriptor: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.PaymentIntent:
    """Charge a card once: the named one or the default, never another.

    :param description: for the merchant's own lists; the customer sees it on the page of the payment.
    :param statement_descriptor: what the statement says after the account's own name, at most 22 characters.

    :raises NoDefaultPaymentMethod: when none is named and the customer has no default.
    :raises CardError: when the bank declines.
    :raises ActionRequired: when the customer has to confirm it.
    :raises InvalidRequest: for an amount that isn't above 0, or in another currency than the customer's.
    """
    check_amount(amount, "A charge")
    check_statement_descriptor(statement_descriptor)
    extra = validate_metadata(metadata or {}, ours=1)
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.CHARGE)
    return charge_card(
        payer,
        gateway,
        amount,
        payment_method,
        kind="charge",
        method="create_charge",
        said={"description": description, "statement_descriptor": statement_descriptor},
        metadata=extra,
        operation_id=operation_id,
    )


def charge_card(
    payer: models.Customer,
    gateway: Processor,
    amount: Money,
    payment_method: models.PaymentMethod | None,
    *,
    kind: str,
    method: str,
    said: c.Mapping[str, t.Any],
    metadata: c.Mapping[str, str],
    operation_id: str | None,
    beside: c.Mapping[str, t.Any] | None = None,
) -> models.PaymentIntent:
    """Carry out a charge of whatever kind: of the named card or the default, never of another.

    :param kind: the operation's.
    :param method: the processor's that charges.
    :param said: what that is told besides amount, card, customer and metadata.
    :param metadata: as :func:`~flask_accrue.metadata.validate_metadata` returns it.
    :param beside: what else a repeat has to ask for, that isn't the charge's own.
    :raises AccrueError: as :func:`charge` does.
    """
    asked = {
        **said,
        "amount": amount.amount_minor,
        "currency": amount.currency,
        "payment_method": None if payment_method is None else chosen_card(payment_method),
    }

    def request(id: str) -> dict[str, t.Any]:
        require_attached(payer, payment_method)
        check_pays_in(payer, amount)
        card = payment_method or payer.default_payment_method
        if card is None:
            raise NoDefaultPaymentMethod(
                "There is no card to charge: the customer has no default and none was named."
            )
        return {
            **asked,
            "customer": payer.processor_id,
            "payment_method": card.processor_id,
            "metadata": {**metadata, OPERATION_KEY: id},
        }

    plan: Plan[models.PaymentIntent] = Plan(
        kind=kind,
        subject=f"customer:{payer.id}",
        processor=gateway,
        arguments={**asked, "metadata": metadata, **(beside or {})},
        method=method,
        request=request,
        result="payment_intent",
        customer_id=payer.id,
        find=("payment_intent", payer.processor_id),
        outcome=payment_outcome,
    )
    return perform(plan, operation_id)


def refund(
    charge: models.Charge,
    amount: Money | None = None,
    *,
    reason: str | None = None,
    reverse_transfer: bool = False,
    refund_application_fee: bool = False,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.Refund:
    """Give back a part of a charge, or all that is left.

    The processor may take its time: the refund ``is_pending`` then, and may still fail. Its ``merchant_loss``
    tells what giving back has cost, since processors keep their fees.

    Of a charge that is shared with a connected account the platform gives back all of it by itself, unless
    told otherwise:

    :param reverse_transfer: of a destination charge: take back the same part of what went to the account.
    :param refund_application_fee: give back the same part of the platform's fee; of a destination charge only
        together with ``reverse_transfer``.
    :param reason: ``duplicate``, ``fraudulent`` or ``requested_by_customer``.
    :raises InvalidState: with the code ``charge_already_refunded`` when nothing is left,
        ``charge_already_credited`` when credit notes gave it back otherwise,
        ``charge_not_captured`` for one that is only held, ``charge_not_succeeded``, or ``charge_not_shared``
        for one that made no transfer or left no fee above 0 to give back.
    :raises InvalidRequest: for more than what is left, or another currency.
    """
    gateway = gateway_of(charge)
    gateway.require(Capability.REFUND)
    if amount is not None:
        check_money(amount)
    if reason is not None and reason not in REASONS:
        raise InvalidRequest(
            f"The reason of a refund is one of {', '.join(REASONS)}, not {reason!r}.",
            code="parameter_invalid",
            param="reason",
        )
    extra = validate_metadata(metadata or {}, ours=1)
    asked: dict[str, t.Any] = {
        "charge": charge.processor_id,
        "amount": None if amount is None else amount.amount_minor,
        "reason": reason,
    }
    # What isn't asked isn't said, so that a refund of any other charge is the one that it always was.
    if reverse_transfer:
        asked["reverse_transfer"] = True
    if refund_application_fee:
        asked["refund_application_fee"] = True

    def request(id: str) -> dict[str, t.Any]:
        left = left_of_charge(charge)
        # A credit note gave some back otherwise, of which the processor's own rest doesn't tell.
        rest = {"amount": left} if amount is None and 0 < left < charge.amount_refundable else {}
        return {**asked, **rest, "metadata": {**extra, OPERATION_KEY: id}}

    plan: Plan[models.Refund] = Plan(
        kind="refund",
        subject=f"charge:{charge.id}",
        processor=gateway,
        arguments={**asked, "currency": amount and amount.currency, "metadata": extra},
        method="create_refund",
        request=request,
        result="refund",
        customer_id=charge.customer_id,
        check=lambda: _check_refund(charge, amount, asked),
        find=("refund", charge.processor_id),
        seen=seen(charge, charge.transfer if reverse_transfer else None),
    )
    return perform(plan, operation_id)


def list_charges(owner: t.Any) -> list[models.Charge]:
    """Return the customer's charges, newest first. Never calls the processor."""
    payer = get_customer(owner)
    if payer is None:
        return []
    charges = models.Charge
    return list(
        current_state().db.session.scalars(
            sa.select(charges)
            .where(charges.customer_id == payer.id)
            .order_by(charges.created.desc(), charges.processor_id.desc())
            .execution_options(autoflush=False)
        )
    )


def check_statement_descriptor(text: str | None) -> None:
    """Refuse what no statement can say, as https://docs.stripe.com/get-started/account/statement-descriptors
    has it."""
    if text is None:
        return
    if not 0 < len(text) <= 22 or not _HAS_LETTER.search(text) or _NOT_ON_STATEMENTS.search(text):
        raise InvalidRequest(
            "A statement descriptor has 1 to 22 Latin characters, at least one letter, and none of "
            f"<>\\'\"*, not {text!r}.",
            code="parameter_invalid",
            param="statement_descriptor",
        )


def _check_refund(
    charge: models.Charge, amount: Money | None, asked: c.Mapping[str, t.Any]
) -> None:
    if not charge.is_succeeded:
        raise InvalidState(
            "Only a charge that succeeded can be refunded.", code="charge_not_succeeded"
        )
    if not charge.captured:
        raise InvalidState(
            "This charge is only held. Give it up with billing.cancel_payment_intent().",
            code="charge_not_captured",
        )
    _check_shared(charge, asked)
    left = Money(charge.amount_refundable, charge.currency)
    if left.amount_minor <= 0:
        raise InvalidState(
            "All of this charge was refunded already.", code="charge_already_refunded"
        )
    left = Money(left_of_charge(charge), charge.currency)
    if left.amount_minor <= 0:
        raise InvalidState(
            "All that this charge paid for was given back already, by credit notes.",
            code="charge_already_credited",
        )
    if amount is None:
        return
    check_part(amount, left, "charge", f"{amount} can't be refunded: {left} of the charge is left.")


def _check_shared(charge: models.Charge, asked: c.Mapping[str, t.Any]) -> None:
    """Refuse to give back what a charge hasn't shared, or a fee whose transfer stays.

    https://docs.stripe.com/connect/destination-charges#issue-refunds
    """
    fee, transfer = "refund_application_fee" in asked, "reverse_transfer" in asked
    if transfer and charge.transfer_processor_id is None:
        raise InvalidState(
            "This charge has made no transfer to take back: it's no destination charge. What was moved by "
            "connect.transfer() goes back by connect.reverse_transfer().",
            code="charge_not_shared",
        )
    if fee and not charge.application_fee:
        raise InvalidState(
            "The platform kept no application fee of this charge, so there is none to give back.",
            code="charge_not_shared",
        )
    if fee and not transfer and charge.transfer_processor_id is not None:
        raise InvalidRequest(
            "Of a destination charge the application fee is given back with the transfer only: add "
            "reverse_transfer=True.",
            code="parameter_missing",
            param="reverse_transfer",
        )
