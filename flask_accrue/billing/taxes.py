"""What tax goes by: where a customer is, and its numbers at tax offices."""

from __future__ import annotations

import collections.abc as c
import ipaddress
import re
import typing as t

import sqlalchemy as sa

from .. import models, operations
from ..errors import InvalidRequest
from ..gateways import gateway_of
from ..processors import Capability
from ..state import current_state
from .arguments import one_of
from .changes import update
from .customers import customer, get_customer
from .perform import Plan, perform, seen

EXEMPTIONS: t.Final = ("none", "exempt", "reverse")
_ADDRESS: t.Final = ("line1", "line2", "city", "state", "postal_code", "country")
_COUNTRY: t.Final = re.compile(r"[A-Z]{2}\Z")
_TYPE: t.Final = re.compile(r"[a-z]{2,3}_[a-z_]{2,20}\Z")
_VALUE: t.Final = re.compile(r"[0-9A-Za-z .+*/_-]{2,50}\Z")
#: The members of the union, as their numbers begin; Greece is EL, and Northern Ireland XI.
_EU: t.Final = frozenset(
    "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI".split()
)


def update_customer_tax_location(
    owner: t.Any,
    address: c.Mapping[str, str],
    *,
    ip_address: str | None = None,
    operation_id: str | None = None,
) -> models.Customer:
    """Say where a customer is, so that tax can be reckoned automatically. It's validated at once.

    The address goes to the processor. Here the customer's ``raw`` has it, and the ledger its country alone.

    :param address: ``line1``, ``line2``, ``city``, ``state``, ``postal_code`` and ``country``, which is two
        letters; the country at least, in the USA also the postal code.
    :param ip_address: where the customer's request came from, for the processor to go by.
    :raises InvalidRequest: with the code ``customer_tax_location_invalid`` when the place isn't recognized;
        nothing is changed then.
    """
    said = {
        "address": _checked_address(address),
        "ip_address": None if ip_address is None else _checked_ip(ip_address),
    }
    return _changed(
        owner, "update_customer_tax_location", said, {"tax_location": said}, operation_id
    )


def set_tax_exempt(
    owner: t.Any, tax_exempt: str, *, operation_id: str | None = None
) -> models.Customer:
    """Say whether a customer is charged tax, where it's reckoned automatically::

        billing.set_tax_exempt(org, "reverse")

    It's so for what is billed from now on, drafts included; the ``reason`` in an invoice's ``total_taxes``
    says it.

    :param tax_exempt: ``none`` (it's charged), ``exempt`` (nobody pays it) or ``reverse`` (the customer pays
        the tax office itself).
    :raises InvalidRequest: for any other word.
    """
    one_of("tax_exempt", tax_exempt, EXEMPTIONS)
    said = {"tax_exempt": tax_exempt}
    return _changed(owner, "set_tax_exempt", said, said, operation_id)


def _changed(
    owner: t.Any,
    kind: str,
    said: dict[str, t.Any],
    changes: dict[str, t.Any],
    operation_id: str | None,
) -> models.Customer:
    """Change what of a customer their tax goes by."""
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.TAX)
    processor_id = payer.processor_id
    plan: Plan[models.Customer] = Plan(
        kind=kind,
        subject=f"customer:{payer.id}",
        processor=gateway,
        arguments=said,
        method="update_customer",
        request=lambda id: {"customer": processor_id, "changes": changes},
        result="customer",
        customer_id=payer.id,
        seen=seen(payer),
    )
    return perform(plan, operation_id)


def add_tax_id(
    owner: t.Any, type: str, value: str, *, operation_id: str | None = None
) -> models.TaxId:
    """Add a customer's number at a tax office, which invoices show.

    It's verified later, and an event tells: :attr:`~flask_accrue.models.TaxId.verification_status`. The
    same number a second time is the row that there is.

    :param type: as Stripe calls it, such as ``eu_vat``, ``gb_vat`` or ``us_ein``.
    :raises InvalidRequest: with the code ``tax_id_invalid`` for what can't be one.
    """
    _check_tax_id(type, value)
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.TAX)
    said = {"type": type, "value": value}
    known = next(
        (each for each in list_tax_ids(payer) if (each.type, each.value) == (type, value)), None
    )
    subject = f"customer:{payer.id}"
    id = operations.operation_id(operation_id, "add_tax_id", subject)
    # What was asked for under that id before is what a repeat has to ask for.
    if known is not None and not operations.is_known(id):
        return known
    processor_id = payer.processor_id
    plan: Plan[models.TaxId] = Plan(
        kind="add_tax_id",
        subject=subject,
        processor=gateway,
        arguments=said,
        method="create_tax_id",
        request=lambda _: {"customer": processor_id, **said},
        result="tax_id",
        customer_id=payer.id,
    )
    return perform(plan, id)


def remove_tax_id(tax_id: models.TaxId, *, operation_id: str | None = None) -> models.TaxId:
    """Remove a customer's number at a tax office; its row stays, as deleted.

    One that was removed already is returned as it is.
    """
    if tax_id.deleted_at is not None:
        return tax_id
    gateway = gateway_of(tax_id)
    gateway.require(Capability.TAX)
    owner = current_state().db.session.get_one(models.Customer, tax_id.customer_id)
    asked = {"customer": owner.processor_id, "tax_id": tax_id.processor_id}
    plan: Plan[models.TaxId] = Plan(
        kind="remove_tax_id",
        subject=f"tax_id:{tax_id.id}",
        processor=gateway,
        arguments={},
        method="delete_tax_id",
        request=lambda id: dict(asked),
        result="tax_id",
        customer_id=tax_id.customer_id,
        seen=seen(tax_id),
    )
    return perform(plan, operation_id)


def list_tax_ids(owner: t.Any) -> list[models.TaxId]:
    """Return a customer's numbers at tax offices, oldest first. Never calls the processor."""
    payer = get_customer(owner)
    if payer is None:
        return []
    tax_ids = models.TaxId
    return list(
        current_state().db.session.scalars(
            sa.select(tax_ids)
            .where(tax_ids.customer_id == payer.id, tax_ids.deleted_at.is_(None))
            .order_by(tax_ids.created, tax_ids.processor_id)
            .execution_options(autoflush=False)
        )
    )


def set_automatic_tax(
    subscription: models.Subscription, enabled: bool, *, operation_id: str | None = None
) -> models.Subscription:
    """Let the processor reckon the tax of a subscription's invoices by where the customer is, or no longer.

    It's so from the next invoice on. Of a subscription under a schedule it's the current phase that changes;
    for the ones that follow use :func:`update_schedule`.

    :raises InvalidRequest: with the code ``customer_tax_location_invalid`` when nobody knows where the
        customer is.
    :raises InvalidState: when it's incomplete or has ended.
    """
    if not isinstance(enabled, bool):
        raise InvalidRequest(
            f"enabled is True or False, not {enabled!r}.", code="parameter_invalid", param="enabled"
        )
    gateway = gateway_of(subscription)
    gateway.require(Capability.TAX)
    return update(
        subscription,
        "set_automatic_tax",
        {"enabled": enabled},
        lambda _: {"automatic_tax": enabled},
        operation_id,
    )


def _checked_address(address: t.Any) -> dict[str, str]:
    if not isinstance(address, c.Mapping):
        raise InvalidRequest(
            f"An address is a mapping such as {{'country': 'DE'}}, not {type(address).__name__}.",
            code="parameter_invalid",
            param="address",
        )
    for name, value in address.items():
        if name not in _ADDRESS or not isinstance(value, str):
            raise InvalidRequest(
                f"An address has strings for {', '.join(_ADDRESS)}; {str(name)[:40]!r} isn't one.",
                code="parameter_invalid",
                param="address",
            )
    country = address.get("country", "")
    if not _COUNTRY.match(country) or (country == "US" and not address.get("postal_code")):
        raise InvalidRequest(
            "Tax goes by the customer's country, as two letters such as 'DE', and in the USA also by the "
            "postal code.",
            code="customer_tax_location_invalid",
            param="address",
        )
    return {name: address[name] for name in _ADDRESS if name in address}


def _checked_ip(ip_address: t.Any) -> str:
    try:
        return str(ipaddress.ip_address(ip_address))
    except ValueError:
        raise InvalidRequest(
            "This is no IP address.", code="parameter_invalid", param="ip_address"
        ) from None


def _check_tax_id(type: t.Any, value: t.Any) -> None:
    fits = (
        isinstance(type, str)
        and isinstance(value, str)
        and _TYPE.match(type) is not None
        and _VALUE.match(value) is not None
        and (type != "eu_vat" or value[:2] in _EU)
    )
    if not fits:
        raise InvalidRequest(
            "A tax id has a type such as 'eu_vat' and a value such as 'DE123456789', which for 'eu_vat' "
            "begins with the country.",
            code="tax_id_invalid",
            param="value",
        )
