"""Which card is charged: a subscription's own, or its customer's default."""

from __future__ import annotations

import typing as t

from .. import models, operations
from ..errors import InvalidState
from ..gateways import gateway_of
from ..processors import Capability
from .changes import as_it_is
from .customers import customer
from .payment_methods import chosen_card, require_attached, set_default_payment_method
from .perform import Plan, perform, seen
from .phase_terms import own_cards
from .schedule_changes import update_schedule
from .schedules import list_schedules
from .subscriptions import list_subscriptions


def set_subscription_payment_method(
    subscription: models.Subscription,
    payment_method: models.PaymentMethod | None,
    *,
    operation_id: str | None = None,
) -> models.Subscription:
    """Charge a subscription to a card from its next payment on; ``None``: to its customer's default.

    Nothing is charged by it: what is open is paid with :func:`retry_payment`.

    :raises NotAttached: when it isn't a card of this customer.
    :raises InvalidState: with the code ``subscription_ended``.
    """
    card = None if payment_method is None else chosen_card(payment_method)
    gateway = gateway_of(subscription)
    gateway.require(Capability.SUBSCRIPTIONS)
    id, processor_id = subscription.id, subscription.processor_id

    def request(_: str) -> dict[str, t.Any]:
        now = as_it_is(id)
        require_attached(now.customer, payment_method)
        if now.is_ended:
            raise InvalidState("This subscription has ended.", code="subscription_ended")
        plan.seen |= seen(now)
        return {"subscription": processor_id, "changes": {"default_payment_method": card}}

    plan: Plan[models.Subscription] = Plan(
        kind="set_subscription_payment_method",
        subject=f"subscription:{id}",
        processor=gateway,
        arguments={"payment_method": card},
        method="update_subscription",
        request=request,
        result="subscription",
        customer_id=subscription.customer_id,
    )
    return perform(plan, operation_id)


def use_payment_method(
    owner: t.Any, payment_method: models.PaymentMethod, *, operation_id: str | None = None
) -> models.Customer:
    """Charge everything to a card from now on: what a customer means who chooses one.

    It becomes the default, and the card of each running subscription that names another one, as those do that
    come of a checkout. So it does of each schedule that names one, whose next phase would go back to that.
    Asked for again under the same id it changes nothing more.

    :raises NotAttached: when it isn't a card of this customer.
    """
    chosen_card(payment_method)
    payer = customer(owner)
    id = operations.operation_id(operation_id, "use_payment_method", f"customer:{payer.id}")
    # The default comes last, so that it tells whether all of it was done.
    if not operations.is_done(id):
        require_attached(payer, payment_method)
        for each in charged_to_others(payer, payment_method):
            step = operations.shortened(f"{id}:{each.id}")
            if isinstance(each, models.Subscription):
                set_subscription_payment_method(each, payment_method, operation_id=step)
            else:
                update_schedule(each, payment_method=payment_method, operation_id=step)
    return set_default_payment_method(payer, payment_method, operation_id=id)


def charged_to_others(
    payer: models.Customer, payment_method: models.PaymentMethod
) -> list[models.Subscription | models.SubscriptionSchedule]:
    """Return the running subscriptions, and the schedules that aren't over, that name another card."""
    running = [each for each in list_subscriptions(payer) if not each.is_ended]
    scheduled = [each for each in list_schedules(payer) if each.is_open]
    wanted = {None, payment_method.processor_id}
    return [
        *(each for each in running if each.default_payment_method_processor_id not in wanted),
        *(
            each
            for each in scheduled
            if {each.default_payment_method_processor_id, *own_cards(each)} - wanted
        ),
    ]
