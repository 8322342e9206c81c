"""What one app's Accrue is made of, held at ``app.extensions["accrue"]``."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from flask import current_app

from .clock import Clock
from .config import Settings
from .errors import ConfigError
from .ledger_keys import LedgerKey

if t.TYPE_CHECKING:
    from flask_sqlalchemy import SQLAlchemy

    from .auth import AuthAdapter
    from .operations import Scope
    from .processors import Processor, objects
    from .queue import Queue
    from .unit_of_work import Change, UnitOfWork

Handler: t.TypeAlias = t.Callable[[t.Any, t.Any], t.Any]
Reaction: t.TypeAlias = "c.Callable[[UnitOfWork, Change], None]"


@dataclasses.dataclass(kw_only=True, eq=False)
class AccrueState:
    """Everything that belongs to one app; two apps share nothing.

    :ivar processors: by name; the one of ``settings.processor`` is used for new customers.
    :ivar handlers: pairs of an event type (or ``*``) and the host's function, in order.
    :ivar reactions: called with each change before it's committed, in its transaction.
    :ivar owner_loader: gives the billable of the current request, or ``None``.
    :ivar customer_linker: gives the billable of a customer that the processor has and we don't, or ``None``.
    :ivar scope_loader: gives the scope of the current request's operation ids, or ``None``.
    :ivar written: becomes another object whenever rows of Accrue were written in this process, so that
        whoever keeps what it read knows that it's old.
    :ivar read_committed: whether PostgreSQL's transactions are at READ COMMITTED by themselves; ``None``
        until somebody has asked.
    :ivar warned: what was warned of already, so that it's said once.
    """

    settings: Settings
    db: SQLAlchemy
    clock: Clock
    processors: dict[str, Processor]
    queue: Queue
    auth: AuthAdapter
    handlers: list[tuple[str, Handler]] = dataclasses.field(default_factory=list)
    reactions: list[Reaction] = dataclasses.field(default_factory=list)
    owner_loader: c.Callable[[], t.Any] | None = None
    customer_linker: c.Callable[[objects.Customer], t.Any] | None = None
    scope_loader: c.Callable[[], Scope | None] | None = None
    written: object = dataclasses.field(default_factory=object)
    read_committed: bool | None = None
    warned: set[str] = dataclasses.field(default_factory=set)

    @property
    def ledger_keys(self) -> tuple[LedgerKey, ...]:
        """The ledger's keys, the signing one first."""
        return self.settings.ledger_keys

    def processor(self, name: str | None = None) -> Processor:
        """Return a processor by name, or the configured one.

        :raises ConfigError: when none of that name is registered.
        """
        name = name or self.settings.processor
        try:
            return self.processors[name]
        except KeyError:
            known = ", ".join(sorted(self.processors)) or "none"
            raise ConfigError(
                f"No processor is named {name!r}; registered: {known}. Set ACCRUE_PROCESSOR to one "
                "of them, or register yours with accrue.register_processor()."
            ) from None


def current_state() -> AccrueState:
    """Return the state of the current app.

    :raises ConfigError: when the app has no Accrue.
    """
    try:
        return t.cast(AccrueState, current_app.extensions["accrue"])
    except KeyError:
        raise ConfigError(
            "Accrue isn't set up for this app. Call Accrue(app), or accrue.init_app(app), "
            "when you create it."
        ) from None
