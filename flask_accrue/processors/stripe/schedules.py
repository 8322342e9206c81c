"""Calls that let subscriptions change by a schedule."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ..answers import Answer, Json
from ..contract import ScheduleCalls
from . import fields
from .api import Api, Reply, segment
from .calls import StripeCalls
from .customers import check_known
from .gathering import Gathering, current, if_possible, read, taken_out
from .subscriptions import EXPANDED as SUBSCRIPTION_EXPANDED
from .subscriptions import PATH as SUBSCRIPTIONS
from .subscriptions import days_to_pay

PATH: t.Final = "/v1/subscription_schedules"

#: What a schedule comes with: its subscription, as that would come by itself.
EXPANDED: t.Final = tuple(f"subscription.{each}" for each in SUBSCRIPTION_EXPANDED)

# What a phase may hold, and what it's called at Stripe.
_PHASE: t.Final[t.Mapping[str, str]] = {
    "items": "items",
    "start_date": "start_date",
    "end_date": "end_date",
    "duration": "duration",
    "trial": "trial",
    "trial_end": "trial_end",
    "proration": "proration_behavior",
    "metadata": "metadata",
    "discounts": "discounts",
    "automatic_tax": "automatic_tax",
    "currency": "currency",
}
_CHANGEABLE: t.Final = frozenset(
    {"phases", "proration", "end_behavior", "metadata", "automatic_tax", "default_payment_method"}
)


class StripeSchedules(StripeCalls, ScheduleCalls):
    """Calls that let subscriptions change by a schedule."""

    def create_schedule(
        self,
        customer: str,
        *,
        phases: list[dict[str, Json]],
        start_date: int | None,
        end_behavior: str,
        payment_method: str | None,
        collection_method: str,
        metadata: dict[str, str],
        automatic_tax: bool = False,
        days_until_due: int | None = None,
        key: str,
    ) -> Answer:
        """Subscribe a customer by a schedule. The first invoice of one that begins now is a draft for an
        hour, as those of renewals are, and the subscription is active meanwhile."""
        api = self._changing
        settings: dict[str, Json] = {"collection_method": collection_method}
        if payment_method is not None:
            settings["default_payment_method"] = payment_method
        if collection_method == "send_invoice":
            settings["invoice_settings"] = {"days_until_due": days_to_pay(days_until_due)}
        if automatic_tax:
            settings["automatic_tax"] = {"enabled": True}
        given: dict[str, Json] = {
            "customer": customer,
            "start_date": "now" if start_date is None else start_date,
            "end_behavior": end_behavior,
            "phases": [_phase(each) for each in phases],
            "default_settings": settings,
            "metadata": metadata,
            "expand": list(EXPANDED),
        }
        return _told(api, api.post(PATH, given, key=key))

    def create_schedule_from(self, subscription: str, *, key: str) -> Answer:
        """Put a subscription under a schedule. Stripe takes nothing else with that, not even metadata."""
        api = self._changing
        given = {"from_subscription": subscription, "expand": list(EXPANDED)}
        return _told(api, api.post(PATH, given, key=key))

    def update_schedule(self, schedule: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change a schedule, and send nothing but what changes.

        :raises InvalidRequest: for what can't be changed.
        """
        api = self._changing
        check_known(changes, _CHANGEABLE, "schedule")
        given = dict(changes)
        if "phases" in changes:
            taxed = changes.get("automatic_tax")
            given["phases"] = [_phase(each, taxed) for each in changes["phases"]]
        if "proration" in changes:
            given["proration_behavior"] = given.pop("proration")
        settings: dict[str, Json] = {}
        if "automatic_tax" in changes:
            settings["automatic_tax"] = {"enabled": given.pop("automatic_tax")}
        if "default_payment_method" in changes:
            settings["default_payment_method"] = given.pop("default_payment_method")
        if settings:
            given["default_settings"] = settings
        path = f"{PATH}/{segment(schedule)}"
        return _told(api, api.post(path, {**given, "expand": list(EXPANDED)}, key=key))

    def release_schedule(self, schedule: str, *, keep_cancel_date: bool, key: str) -> Answer:
        """Let the subscription of a schedule go on by itself."""
        api = self._changing
        given: dict[str, Json] = {"preserve_cancel_date": True} if keep_cancel_date else {}
        reply = api.post(f"{PATH}/{segment(schedule)}/release", given, key=key)
        reply = current(api, reply, PATH)
        gathering = Gathering(api)
        gathering.put("subscription_schedule", reply.body, reply)
        released = fields.reference(reply.body, "released_subscription")
        if released is not None:
            with if_possible():
                path = f"{SUBSCRIPTIONS}/{segment(released)}"
                found = read(api, path, SUBSCRIPTION_EXPANDED)
                taken_out(found.body, "latest_invoice")
                gathering.put("subscription", found.body, found)
        return gathering.answer()

    def cancel_schedule(
        self, schedule: str, *, invoice_now: bool, prorate: bool, key: str
    ) -> Answer:
        """End a schedule and its subscription. Both options are sent: Stripe's own default is to do both."""
        api = self._changing
        given = {"invoice_now": invoice_now, "prorate": prorate, "expand": list(EXPANDED)}
        return _told(api, api.post(f"{PATH}/{segment(schedule)}/cancel", given, key=key))


def _phase(phase: c.Mapping[str, Json], taxed: bool | None = None) -> dict[str, Json]:
    """Return a phase as Stripe takes it.

    :param taxed: whether tax is reckoned in phases that don't say it; ``None``: as it was.
    """
    check_known(phase, frozenset({*_PHASE, "terms"}), "phase")
    told: dict[str, Json] = dict(phase.get("terms") or {})
    told |= {there: phase[here] for here, there in _PHASE.items() if here in phase}
    told["items"] = [_item(each) for each in phase["items"]]
    tax = (phase.get("terms") or {}).get("automatic_tax")
    enabled = phase.get("automatic_tax", taxed)
    if tax is not None:
        # The account for which it's reckoned is said with it.
        told["automatic_tax"] = tax if enabled is None else _tax(tax, enabled)
    elif "automatic_tax" in phase:
        told["automatic_tax"] = {"enabled": enabled}
    return told


def _tax(before: c.Mapping[str, Json], enabled: bool) -> dict[str, Json]:
    return {**before, "enabled": True} if enabled else {"enabled": False}


def _item(item: c.Mapping[str, Json]) -> dict[str, Json]:
    return {**(item.get("terms") or {}), **{k: v for k, v in item.items() if k != "terms"}}


def _told(api: Api, reply: Reply) -> Answer:
    now = current(api, reply, PATH, *EXPANDED)
    subscription = taken_out(now.body, "subscription")
    gathering = Gathering(api)
    gathering.put("subscription_schedule", now.body, now)
    if subscription is not None:
        invoice = taken_out(subscription, "latest_invoice")
        gathering.put("subscription", subscription, now)
        if invoice is not None:
            gathering.put_invoice(invoice, now)
    return gathering.answer()
