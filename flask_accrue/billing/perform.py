"""The one way a billing function acts: freeze, commit, call, write, commit.

No transaction is open while the processor is called, and what it did is written and committed even when the
function then raises.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import datetime
import typing as t
import uuid

from .. import account_scope, installation, models, operations
from ..errors import (
    AccrueError,
    ActionRequired,
    AuthenticationError,
    CardError,
    OperationUnknown,
    ProcessorError,
    ProcessorUnavailable,
    RateLimited,
)
from ..gateways import account_of, connected_account
from ..processors import Answer, Capability, Processor, objects
from ..state import current_state
from ..telemetry import reached
from ..unit_of_work import settle_session
from .repeats import repeat
from .writing import Plan, R, Writing, seen, write_refusal

__all__ = ["Plan", "perform", "seen", "settle_session"]


def perform(plan: Plan[R], operation_id: str | None) -> R:
    """Carry out a plan under an operation id, or return what it did before.

    :raises AccrueError: as the billing functions document.
    """
    id = operations.operation_id(operation_id, plan.kind, plan.subject)
    settled = plan.settle is None
    while True:
        if not settled and not operations.is_known(id):
            settle_session()
            t.cast("c.Callable[[], None]", plan.settle)()
            settled = True
        try:
            row, begun = begin(plan, id, settled=settled)
        except _Unsettled:
            continue
        if begun is operations.Begun.FINISHED:
            return repeat(plan, row)
        if begun is operations.Begun.ABANDONED:
            _settle_abandoned(plan, row)
            continue
        return _carry_out(plan, row, again=begun is operations.Begun.AGAIN)


class _Unsettled(Exception):
    """What an operation sends was settled by its first try, and another call has set that aside since."""


def begin(
    plan: Plan[R], operation_id: str, *, settled: bool = True
) -> tuple[models.Operation, operations.Begun]:
    """Begin the operation of a plan, which acts in its payer's account from here on.

    :param settled: whether it's known what its request needs besides rows.
    :raises IdempotencyConflict: when the operation id was used with other arguments.
    """
    settle_session()
    account = _account_of(plan)
    plan.processor = plan.processor.of_account(account)
    arguments = dict(plan.arguments) if account is None else {**plan.arguments, "": account}

    def request() -> dict[str, t.Any]:
        if account is not None and plan.customer_id is None:
            # What was done there before is repeated, whatever the account has done since.
            _rely_on(account, plan.processor)
        if not settled:
            raise _Unsettled
        asked = {"method": plan.method, "arguments": plan.request(operation_id)}
        return asked if plan.basis is None else {**asked, "basis": plan.basis()}

    return operations.begin(
        operation_id,
        plan.kind,
        plan.subject,
        processor=plan.processor.name,
        account=account,
        customer_id=plan.customer_id,
        print_=operations.fingerprint(plan.kind, plan.subject, arguments),
        request=request,
        guard=plan.guard,
    )


def _account_of(plan: Plan[R]) -> str | None:
    """Return the connected account for which a plan is carried out, or ``None``.

    :raises InvalidState: with the code ``other_account``, when it's about another one than is acted for.
    """
    if plan.customer_id is not None:
        account = account_of(plan.customer_id)
        account_scope.check(account)
        return account
    if plan.kind == "create_customer":
        return account_scope.current_account()
    if plan.account is not None:
        account_scope.check(plan.account)
        return plan.account
    # What else belongs to no customer is the platform's own: accounts, and transfers to them.
    account_scope.require_platform("What belongs to no customer")
    return None


def _rely_on(account: str, processor: Processor) -> None:
    """Check that news of an account come here: without them, what is made in it would stay as it begins.

    :raises AccrueError: as :func:`~flask_accrue.gateways.connected_account` does, and when the processor has
        no accounts.
    """
    processor.require(Capability.CONNECT)
    connected_account(processor.name, account)


def _settle_abandoned(plan: Plan[R], row: models.Operation) -> None:
    """Bring to an end what somebody else began and died over, so that its guard is free.

    What the processor did is written. What it didn't do is never sent on behalf of another call: its
    caller has seen it fail and may want something else by now.
    """
    id, token, sent_at, request = row.id, row.lease_token, row.sent_at, row.request
    rival = plan.rivals.get(row.kind)
    if rival is not None:
        plan = dataclasses.replace(plan, find=rival, result=rival[0])
    current_state().db.session().rollback()
    if sent_at is None:
        operations.abandon(id, token)
        return
    try:
        if plan.find is not None:
            found = _find(plan, id)
        else:
            assert plan.trace is not None, "a guarded change can be traced"
            found = plan.trace(request["arguments"])
    except ProcessorError:
        operations.release(id, token, state="unknown")
        raise
    if found is not None:
        with contextlib.suppress(ActionRequired, CardError):
            Writing(plan, id, token, found, dict(plan.seen)).run()
    elif plan.find is not None:
        operations.release(id, token, state="unknown", guard=None)
    else:
        # A change starts from what was there. Repeated, it mustn't undo what comes now: it's reckoned anew,
        # with the same key, so that the processor refuses it if it did come through.
        operations.release(id, token, state="started", guard=None, sent_at=None, request={})


def _carry_out(plan: Plan[R], row: models.Operation, *, again: bool) -> R:
    id, token, sent_at, request = row.id, row.lease_token, row.sent_at, row.request
    # Reading the row has opened a transaction, and none may be open while the processor is called.
    current_state().db.session().rollback()
    answer = None
    if again and sent_at is not None:
        with letting_go(plan, id, token, sent_at):
            answer = _lost_answer(plan, id, sent_at)
    if answer is None:
        _check(plan, id, token, sent_at)
        operations.note_sent(id, token)
        with letting_go(plan, id, token, sent_at):
            reached("operation.before_call")
            method = getattr(plan.processor, request["method"])
            answer = method(**request["arguments"], key=id)
            reached("operation.after_call")
    return Writing(plan, id, token, answer, dict(plan.seen)).run()


def _check(
    plan: Plan[R], id: str, token: uuid.UUID | None, sent_at: datetime.datetime | None
) -> None:
    """Refuse what isn't legal now: before it's sent, and before what wasn't made is sent again."""
    if plan.check is None:
        return
    try:
        plan.check()
    except BaseException as error:
        if sent_at is None:
            operations.abandon(id, token)
        elif _is_verdict(error):
            operations.release(id, token, state="unknown", guard=None)
        else:
            # It isn't known any better what became of it, so the next one has to look first, too.
            operations.release(id, token, state="unknown")
        raise


def _is_verdict(error: BaseException) -> bool:
    """Tell whether a check has come to an end, other than by failing to look."""
    if isinstance(error, ProcessorError):
        return error.definite and not isinstance(error, RateLimited | AuthenticationError)
    return isinstance(error, AccrueError)


@contextlib.contextmanager
def letting_go(
    plan: Plan[R], id: str, token: uuid.UUID | None, sent_at: datetime.datetime | None
) -> c.Iterator[None]:
    """Let an operation go in the state that an error leaves it in."""
    try:
        yield
    except (RateLimited, AuthenticationError):
        if sent_at is None:
            # Turned away at the door: nothing was done, and nobody has to wait for it.
            operations.release(id, token, state="started", sent_at=None, guard=None)
        else:
            operations.release(id, token, state="unknown")
        raise
    except OperationUnknown:
        # For a human to look at. Other operations of its kind needn't wait for that.
        operations.release(id, token, state="unknown", guard=None)
        raise
    except ProcessorError as error:
        if not error.definite:
            operations.release(id, token, state="unknown")
            raise
        write_refusal(plan, id, token, error)
        raise
    except BaseException:
        operations.release(id, token, state="unknown")
        raise


def _lost_answer(plan: Plan[R], id: str, sent_at: datetime.datetime) -> Answer | None:
    """Find out what became of a request that was sent before; ``None``: send it again."""
    found = _find(plan, id)
    if found is not None:
        return found
    if not operations.may_resend(sent_at):
        raise OperationUnknown(
            f"The operation {id!r} ({plan.kind}) was sent at {sent_at:%Y-%m-%d %H:%M} UTC and its "
            "answer was lost. The processor has forgotten its key, so sending it again could act "
            "twice. Look at the processor's dashboard (`flask accrue operations show` tells for what), "
            "then `flask accrue operations close` it and use another operation id."
        )
    return None


def _find(plan: Plan[R], id: str) -> Answer | None:
    """Look for what an operation made, and for all that its answer would have held."""
    if plan.find is None:
        return None
    kind, within = plan.find
    found = plan.processor.find(kind, id, within=within)
    if found is None:
        return None
    if kind == "customer" and installation.reason_against(found.main.metadata) is not None:
        # Another app that shares the account has used the same operation id.
        return None
    try:
        return _with_what_hangs_on(plan.processor, found)
    except ProcessorError as error:
        # It was made: whatever is said of what hangs on it, that is no refusal.
        raise ProcessorUnavailable(
            f"The {kind} of the operation {id!r} was made, and what hangs on it couldn't be read: "
            f"{error}"
        ) from error


def _with_what_hangs_on(gateway: Processor, answer: Answer) -> Answer:
    """Add what the lost answer would have held: the latest invoice, its payment and the charge."""
    found, secret, until = list(answer.objects), answer.client_secret, answer.fresh_to
    wanted: list[tuple[str, str | None]] = []
    for obj in found:
        if isinstance(obj, objects.SubscriptionSchedule | objects.CheckoutSession):
            wanted.append(("subscription", obj.subscription))
        elif isinstance(obj, objects.Subscription):
            wanted.append(("invoice", obj.latest_invoice))
        elif isinstance(obj, objects.Invoice) and obj.payments is not objects.UNSAID:
            wanted += [("payment_intent", each.payment_intent) for each in obj.payments]
        elif isinstance(obj, objects.PaymentIntent):
            wanted.append(("charge", obj.latest_charge))
        elif isinstance(obj, objects.Charge) and obj.transfer is not objects.UNSAID:
            wanted.append(("transfer", obj.transfer))
        elif isinstance(obj, objects.CreditNote):
            wanted.append(("invoice", obj.invoice))
            wanted += [("refund", each) for each in obj.refunds]
        elif isinstance(obj, objects.Refund):
            wanted.append(("charge", obj.charge))
        # What is appended here is looked at in its turn.
        for kind, processor_id in wanted:
            if processor_id is not None:
                further = gateway.fetch(kind, processor_id)
                found.append(further.main)
                secret = secret or further.client_secret
                until = max(until, further.fresh_to)
        wanted.clear()
    return dataclasses.replace(answer, objects=tuple(found), client_secret=secret, fresh_to=until)
