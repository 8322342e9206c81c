"""Connected accounts, and transfers to them."""

from __future__ import annotations

import typing as t

from .. import objects
from . import fields
from .bodies import Raw

#: What tells of people and of banks. Nothing here needs it, so nothing here keeps it.
_PERSONAL: t.Final = frozenset(
    {"company", "external_accounts", "individual", "login_links", "tos_acceptance"}
)

_DASHBOARDS: t.Final[t.Mapping[str, str]] = {
    "custom": "none",
    "express": "express",
    "standard": "full",
}


def read_account(raw: Raw) -> objects.ConnectAccount:
    """Read a connected account, without what it says of people and of banks.

    A deleted one is no more than its id.
    """
    requirements, controller = fields.part(raw, "requirements"), fields.part(raw, "controller")
    common = fields.common(raw)
    common["raw"] = {name: value for name, value in raw.items() if name not in _PERSONAL}
    return objects.ConnectAccount(
        **common,
        type=fields.text(raw, "type"),
        country=fields.text(raw, "country"),
        email=fields.text(raw, "email"),
        business_type=fields.text(raw, "business_type"),
        business_name=fields.text(fields.part(raw, "business_profile"), "name"),
        default_currency=fields.currency(raw, "default_currency"),
        # Before controllers, the type told which it is.
        dashboard=fields.text(fields.part(controller, "stripe_dashboard"), "type")
        or _DASHBOARDS.get(fields.text(raw, "type") or ""),
        charges_enabled=fields.flag(raw, "charges_enabled"),
        payouts_enabled=fields.flag(raw, "payouts_enabled"),
        details_submitted=fields.flag(raw, "details_submitted"),
        capabilities=_capabilities(raw),
        currently_due=_named(requirements, "currently_due"),
        past_due=_named(requirements, "past_due"),
        disabled_reason=fields.text(requirements, "disabled_reason"),
        due_by=fields.moment(requirements, "current_deadline"),
    )


def read_transfer(raw: Raw) -> objects.Transfer:
    """Read a transfer. To whom it went is no longer said once that account is gone."""
    return objects.Transfer(
        **fields.common(raw),
        amount=fields.required_integer(raw, "amount"),
        currency=fields.required_currency(raw),
        destination=fields.reference(raw, "destination"),
        amount_reversed=fields.integer(raw, "amount_reversed") or 0,
        source_charge=fields.reference(raw, "source_transaction"),
        transfer_group=fields.text(raw, "transfer_group"),
        description=fields.text(raw, "description"),
    )


def _capabilities(raw: Raw) -> dict[str, str]:
    every = fields.part(raw, "capabilities")
    found = {name: status for name, status in every.items() if status is not None}
    if not all(isinstance(status, str) for status in found.values()):
        raise fields.wrong("capabilities", "an object of strings", found)
    return found


def _named(raw: Raw, name: str) -> tuple[str, ...]:
    """Return a list of the names of what is missing; an empty one where there is none."""
    value = raw.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise fields.wrong(name, "a list of strings", value)
    return tuple(value)
