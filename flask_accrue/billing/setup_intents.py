"""Cards that are set up for later, with the customer's confirmation, without a charge."""

from __future__ import annotations

import collections.abc as c
import typing as t

from .. import mirror, models
from ..errors import (
    AccrueError,
    ActionRequired,
    CardError,
    InvalidRequest,
    InvalidState,
)
from ..gateways import gateway_of
from ..metadata import validate_metadata
from ..origins import Origin, current_actor
from ..processors import Answer, Capability
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .customers import OPERATION_KEY, customer
from .payment_intents import USAGES, client_secret, with_secret
from .payment_methods import check_token, list_payment_methods
from .perform import Plan, perform, seen, settle_session


def create_setup_intent(
    owner: t.Any,
    *,
    usage: str = "off_session",
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
    _own: c.Mapping[str, str] | None = None,
) -> models.SetupIntent:
    """Make what a customer's browser sets a card up with; once that's done, the card is attached.

    ``setup.client_secret`` is for the customer's browser. It's there right after the call and never stored;
    :func:`client_secret` asks for it anew.

    :param usage: ``off_session`` where the card will be charged while the customer isn't there, as for
        renewals, else ``on_session``.
    """
    if usage not in USAGES:
        raise InvalidRequest(
            f"usage is one of {', '.join(USAGES)}, not {usage!r}.",
            code="parameter_invalid",
            param="usage",
        )
    own = _own or {}
    extra = {**validate_metadata(metadata or {}, ours=1 + len(own)), **own}
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.SETUP_INTENTS)
    processor_id = payer.processor_id
    plan: Plan[models.SetupIntent] = Plan(
        kind="create_setup_intent",
        subject=f"customer:{payer.id}",
        processor=gateway,
        arguments={"usage": usage, "metadata": extra},
        method="create_setup_intent",
        request=lambda id: {
            "customer": processor_id,
            "usage": usage,
            "metadata": {**extra, OPERATION_KEY: id},
        },
        result="setup_intent",
        customer_id=payer.id,
        find=("setup_intent", processor_id),
        outcome=_lend_secret,
    )
    made: models.SetupIntent = with_secret(perform(plan, operation_id))
    return made


def confirm_setup_intent(
    setup_intent: models.SetupIntent,
    token: str | None = None,
    *,
    operation_id: str | None = None,
) -> models.SetupIntent:
    """Set a card up on the customer's word, where that isn't done in the browser.

    :param token: the card, as token or the processor's id; by default the one that waits.
    :raises CardError: when the bank refuses.
    :raises ActionRequired: when the customer has to confirm it.
    :raises InvalidState: with the code ``setup_ended`` when nothing is left to confirm.
    """
    if token is not None:
        check_token(token)
    asked = {"setup_intent": setup_intent.processor_id, "payment_method": token}
    plan = _change(setup_intent, "confirm_setup_intent", "confirm_setup", asked)
    plan.outcome = _outcome
    row = perform(plan, operation_id)
    if row.requires_action:
        raise _action_required(row, client_secret(row))
    return row


def cancel_setup_intent(
    setup_intent: models.SetupIntent, *, operation_id: str | None = None
) -> models.SetupIntent:
    """Give up setting a card up. What was given up stays so.

    :raises InvalidState: with the code ``setup_ended`` when the card is set up.
    """
    if setup_intent.is_canceled:
        return setup_intent
    asked = {"setup_intent": setup_intent.processor_id}
    return perform(
        _change(setup_intent, "cancel_setup_intent", "cancel_setup", asked), operation_id
    )


def sync_setup_intent(setup_intent: models.SetupIntent) -> models.SetupIntent:
    """Fetch a setup intent and its card, and write what the processor says.

    News that came in meanwhile wins over what was fetched.

    :raises ProcessorError: when the processor can't be asked.
    """
    settle_session()
    state = current_state()
    gateway = gateway_of(setup_intent)
    customer_id, id, processor_id = (
        setup_intent.customer_id,
        setup_intent.id,
        setup_intent.processor_id,
    )
    before = seen(setup_intent, *_cards(setup_intent))
    state.db.session.rollback()
    answer = gateway.fetch("setup_intent", processor_id)

    def work(uow: UnitOfWork) -> None:
        mirror.write_answers(uow, uow.lock_customer(customer_id), [answer], before)

    write(work, origin=Origin(current_actor()))
    return state.db.session.get_one(models.SetupIntent, id)


def _change(
    setup_intent: models.SetupIntent, kind: str, method: str, asked: dict[str, t.Any]
) -> Plan[models.SetupIntent]:
    gateway = gateway_of(setup_intent)
    gateway.require(Capability.SETUP_INTENTS)

    def request(id: str) -> dict[str, t.Any]:
        if setup_intent.is_succeeded or setup_intent.is_canceled:
            raise InvalidState(
                f"This setup intent is {setup_intent.status}; make a new one.", code="setup_ended"
            )
        return dict(asked)

    return Plan(
        kind=kind,
        subject=f"setup_intent:{setup_intent.id}",
        processor=gateway,
        arguments=asked,
        method=method,
        request=request,
        result="setup_intent",
        customer_id=setup_intent.customer_id,
        seen=seen(setup_intent, *_cards(setup_intent)),
    )


def _cards(setup_intent: models.SetupIntent) -> list[models.PaymentMethod]:
    """Return the customer's cards: an older one may be set up, too."""
    return list_payment_methods(setup_intent.customer)


def _lend_secret(row: models.SetupIntent, answer: Answer) -> None:
    row.lend_secret(answer.client_secret)


def _outcome(row: models.SetupIntent, answer: Answer) -> AccrueError | None:
    row.lend_secret(answer.client_secret)
    if row.requires_action:
        return _action_required(row, answer.client_secret)
    if row.requires_payment_method and row.error_code is not None:
        return CardError(
            "The bank declined the card.",
            code=row.error_code,
            decline_code=row.error_decline_code,
            row=row,
        )
    return None


def _action_required(row: models.SetupIntent, secret: str | None) -> ActionRequired:
    return ActionRequired(
        "The customer has to confirm this card; until then it isn't theirs.",
        row=row,
        client_secret=secret,
        url=None,
    )
