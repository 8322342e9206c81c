"""The action machine: ask, check that it may be done, do it once, record who did it.

An action is offered by its row's state, allowed by the host (``auth.can``), confirmed on a page of its own,
and, when it can't be undone, preceded by a fresh log-in.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import secrets
import typing as t

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.wrappers import Response

from .. import ledger, models, operations
from ..errors import (
    AccrueError,
    ActionRequired,
    CardError,
    OperationInProgress,
    OperationUnknown,
    ProcessorError,
)
from ..origins import Actor, Origin, acting_as
from ..processors import Capability
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .audit import tell_host
from .lists import LARGEST_PAGE
from .operators import Operator, current_operator, offer_log_in
from .queries import Rows
from .resource import R, Resource

#: How long a confirm page can be sent, in seconds of real time.
CONFIRM_WITHIN: t.Final = 3600
LONGEST_REASON: t.Final = 500
#: Marks the address that somebody comes back to from proving who they are.
_BACK: t.Final = "back"


@dataclasses.dataclass(frozen=True)
class Option:
    """One way to do it, to be chosen on the confirm page."""

    value: str
    label: str
    note: str


@dataclasses.dataclass(frozen=True)
class Confirmation:
    """What the confirm page says.

    :ivar options: of which one is chosen, the first unless told otherwise.
    """

    title: str
    text: str
    button: str
    options: tuple[Option, ...] = ()


@dataclasses.dataclass(frozen=True)
class Asked:
    """Who asked for what.

    :ivar operation_id: the id of the billing operation; the same when a form is sent twice.
    :ivar choice: the option's value, ``""`` where there are none.
    """

    operator: Operator
    operation_id: str
    choice: str = ""

    @property
    def actor(self) -> Actor:
        """The operator, as the ledger names them."""
        return Actor("admin", self.operator.id)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Action(t.Generic[R]):
    """Something that an operator can do to a row.

    :ivar name: its part of the URL; with the resource's name what the host is asked about:
        ``subscriptions.cancel``.
    :ivar perform: does it to the rows (one, unless ``many``) and returns what to tell the operator.
    :ivar offered: whether it makes sense for a row as it is.
    :ivar capability: what the row's processor must be able to do.
    :ivar confirm: what is asked before; ``None`` for what does no harm.
    :ivar destructive: it can't be undone: it needs a fresh log-in.
    :ivar records: the type of the ledger's entry that says who asked, written before anything is done; the
        entries of what is then done name it as their cause. ``None`` where ``perform`` records it.
    :ivar many: it can be done to several rows of a list at once.
    """

    name: str
    label: str
    perform: c.Callable[[c.Sequence[R], Asked], str]
    offered: c.Callable[[R], bool]
    capability: Capability | None = None
    confirm: c.Callable[[c.Sequence[R]], Confirmation] | None = None
    destructive: bool = False
    records: str | None = None
    many: bool = False


@dataclasses.dataclass(frozen=True)
class Offer(t.Generic[R]):
    """An action for a row; ``explanation`` says why it can't be done after all."""

    action: Action[R]
    explanation: str | None


def offers(resource: Resource[R], row: R, operator: Operator) -> list[Offer[R]]:
    """Return what this operator can do to a row, and what its processor can't do at all."""
    return [
        Offer(action, _unsupported(action, row))
        for action in resource.actions
        if action.offered(row) and operator.may(_full_name(resource, action), row)
    ]


def act(resource: Resource[R], action_name: str, id: str) -> Response | str | tuple[str, int]:
    """Ask about an action on one row (GET), or do it (POST)."""
    operator = current_operator()
    action = resource.action(action_name)
    row = Rows(resource, operator).get(id)
    if action is None or row is None or (request.method == "GET" and action.confirm is None):
        abort(404)
    here = url_for(".detail", resource=resource.name, id=id)
    return _act(resource, action, [row], operator, here)


def act_on_many(resource: Resource[R], action_name: str) -> Response | str | tuple[str, int]:
    """Ask about an action on the rows that were selected in a list, then do it. Both are POSTs."""
    operator = current_operator()
    action = resource.action(action_name)
    if action is None or not action.many:
        abort(404)
    here = url_for(".list", resource=resource.name)
    ids = request.form.getlist("id")
    if len(ids) > LARGEST_PAGE:
        raise BadRequest(f"At most {LARGEST_PAGE} can be selected at once.")
    rows = [row for row in Rows(resource, operator).get_many(ids) if action.offered(row)]
    if not rows:
        flash("Nothing was selected that this can be done to.", "warning")
        return redirect(here, 303)
    return _act(resource, action, rows, operator, here, asking="confirmed" not in request.form)


def _act(
    resource: Resource[R],
    action: Action[R],
    rows: c.Sequence[R],
    operator: Operator,
    here: str,
    *,
    asking: bool | None = None,
) -> Response | str | tuple[str, int]:
    full_name = _full_name(resource, action)
    if not all(operator.may(full_name, row) for row in rows):
        raise Forbidden("You may look at this, but not do that to it.")
    ask = _Ask(resource, action, rows, operator, here)
    operation_id = ask.operation_id(request.form.get("operation"))
    if operation_id is not None and _is_done(operation_id):
        flash("That was done already: the form was sent twice.", "info")
        return redirect(here, 303)
    refused = _refusal(action, rows)
    if refused is not None:
        flash(refused, "warning")
        return redirect(here, 303)
    if action.destructive and not operator.is_fresh:
        return _ask_who(here if action.many else request.path)
    if asking is None:
        asking = request.method == "GET"
    if asking:
        return ask.page(ask.new_token())
    if operation_id is None and action.confirm is None:
        operation_id = ask.operation_id(ask.new_token())
    if operation_id is None:
        problem = "This page was open for too long. Please confirm once more."
        return ask.page(ask.new_token(), problem)
    return _carry_out(ask, Asked(operator, operation_id, ask.choice()))


def _carry_out(ask: _Ask[R], asked: Asked) -> Response | tuple[str, int]:
    """Do it, and tell the operator what came of it, no more than is known."""
    # Confirming again repeats the same operation, so it can't act twice.
    token = request.form.get("operation")
    try:
        message, tone = _do(ask.resource, ask.action, ask.rows, asked), "success"
    except OperationInProgress as error:
        return ask.page(token, f"{error.message} Wait a moment, then confirm again."), 409
    except (CardError, ActionRequired, OperationUnknown) as error:
        message, tone = error.message, "warning"
    except ProcessorError as error:
        if not error.definite:
            said = f"{error.message} Whether it was done isn't known. Confirm again to find out."
            return ask.page(token, said), 503
        message, tone = f"Nothing was done. {error.message}", "error"
    except AccrueError as error:
        message, tone = f"Nothing was done. {error.message}", "error"
    flash(message, tone)
    return redirect(ask.here, 303)


def _is_done(operation_id: str) -> bool:
    row = current_state().db.session.get(models.Operation, operation_id)
    return row is not None and row.finished_at is not None


def _do(resource: Resource[R], action: Action[R], rows: c.Sequence[R], asked: Asked) -> str:
    reason = request.form.get("reason", "").strip()[:LONGEST_REASON] or None
    told = {
        "action": _full_name(resource, action),
        "ids": [str(row.id) for row in rows],  # type: ignore[attr-defined]
        "choice": asked.choice or None,
        "reason": reason,
        "operation_id": asked.operation_id,
    }
    cause = None
    if action.records is not None and not operations.is_known(asked.operation_id):
        for row in rows:
            cause = _record(action.records, row, asked, reason)
    with acting_as(asked.actor, cause_entry_id=cause):
        try:
            message = action.perform(rows, asked)
        except Exception as error:
            tell_host(asked.operator, **told, failed=type(error).__name__)
            raise
    tell_host(asked.operator, **told)
    return message


def _record(type: str, row: t.Any, asked: Asked, reason: str | None) -> int:
    """Write who asked for it into the ledger, on the chain of the customer whose row it is.

    :returns: the entry's id.
    """
    customer_id = row.id if isinstance(row, models.Customer) else row.customer_id
    kind = next(kind for kind, model in models.MIRRORED.items() if isinstance(row, model))
    subject_id, data = str(row.id), {}
    if asked.choice:
        data["choice"] = asked.choice
    if reason is not None:
        data["reason"] = reason

    def work(uow: UnitOfWork) -> int:
        entry = ledger.append(
            uow,
            type,
            subject_type=kind,
            subject_id=subject_id,
            customer=uow.lock_customer(customer_id),
            data=data,
        )
        uow.session.flush()
        return entry.id

    return write(work, origin=Origin(asked.actor, operation_id=asked.operation_id))


@dataclasses.dataclass(frozen=True)
class _Ask(t.Generic[R]):
    """The confirm page of an action on some rows, and the token that makes sending it twice harmless."""

    resource: Resource[R]
    action: Action[R]
    rows: c.Sequence[R]
    operator: Operator
    here: str

    def page(self, token: str | None, problem: str | None = None) -> str:
        """Render the page."""
        assert self.action.confirm is not None
        return render_template(
            "accrue/admin/confirm.html",
            resource=self.resource,
            action=self.action,
            confirmation=self.action.confirm(self.rows),
            ids=[str(row.id) for row in self.rows] if self.action.many else [],  # type: ignore[attr-defined]
            operation=token,
            problem=problem,
            chosen=request.form.get("choice"),
            reason=request.form.get("reason", ""),
            longest_reason=LONGEST_REASON if self.action.records else 0,
            cancel_url=self.here,
        )

    def choice(self) -> str:
        """Return the option that was chosen.

        :raises BadRequest: for one that isn't offered.
        """
        if self.action.confirm is None:
            return ""
        values = [option.value for option in self.action.confirm(self.rows).options]
        chosen = request.form.get("choice", "")
        if values and chosen not in values:
            raise BadRequest("Choose one of the ways to do it.")
        return chosen if values else ""

    def new_token(self) -> str:
        """Return a token for this operator, this action and these rows."""
        return self._serializer.dumps(secrets.token_hex(16))

    def operation_id(self, token: str | None) -> str | None:
        """Return the operation id that a token stands for, or ``None`` when it isn't good any more."""
        try:
            return f"admin:{self._serializer.loads(token or '', max_age=CONFIRM_WITHIN)}"
        except BadData:
            return None

    @property
    def _serializer(self) -> URLSafeTimedSerializer:
        ids = ",".join(str(row.id) for row in self.rows)  # type: ignore[attr-defined]
        what = f"{self.operator.id}:{_full_name(self.resource, self.action)}:{ids}"
        assert current_app.secret_key is not None
        return URLSafeTimedSerializer(current_app.secret_key, salt=f"accrue.admin.act:{what}")


def _ask_who(confirm_path: str) -> Response:
    """Send the operator to prove who they are, then back to the confirm page."""
    if request.method == "POST":
        # Not straight from a POST: the page's policy holds a form's redirects to this host.
        return redirect(confirm_path, 303)
    url = None
    if _BACK not in request.args:
        url = current_state().auth.step_up_url(f"{confirm_path}?{_BACK}=1")
    if url is not None:
        return redirect(url, 303)
    # There is no such page, or it sent somebody back as they were.
    refused = Forbidden(
        "This can't be undone, so it needs a log-in of the last five minutes. Log out, log in again "
        "and come back."
    )
    offer_log_in(refused)
    raise refused


def _refusal(action: Action[R], rows: c.Sequence[R]) -> str | None:
    for row in rows:
        if not action.offered(row):
            return "That can't be done any more: something has changed meanwhile. Nothing was done."
        unsupported = _unsupported(action, row)
        if unsupported is not None:
            return unsupported
    return None


def _unsupported(action: Action[R], row: R) -> str | None:
    if action.capability is None:
        return None
    name = row.processor  # type: ignore[attr-defined]
    gateway = current_state().processors.get(name)
    if gateway is None:
        return f"{action.label}: the processor {name} isn't configured here."
    if not gateway.can(action.capability):
        return f"{action.label}: {name} can't do this."
    return None


def _full_name(resource: Resource[t.Any], action: Action[t.Any]) -> str:
    return f"{resource.name}.{action.name}"
