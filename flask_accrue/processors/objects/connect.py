"""Accounts of others that a platform works for, what it moves to them, and the links that it hands them."""

from __future__ import annotations

import dataclasses
import typing as t

from .base import ProcessorObject, When


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConnectAccount(ProcessorObject):
    """Somebody else's account, connected to the platform's.

    ``capabilities`` says of each whether it's ``active``, ``inactive`` or ``pending``. ``dashboard`` is
    ``express``, ``full`` or ``none``. Once the account has let go of the platform it's ``deleted``, and
    nothing more is said of it.
    """

    kind = "connect_account"

    type: str | None = None
    country: str | None = None
    email: str | None = None
    business_type: str | None = None
    business_name: str | None = None
    default_currency: str | None = None
    dashboard: str | None = None
    charges_enabled: bool = False
    payouts_enabled: bool = False
    details_submitted: bool = False
    capabilities: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    currently_due: tuple[str, ...] = ()
    past_due: tuple[str, ...] = ()
    disabled_reason: str | None = None
    due_by: When | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transfer(ProcessorObject):
    """Money that went from the platform to a connected account, less what came back."""

    kind = "transfer"

    amount: int
    currency: str
    destination: str | None
    amount_reversed: int = 0
    source_charge: str | None = None
    transfer_group: str | None = None
    description: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccountLink(ProcessorObject):
    """A page of the processor's where an account tells what is missing, or looks at its own money.

    It isn't mirrored: who has ``url`` is let in, once or for some minutes. So it's handed on, and neither
    stored nor printed. ``processor_id`` is the account's.
    """

    kind = "account_link"

    url: str = dataclasses.field(repr=False)
    expires_at: When | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Payout(ProcessorObject):
    """Money on its way to an account's bank: ``pending``, ``in_transit``, ``paid``, ``failed``, ``canceled``.

    It isn't mirrored: events tell of it, and hosts that care have handlers.
    """

    kind = "payout"

    status: str
    amount: int
    currency: str
    failure_code: str | None = None
