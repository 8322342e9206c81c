"""Links to the customer portal: the processor's own, or the mounted one."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from .. import account_scope, models, operations
from ..errors import InvalidRequest, UnsupportedByProcessor
from ..gateways import gateway_of
from ..ledger.append import append
from ..origins import Origin, current_actor
from ..processors import Capability, objects
from ..state import current_state
from ..unit_of_work import UnitOfWork, settle_session, write
from .changes import ItemName, chosen_item, item_name, one_of
from .customers import customer
from .page_links import make_link
from .prices import check_price, check_quantity
from .targets import absolute_target, checked_target

#: What a link may lead to at once, and whether that is about a subscription.
FLOWS: t.Final[t.Mapping[str, bool]] = {
    "payment_method_update": False,
    "customer_update": False,
    "subscription_cancel": True,
    "subscription_update": True,
    "subscription_update_confirm": True,
}
#: Those that the mounted portal has.
MOUNTED_FLOWS: t.Final = ("payment_method_update", "subscription_cancel")


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
    configuration: str | None = None,
    locale: str | None = None,
    mounted: bool | None = None,
    operation_id: str | None = None,
) -> PortalLink:
    """Make a link to the portal of a billable's customer, and send the customer there.

    It's Stripe's portal where there is one, else the mounted one: a link for 30 minutes, for this customer
    alone. Each call makes a new one. The ledger tells that it was made, and for what.

    :param return_url: where the customer comes back to: a path of the app, or on a listed host.
    :param flow: what it leads to at once: ``payment_method_update``, ``customer_update``,
        ``subscription_cancel``, ``subscription_update`` or ``subscription_update_confirm``; the mounted
        portal has the first and the third.
    :param subscription: the one that the flow is about.
    :param price: with ``quantity`` or without it, what ``subscription_update_confirm`` asks the customer to
        confirm; ``item`` names the one that it's for, where there are several.
    :param configuration: the processor's id of one that :func:`create_portal_configuration` made.
    :raises InvalidRequest: for arguments that don't go together, or a target that isn't listed.
    """
    target = checked_target(return_url, "return_url")
    wanted = _flow(flow, subscription, price, quantity, item)
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
    id = operations.operation_id(
        operation_id, "create_billing_portal_session", f"customer:{payer.id}"
    )
    if mounted:
        if flow is not None and flow not in MOUNTED_FLOWS:
            raise UnsupportedByProcessor(f"The mounted portal has no flow {flow!r}.")
        shown = {"return_url": target, "flow": flow}
        if subscription is not None:
            shown["subscription"] = str(subscription.id)
        url = make_link("portal", payer, shown).url
    else:
        gateway.require(Capability.HOSTED_PAGES)
        processor_id, back = payer.processor_id, absolute_target(target, "return_url")
        settle_session()
        answer = gateway.create_portal_session(
            processor_id,
            return_url=back,
            flow=wanted,
            configuration=configuration,
            locale=locale,
            key=operations.shortened(id),
        )
        assert isinstance(answer.main, objects.PortalSession)
        url = answer.main.url
    _record(payer, flow, mounted=mounted, operation_id=id)
    return PortalLink(url)


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
    settle_session()
    answer = gateway.create_portal_configuration(
        features=dict(features), options=options, key=operations.shortened(id)
    )
    return answer.main.processor_id


def _flow(
    flow: str | None,
    subscription: models.Subscription | None,
    price: str | None,
    quantity: int | None,
    item: ItemName | None,
) -> dict[str, t.Any] | None:
    if flow is None:
        if subscription is not None:
            raise _wrong("Only a flow is about a subscription; name one.", "flow")
        return None
    one_of("flow", flow, tuple(FLOWS))
    if FLOWS[flow] != (subscription is not None):
        needs = "needs" if FLOWS[flow] else "takes no"
        raise _wrong(f"The flow {flow!r} {needs} subscription.", "subscription")
    wanted: dict[str, t.Any] = {"type": flow}
    if subscription is None:
        return wanted
    wanted["subscription"] = subscription.processor_id
    if flow != "subscription_update_confirm":
        return wanted
    if price is None and quantity is None:
        raise _wrong("Say which price or quantity the customer is to confirm.", "price")
    found = chosen_item(subscription, item_name(item))
    changed: dict[str, t.Any] = {"id": found.processor_id}
    if price is not None:
        check_price(price)
        changed["price"] = price
    if quantity is not None:
        changed["quantity"] = check_quantity(quantity, least=1)
    return {**wanted, "items": [changed]}


def _record(payer: models.Customer, flow: str | None, *, mounted: bool, operation_id: str) -> None:
    id = payer.id

    def work(uow: UnitOfWork) -> None:
        row = uow.lock_customer(id)
        append(
            uow,
            "customer.portal_opened",
            subject_type="customer",
            subject_id=str(id),
            customer=row,
            data={"flow": flow, "mounted": mounted},
        )

    write(work, origin=Origin(current_actor(), operation_id=operation_id))


def _wrong(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="parameter_invalid", param=param)
