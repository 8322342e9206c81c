"""What becomes of a schedule and of its subscription: phases in a row, and the one that begins now."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from tests.oracles.stripe_discounts import give_discounts
from tests.oracles.stripe_effects import cancel_subscription, set_trial
from tests.oracles.stripe_errors import StripeError

if TYPE_CHECKING:
    from tests.oracles.new_objects import NewObjects

Json = dict[str, Any]

#: What a phase says of its subscription that is unset there when the phase doesn't say it.
TERMS = (
    "application_fee_percent",
    "default_payment_method",
    "description",
    "invoice_settings",
    "on_behalf_of",
    "transfer_data",
)


class World(Protocol):
    """The objects of an account."""

    def lookup(self, kinds: list[str], object_id: str) -> Json:
        """Return an object of one of the kinds."""

    def keep(self, obj: Json) -> None:
        """Store a new object."""

    @property
    def new(self) -> NewObjects:
        """Makes objects."""


def create(world: World, schedule: Json, params: Json, now: int) -> None:
    schedule.update(canceled_at=None, completed_at=None, released_at=None, current_phase=None)
    schedule.update(subscription=None, released_subscription=None)
    schedule["end_behavior"] = params.get("end_behavior", "release")
    _set_defaults(schedule, params)
    if params.get("from_subscription"):
        _take_over(world, schedule, world.lookup(["subscription"], params["from_subscription"]))
        return
    start = params.get("start_date", "now")
    begins = now if start == "now" else int(start)
    schedule["phases"] = _phases(world, params["phases"], begins)
    schedule["status"] = "not_started"
    if begins <= now:
        _begin(world, schedule, params, now)


def update(world: World, schedule: Json, params: Json, now: int) -> None:
    _set_defaults(schedule, params)
    card = params.get("default_settings", {}).get("default_payment_method")
    if card is not None and schedule.get("current_phase") is not None:
        world.lookup(["subscription"], schedule["subscription"])["default_payment_method"] = card
    if "phases" not in params:
        return
    start = params["phases"][0].get("start_date")
    current = schedule.get("current_phase")
    if start is None:
        raise StripeError("The first phase must have a start_date.", param="phases[0][start_date]")
    if current is not None and start not in ("now", current["start_date"]):
        raise StripeError(
            "You can not modify the start date of the current phase.",
            param="phases[0][start_date]",
        )
    schedule["phases"] = _phases(world, params["phases"], now if start == "now" else int(start))
    if current is not None:
        subscription = world.lookup(["subscription"], schedule["subscription"])
        subscription["discounts"] = subscription.get("discounts") or []
        _enter(world, schedule, subscription, now)


def cancel(world: World, schedule: Json, params: Json, now: int) -> None:
    schedule.update(canceled_at=now, current_phase=None)
    if schedule.get("subscription"):
        subscription = world.lookup(["subscription"], schedule["subscription"])
        cancel_subscription(subscription, {}, now)


def release(world: World, schedule: Json, params: Json, now: int) -> None:
    held = schedule.get("subscription")
    schedule.update(
        released_at=now, current_phase=None, subscription=None, released_subscription=held
    )
    if held:
        subscription = world.lookup(["subscription"], held)
        subscription["schedule"] = None
        if not params.get("preserve_cancel_date"):
            subscription.update(cancel_at=None, canceled_at=None)


def _set_defaults(schedule: Json, params: Json) -> None:
    told = params.get("default_settings", {})
    given = told.get("automatic_tax")
    settings = schedule.setdefault("default_settings", {})
    settings.update({name: value for name, value in told.items() if name in TERMS})
    if given is not None or settings.get("automatic_tax") is None:
        settings["automatic_tax"] = given or {"enabled": False}


def _begin(world: World, schedule: Json, params: Json, now: int) -> None:
    subscription = world.new.make("subscription")
    settings = params.get("default_settings", {})
    subscription.update(
        customer=params["customer"],
        status="active",
        schedule=schedule["id"],
        trial_start=None,
        trial_end=None,
        metadata=dict(schedule["phases"][0]["metadata"]),
        collection_method=settings.get("collection_method", "charge_automatically"),
        default_payment_method=settings.get("default_payment_method"),
        discounts=[],
    )
    world.keep(subscription)
    schedule["subscription"] = subscription["id"]
    _enter(world, schedule, subscription, now)


def _enter(world: World, schedule: Json, subscription: Json, now: int) -> None:
    phase, settings = schedule["phases"][0], schedule["default_settings"]
    schedule["status"] = "active"
    schedule["current_phase"] = {
        "start_date": phase["start_date"],
        "end_date": phase["end_date"],
    }
    present = {_price_id(row): row for row in subscription["items"]["data"]}
    rows = []
    for item in phase["items"]:
        row = present.get(item["price"]) or world.new.make("subscription_item")
        price = world.lookup(["price"], item["price"])
        row.update(price=price, quantity=item.get("quantity", 1), subscription=subscription["id"])
        row.update(tax_rates=item["tax_rates"], discounts=_ids_of(item["discounts"]))
        rows.append(row)
    subscription["items"] = {**subscription["items"], "data": rows}
    subscription.update({name: phase[name] or settings.get(name) for name in TERMS})
    subscription["default_tax_rates"] = phase["default_tax_rates"]
    # A phase has the discounts that it names, and no others.
    give_discounts(
        world.new, world.keep, world.lookup, subscription, {"discounts": phase["discounts"] or ""}
    )
    subscription["automatic_tax"] = {
        "disabled_reason": None,
        "liability": None,
        **(phase["automatic_tax"] or schedule["default_settings"]["automatic_tax"]),
    }
    if phase["trial_end"]:
        set_trial(subscription, phase["trial_end"], now)
    if schedule["end_behavior"] == "cancel" and len(schedule["phases"]) == 1:
        subscription.update(cancel_at=phase["end_date"], canceled_at=now)


def _take_over(world: World, schedule: Json, subscription: Json) -> None:
    if subscription.get("schedule"):
        raise StripeError(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"`{subscription['schedule']}`",
            param="from_subscription",
        )
    items = subscription["items"]["data"]
    start, end = (items[0][f"current_period_{name}"] for name in ("start", "end"))
    wanted = {
        **{name: subscription.get(name) for name in TERMS},
        "automatic_tax": subscription.get("automatic_tax"),
        "default_tax_rates": _ids(subscription.get("default_tax_rates")),
        "items": [
            {
                "price": _price_id(row),
                "quantity": row["quantity"],
                "tax_rates": _ids(row.get("tax_rates")),
                "discounts": [{"discount": each} for each in row.get("discounts") or []],
            }
            for row in items
        ],
        "end_date": end,
        "discounts": [{"discount": each} for each in subscription.get("discounts") or []],
    }
    schedule.update(
        customer=subscription["customer"],
        status="active",
        subscription=subscription["id"],
        metadata={},
        phases=_phases(world, [wanted], start),
        current_phase={"start_date": start, "end_date": end},
    )
    subscription["schedule"] = schedule["id"]


def _phases(world: World, wanted: list[Json], begins: int) -> list[Json]:
    phases = []
    for number, params in enumerate(wanted):
        if ("duration" in params) == ("end_date" in params):
            raise StripeError(
                "You must pass exactly one of duration or end_date.",
                param=f"phases[{number}][end_date]",
            )
        end = (
            int(params["end_date"]) if "end_date" in params else _after(begins, params["duration"])
        )
        if end <= begins:
            raise StripeError(
                "The end date of a phase must be after its start date.",
                param=f"phases[{number}][end_date]",
            )
        phases.append(
            {
                "add_invoice_items": [
                    {"metadata": {}, "quantity": 1, **each, "discounts": [], "tax_rates": []}
                    for each in params.get("add_invoice_items", [])
                ],
                "automatic_tax": params.get("automatic_tax"),
                "billing_cycle_anchor": params.get("billing_cycle_anchor"),
                "currency": "usd",
                **{name: params.get(name) for name in TERMS},
                "default_tax_rates": _rates(world, params),
                "discounts": _discounts(params),
                "start_date": begins,
                "end_date": end,
                "items": [
                    {
                        "quantity": 1,
                        "plan": item["price"],
                        "metadata": {},
                        **item,
                        "tax_rates": _rates(world, item, "tax_rates"),
                        "discounts": _discounts(item),
                    }
                    for item in params["items"]
                ],
                "metadata": params.get("metadata", {}),
                "proration_behavior": params.get("proration_behavior", "create_prorations"),
                "trial_end": end if params.get("trial") else params.get("trial_end"),
            }
        )
        begins = end
    return phases


def _discounts(params: Json) -> list[Json]:
    return [
        {"coupon": None, "discount": None, "promotion_code": None, **each}
        for each in params.get("discounts") or []
    ]


def _rates(world: World, params: Json, name: str = "default_tax_rates") -> list[Json]:
    return [world.lookup(["tax_rate"], each) for each in params.get(name) or []]


def _ids(rates: list[Json] | None) -> list[str]:
    return [each["id"] for each in rates or []]


def _ids_of(discounts: list[Json]) -> list[str]:
    return [each["discount"] for each in discounts if each["discount"] is not None]


def _after(begins: int, duration: Json) -> int:
    start, count = datetime.datetime.fromtimestamp(begins, datetime.UTC), duration["interval_count"]
    if duration["interval"] in ("day", "week"):
        days = count * (7 if duration["interval"] == "week" else 1)
        return int((start + datetime.timedelta(days=days)).timestamp())
    months = start.month - 1 + count * (12 if duration["interval"] == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def _price_id(row: Json) -> str:
    price = row["price"]
    return str(price["id"] if isinstance(price, dict) else price)


#: What an action changes of other objects, or makes.
SCHEDULING: dict[tuple[str, str], Callable[[World, Json, Json, int], None]] = {
    ("post", "/v1/subscription_schedules"): create,
    ("post", "/v1/subscription_schedules/{}"): update,
    ("post", "/v1/subscription_schedules/{}/cancel"): cancel,
    ("post", "/v1/subscription_schedules/{}/release"): release,
}
