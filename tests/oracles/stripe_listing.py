"""Lists: filters, cursors and pages, in the order of Stripe's (newest first)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.oracles.stripe_errors import StripeError, no_such
from tests.oracles.stripe_search import matches_query, values_at

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

PAGING = {"limit", "starting_after", "ending_before", "expand", "query", "page"}
DEFAULT_LIMIT, LARGEST_LIMIT = 10, 100

# Filters whose name isn't the field's, and where the field stands in old and new shapes.
FILTER_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("event", "types"): ("type",),
    ("invoice", "subscription"): (
        "parent.subscription_details.subscription",
        "subscription",
    ),
    ("price", "lookup_keys"): ("lookup_key",),
    ("product", "ids"): ("id",),
    ("promotion_code", "coupon"): ("promotion.coupon", "coupon"),
    ("subscription", "plan"): ("items.data.plan",),
    ("subscription", "price"): ("items.data.price",),
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}
ENDED = ("canceled", "incomplete_expired")


def filtered(rows: list[Json], params: Json, known: set[str]) -> list[Json]:
    """Return the rows that the parameters ask for.

    :param known: the fields that the kind has by its contract. A filter by anything else is one
        that this server can't judge, and lets every row pass.
    """
    return [row for row in rows if is_wanted(row, params, known)]


def is_wanted(row: Json, params: Json, known: set[str]) -> bool:
    kind = str(row.get("object"))
    if kind == "subscription" and not has_status(row, params.get("status")):
        return False
    for name, wish in params.items():
        if name in PAGING or (kind, name) == ("subscription", "status"):
            continue
        fields = FILTER_FIELDS.get((kind, name), (name,))
        if name not in known and name not in row and (kind, name) not in FILTER_FIELDS:
            continue
        values = [value for field in fields for value in values_at(row, field)]
        if not any(equals(value, wish) for value in values):
            return False
    return True


def has_status(row: Json, wish: str | None) -> bool:
    """Tell whether a subscription has a status; without a wish the canceled ones are left out."""
    if wish is None:
        return row.get("status") != "canceled"
    if wish == "ended":
        return row.get("status") in ENDED
    return wish in ("all", row.get("status"))


def equals(value: Any, wish: Any) -> bool:
    """Tell whether a field has the value, one of the values or the range that is asked for."""
    if isinstance(wish, dict):
        if COMPARISONS.keys() >= wish.keys():
            return value is not None and all(
                COMPARISONS[name](value, bound) for name, bound in wish.items()
            )
        return isinstance(value, dict) and all(
            equals(value.get(name), part) for name, part in wish.items()
        )
    if isinstance(value, dict):
        value = value.get("id")
    return value in wish if isinstance(wish, list) else bool(value == wish)


def page(rows: list[Json], params: Json, url: str) -> Json:
    """Return one page of a list.

    :raises StripeError: for a limit out of range, two cursors, or a cursor that isn't a row.
    """
    limit = checked_limit(params)
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise StripeError("You can only use one of starting_after and ending_before.")
    if after:
        rows = rows[position(rows, after, "starting_after") + 1 :]
    elif before:
        rows = rows[: position(rows, before, "ending_before")]
        return {
            "object": "list",
            "url": url,
            "has_more": len(rows) > limit,
            "data": rows[-limit:],
        }
    return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": rows[:limit]}


def search_page(rows: list[Json], params: Json, url: str) -> Json:
    """Return one page of a search, whose cursor is a token and not an id."""
    limit = checked_limit(params)
    found = [row for row in rows if matches_query(row, params["query"])]
    token = re.fullmatch(r"page_(\d+)", params.get("page", "page_0"))
    if token is None:
        raise StripeError(f"Invalid page: {params['page']}", param="page")
    start = int(token[1])
    more = len(found) > start + limit
    return {
        "object": "search_result",
        "url": url,
        "has_more": more,
        "next_page": f"page_{start + limit}" if more else None,
        "data": found[start : start + limit],
    }


def checked_limit(params: Json) -> int:
    limit = int(params.get("limit", DEFAULT_LIMIT))
    if not 1 <= limit <= LARGEST_LIMIT:
        raise StripeError(
            f"Invalid limit: must be between 1 and {LARGEST_LIMIT}.",
            param="limit",
            code="parameter_invalid_integer",
        )
    return limit


def position(rows: list[Json], cursor: str, param: str) -> int:
    for index, row in enumerate(rows):
        if row.get("id") == cursor:
            return index
    raise no_such(str(rows[0].get("object")) if rows else "object", cursor, param=param)
