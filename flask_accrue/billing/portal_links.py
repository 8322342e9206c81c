"""Links to the customer portal: the processor's own, or the mounted one."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from .. import account_scope, models, operations
from ..errors import InvalidRequest
from ..gateways import gateway_of
from ..ledger.append import append
from ..processors import Capability, Processor, objects
from ..state import current_state
from ..unit_of_work import UnitOfWork
from .changes import ItemName
from .customers import customer
from .links_made import begin_once, end_once, make_once
from .page_links import make_link
from .perform import Plan
from .portal_flows import asked_flow, mounted_details
from .targets import absolute_target, checked_target


@dataclasses.dataclass(frozen=True)
class PortalLink:
    """A link to a customer's portal. ``url`` opens it, so it's a secret: send the customer there, and
    keep it nowhere."""

    url: str = dataclasses.field(repr=False)


def create_billing_portal_session(
    owner: t.Any,
    return_url: str,
    *,
    flow: str | None = None,
    subscription: models.Subscription | None = None,
    price: str | None = None,
    quantity: int | None = None,
    item: ItemName | None = None,
    prices: c.Sequence[str] | None = None,
    coupon: models.Coupon | str | None = None,
    promotion_code: models.PromotionCode | str | None = None,
    message: str | None = None,
    configuration: str | None = None,
    locale: str | None = None,
    mounted: bool | None = None,
    operation_id: str | None = None,
) -> PortalLink:
    """Make a link to the portal of a billable's customer, and send the customer there.

    It's Stripe's portal where there is one, else the mounted one: a link for 30 minutes, for this customer
    alone. The ledger tells that it was made, and for what. Without an operation id each call makes a new one.

    :param return_url: where the customer comes back to: a path of the app, or on a listed host.
    :param flow: what it leads to at once: ``payment_method_update``, ``customer_update``,
        ``subscription_cancel``, ``subscription_pause``, ``subscription_update`` or
        ``subscription_update_confirm``.
    :param subscription: the one that the flow is about.
    :param price: with ``quantity`` or without it, what ``subscription_update_confirm`` asks the customer to
        confirm; ``item`` names the one that it's for, where there are several.
    :param prices: what the mounted ``subscription_update`` offers; by default the prices of the plans in
        ``ACCRUE_ENTITLEMENTS``. Stripe's portal goes by its configuration.
    :param coupon: taken off by Stripe's ``subscription_update_confirm``, by its row or the processor's id; by
        ``subscription_cancel`` it's offered to whoever would cancel.
    :param promotion_code: taken off by Stripe's ``subscription_update_confirm``, by its row or the
        processor's id.
    :param message: what Stripe's portal says at the end of a flow, before it leads back.
    :param configuration: the processor's id of one that :func:`create_portal_configuration` made.
    :param locale: in which language Stripe's portal is; the mounted one writes dates and amounts as it says.
    :raises InvalidRequest: for arguments that don't go together, or a target that isn't listed.
    :raises IdempotencyConflict: when the operation id was used with other arguments.
    """
    target = checked_target(return_url, "return_url")
    wanted = asked_flow(flow, subscription, price, quantity, item, coupon, promotion_code, message)
    payer = customer(owner)
    if subscription is not None and subscription.customer_id != payer.id:
        raise InvalidRequest(
            "This subscription is another customer's.", code="not_attached", param="subscription"
        )
    gateway = gateway_of(payer)
    if mounted is None:
        mounted = not (
            current_state().settings.hosted_pages and gateway.can(Capability.HOSTED_PAGES)
        )
    subject = f"customer:{payer.id}"
    id = operations.operation_id(operation_id, "create_billing_portal_session", subject)
    note = _noted(payer, flow, mounted=mounted)
    if mounted:
        details = mounted_details(
            payer, flow, subscription, wanted, prices, configuration=configuration
        )
        shown = {"return_url": target, "locale": locale, **details}
        plan = _plan(payer, gateway, {**shown, "mounted": True}, {})
        row, is_first = begin_once(plan, id)
        token = row.lease_token
        url = make_link("portal", payer, shown).url
        if is_first:
            end_once(id, token, note)
        return PortalLink(url)
    gateway.require(Capability.HOSTED_PAGES)
    if prices is not None:
        raise InvalidRequest(
            "Which prices the processor's portal offers is told by its configuration.",
            code="parameter_invalid",
            param="prices",
        )
    asked = {
        "customer": payer.processor_id,
        "return_url": absolute_target(target, "return_url"),
        "flow": wanted,
        "configuration": configuration,
        "locale": locale,
    }
    answer = make_once(_plan(payer, gateway, asked, asked), id, note=note)
    assert isinstance(answer.main, objects.PortalSession)
    return PortalLink(answer.main.url)


def create_portal_configuration(
    features: c.Mapping[str, t.Any],
    *,
    return_url: str | None = None,
    headline: str | None = None,
    terms_of_service_url: str | None = None,
    privacy_policy_url: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    processor: str | None = None,
    operation_id: str | None = None,
) -> str:
    """Make a configuration of the processor's portal, and return its id for links to it.

    ::

        billing.create_portal_configuration(
            {"invoice_history": {"enabled": True}, "payment_method_update": {"enabled": True}},
            operation_id="portal:2026-11",
        )

    :param features: as Stripe writes them (https://docs.stripe.com/api/customer_portal/configurations/create).
    :param operation_id: with the same one within a day, the same configuration is returned.
    :raises IdempotencyConflict: when the operation id was used with other arguments.
    """
    account_scope.require_platform("A configuration of the portal")
    gateway = current_state().processor(processor)
    gateway.require(Capability.HOSTED_PAGES)
    options: dict[str, t.Any] = {
        "headline": headline,
        "terms_of_service_url": terms_of_service_url,
        "privacy_policy_url": privacy_policy_url,
        "metadata": dict(metadata or {}),
    }
    if return_url is not None:
        checked = checked_target(return_url, "return_url")
        options["return_url"] = absolute_target(checked, "return_url")
    id = operations.operation_id(operation_id, "create_portal_configuration", gateway.name)
    asked = {"features": dict(features), "options": options}
    plan: Plan[t.Any] = Plan(
        kind="create_portal_configuration",
        subject=gateway.name,
        processor=gateway,
        arguments=asked,
        method="create_portal_configuration",
        request=lambda _: asked,
        result="portal_configuration",
        customer_id=None,
    )
    return make_once(plan, id).main.processor_id


def _plan(
    payer: models.Customer,
    gateway: Processor,
    arguments: dict[str, t.Any],
    request: dict[str, t.Any],
) -> Plan[t.Any]:
    return Plan(
        kind="create_billing_portal_session",
        subject=f"customer:{payer.id}",
        processor=gateway,
        arguments=arguments,
        method="create_portal_session",
        request=lambda _: request,
        result="portal_session",
        customer_id=payer.id,
    )


def _noted(
    payer: models.Customer, flow: str | None, *, mounted: bool
) -> c.Callable[[UnitOfWork], None]:
    id = payer.id

    def note(uow: UnitOfWork) -> None:
        row = uow.lock_customer(id)
        append(
            uow,
            "customer.portal_opened",
            subject_type="customer",
            subject_id=str(id),
            customer=row,
            data={"flow": flow, "mounted": mounted},
        )

    return note
