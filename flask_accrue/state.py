"""What one app's Accrue is made of, held at ``app.extensions["accrue"]``."""

from __future__ import annotations

import collections.abc as c
import contextlib
import contextvars
import dataclasses
import threading
import typing as t

from flask import current_app

from .account_scope import current_account
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


class LastWrite:
    """Tells a request whether it has itself written rows of Accrue since it read some.

    A request made within another one writes in the same thread, in a context of its own; an asynchronous
    view writes in another thread, in the request's context. What others write is no business of a request
    that is running.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()
        self._of_context: contextvars.ContextVar[list[object]] = contextvars.ContextVar(
            "accrue_last_write"
        )

    def seen(self) -> tuple[object, object]:
        """Return what is another one after a write."""
        if not hasattr(self._of_thread, "mark"):
            self._of_thread.mark = object()
        try:
            marks = self._of_context.get()
        except LookupError:
            # A list, so that copies of this context see what happens in one another.
            marks = [object()]
            self._of_context.set(marks)
        return self._of_thread.mark, marks[0]

    def note(self) -> None:
        """Say that rows were written, or would have been."""
        self._of_thread.mark = object()
        with contextlib.suppress(LookupError):
            self._of_context.get()[0] = object()


@dataclasses.dataclass(kw_only=True, eq=False)
class AccrueState:
    """Everything that belongs to one app; two apps share nothing.

    :ivar processors: by name; the one of ``settings.processor`` is used for new customers.
    :ivar handlers: pairs of an event type (or ``*``) and the host's function, in order.
    :ivar reactions: called with each change before it's committed, in its transaction.
    :ivar owner_loader: gives the billable of the current request, or ``None``.
    :ivar customer_linker: gives the billable of a customer that the processor has and we don't, or ``None``.
    :ivar scope_loader: gives the scope of the current request's operation ids, or ``None``.
    :ivar last_write: tells whoever keeps what it read whether that is old.
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
    read_committed: bool | None = None
    warned: set[str] = dataclasses.field(default_factory=set)
    last_write: LastWrite = dataclasses.field(default_factory=LastWrite)

    @property
    def ledger_keys(self) -> tuple[LedgerKey, ...]:
        """The ledger's keys, the signing one first."""
        return self.settings.ledger_keys

    def processor(self, name: str | None = None) -> Processor:
        """Return a processor by name, or the configured one, for the account that is acted for.

        :raises ConfigError: when none of that name is registered.
        :raises UnsupportedByProcessor: when an account is acted for, and it has none.
        """
        name = name or self.settings.processor
        try:
            found = self.processors[name]
        except KeyError:
            known = ", ".join(sorted(self.processors)) or "none"
            raise ConfigError(
                f"No processor is named {name!r}; registered: {known}. Set ACCRUE_PROCESSOR to one "
                "of them, or register yours with accrue.register_processor()."
            ) from None
        account = current_account()
        return found if account is None else found.of_account(account)


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
