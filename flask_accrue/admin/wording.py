"""What the back office says about rows: states as badges, and as sentences an operator can act on.

Everything is read from the models' predicates, never from a raw status.
"""

from __future__ import annotations

import datetime
import json
import re
import typing as t

from .. import models
from ..money import Money
from ..plans import EntitlementPolicy
from .cells import Badge
from .resource import Notice

NOTHING: t.Final = "\N{EN DASH}"


def laid_out(value: t.Any) -> str:
    """Write JSON to be read."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def data_texts(row: models.Mirrored) -> list[tuple[str, str]]:
    """Return what the processor and the app keep beside a row, with titles."""
    return [
        ("Metadata at the processor", laid_out(row.meta)),
        ("The app's own data", laid_out(row.data)),
    ]


def day(moment: datetime.datetime | None) -> str:
    """Write a day, in UTC, as the tables do."""
    return "an unknown day" if moment is None else f"{moment:%d %b %Y}"


# -- subscriptions ---------------------------------------------------------------------------------


def subscription_badge(row: models.Subscription) -> Badge:
    """Return a subscription's state in a word, the most telling one."""
    if row.is_ended:
        return Badge("Ended", "neutral")
    if row.is_incomplete:
        return Badge("Incomplete", "warn")
    if row.is_past_due:
        return Badge("Past due", "bad")
    if row.is_paused:
        return Badge("Paused", "warn")
    if row.is_canceling:
        return Badge("Canceling", "warn")
    if row.is_trialing:
        return Badge("Trialing", "info")
    return Badge("Active", "good")


def subscription_notices(row: models.Subscription, policy: EntitlementPolicy) -> list[Notice]:
    """Explain a subscription's state, and whether it grants access now."""
    text, tone = _explained(row)
    return [Notice(f"{text} {_access(row, policy)}", tone)]


def _explained(row: models.Subscription) -> tuple[str, str]:
    if row.is_ended:
        if row.ends_at is None:
            return "It has ended and renews no more.", "neutral"
        return f"It ended on {day(row.ends_at)} and renews no more.", "neutral"
    if row.is_incomplete:
        text = "Its first payment isn't made yet: it was declined, or waits for the customer."
        return text, "warn"
    if row.is_past_due:
        since = f" on {day(row.past_due_since)}" if row.past_due_since else ""
        return f"A payment failed{since}, and the processor may try again.", "bad"
    if row.is_paused:
        until = ""
        if row.pause_resumes_at is not None:
            until = f" It resumes by itself on {day(row.pause_resumes_at)}."
        return f"It's paused: {_pause(row.pause_behavior)}.{until}", "warn"
    if row.is_canceling:
        rest = "on trial" if row.is_trialing else "active"
        return f"It's {rest}, and ends on {day(row.ends_at)} unless it's resumed.", "warn"
    if row.is_trialing:
        if row.trial_end is None:
            return "It's on a trial without an end.", "info"
        return f"It's on trial until {day(row.trial_end)}; then the first payment is due.", "info"
    if row.current_period_end is None:
        return "It's active and paid.", "good"
    return f"It's active, and renews on {day(row.current_period_end)}.", "good"


def _pause(behavior: str | None) -> str:
    return {
        "void": "invoices of this time are voided",
        "keep_as_draft": "invoices of this time stay drafts",
        "mark_uncollectible": "invoices of this time are written off",
    }.get(behavior or "", "nothing is collected")


def _access(row: models.Subscription, policy: EntitlementPolicy) -> str:
    if not row.is_entitling(policy):
        return "It grants nothing now."
    if row.is_past_due and policy.grace is not None and row.past_due_since is not None:
        until = day(row.past_due_since + policy.grace)
        return f"It still grants what its plan holds, in grace until {until}."
    return "It grants what its plan holds."


def plan_text(row: models.Subscription) -> str:
    """Return what a subscription is for: products or prices, with quantities above 1."""
    return ", ".join(item_text(item) for item in row.items) or "Nothing"


def item_text(item: models.SubscriptionItem) -> str:
    """Return what an item is for."""
    name = price_text(item.price) or item.price_processor_id
    return (
        f"{item.quantity} \N{MULTIPLICATION SIGN} {name}"
        if item.quantity not in (None, 1)
        else name
    )


def price_text(price: models.Price | None) -> str | None:
    """Return the name of a price: its own, else its product's; ``None`` for one that we don't have."""
    if price is None:
        return None
    if price.nickname:
        return price.nickname
    return price.product.name if price.product is not None else None


# -- money -----------------------------------------------------------------------------------------


def invoice_badge(row: models.Invoice) -> Badge:
    """Return an invoice's state in a word."""
    if row.is_open and row.first_failed_at is not None:
        return Badge("Failing", "bad")
    for holds, badge in (
        (row.is_paid, Badge("Paid", "good")),
        (row.is_open, Badge("Open", "info")),
        (row.is_draft, Badge("Draft")),
        (row.is_void, Badge("Void")),
        (row.is_uncollectible, Badge("Uncollectible", "bad")),
    ):
        if holds:
            return badge
    return Badge(_words(row.status), "warn")


def charge_badge(row: models.Charge) -> Badge:
    """Return a charge's state in a word."""
    if row.disputed:
        return Badge("Disputed", "bad")
    if row.is_fully_refunded:
        return Badge("Refunded")
    if row.is_partially_refunded:
        return Badge("Partly refunded", "warn")
    if row.is_succeeded:
        return Badge("Succeeded", "good")
    if row.is_failed:
        return Badge("Failed", "bad")
    return Badge(_words(row.status), "info")


def card_badge(row: models.PaymentMethod) -> Badge:
    """Return a card's state in a word."""
    if not row.is_attached:
        return Badge("Removed")
    return Badge("Expired", "bad") if row.is_expired else Badge("Usable", "good")


# -- people ----------------------------------------------------------------------------------------


def customer_text(row: models.Customer | None) -> str | None:
    """Return what a customer is called: name, else e-mail address, else owner."""
    if row is None:
        return None
    return row.name or row.email or owner_text(row)


def owner_text(row: models.Customer) -> str:
    """Return the host's owner of a customer."""
    return f"{row.owner_type} {row.owner_id}"


# -- webhooks --------------------------------------------------------------------------------------


def webhook_badge(row: models.WebhookEvent) -> Badge:
    """Return a webhook event's state in a word."""
    if row.is_dead:
        return Badge("Dead", "bad")
    if row.is_succeeded:
        return Badge("Succeeded", "good")
    return (
        Badge("Retrying", "warn") if row.attempts and row.last_error else Badge("Waiting", "info")
    )


def webhook_notices(row: models.WebhookEvent) -> list[Notice]:
    """Explain what became of a webhook event."""
    if row.is_dead:
        return [
            Notice(
                f"It failed {row.attempts} times and was given up. Mend the cause, then replay it. "
                f"The last error: {row.last_error or 'unknown'}",
                "bad",
                "Dead",
            )
        ]
    if row.is_waiting and row.last_error:
        return [
            Notice(
                f"Attempt {row.attempts} failed: {row.last_error} It's tried again by itself.",
                "warn",
                "Retrying",
            )
        ]
    return []


#: What became of an event, as a sentence.
OUTCOMES: t.Final[t.Mapping[str, str]] = {
    "applied": "Its body was written.",
    "fetched": "The object was fetched from the processor and written.",
    "stale": "It told nothing new.",
    "ignored": "It isn't about a customer of this app.",
    "skipped": "The processor has no such object any more.",
    "unhandled": "Nothing of it is mirrored; handlers may use it.",
}


# -- the ledger ------------------------------------------------------------------------------------

_BAD: t.Final = ("failed", "past_due", "declined", "disputed", "expired", "uncollectible", "unpaid")
_WARN: t.Final = (
    "cancel",
    "detached",
    "deleted",
    "paused",
    "voided",
    "requires",
    "ended",
    "refund",
)
_GOOD: t.Final = ("paid", "succeeded", "activated", "resumed", "recovered", "renewed")
_AMOUNT: t.Final = re.compile(
    r"(^|_)(amount|balance|discount|fee|net|subtotal|tax|total)(_(captured|due|paid|received|refunded|remaining))?$"
)
#: Changes that say nothing by themselves.
_DULL: t.Final = frozenset({"current_period_start", "paid_until"})


def entry_title(row: models.LedgerEntry) -> str:
    """Return what happened, such as ``Subscription canceled``."""
    return _words(row.type.replace(".", " "))


def entry_tone(row: models.LedgerEntry) -> str:
    """Return the tone of what happened."""
    verb = row.type.partition(".")[2]
    for tone, parts in (("bad", _BAD), ("warn", _WARN), ("good", _GOOD)):
        if any(part in verb for part in parts):
            return tone
    return "info" if verb.endswith("created") else "neutral"


def entry_text(row: models.LedgerEntry) -> str | None:
    """Return what changed in a line, or why it was done."""
    changes = row.data.get("changes")
    if isinstance(changes, dict):
        told = [
            f"{_words(name)}: {change_text(row, name, before)} → {change_text(row, name, after)}"
            for name, (before, after) in sorted(changes.items())
            if not name.endswith("_id") and name not in _DULL
            if _is_short(before) and _is_short(after)
        ]
        if told:
            return "; ".join(told[:4])
    reason = row.data.get("reason")
    return f"“{reason}”" if isinstance(reason, str) else None


def change_text(row: models.LedgerEntry, name: str, value: t.Any) -> str:
    """Write a value of the ledger: amounts as money, times by the minute, nothing as a dash."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    currency = (row.state or {}).get("currency")
    if isinstance(value, int) and isinstance(currency, str) and _AMOUNT.search(name):
        return Money(value, currency).format()
    if isinstance(value, str):
        try:
            moment = datetime.datetime.fromisoformat(value) if "T" in value else None
        except ValueError:
            moment = None
        return value if moment is None else f"{moment:%d %b %Y, %H:%M}"
    return str(value)


def said_actor(row: models.LedgerEntry) -> str:
    """Return who did it, such as ``admin 7``."""
    if row.actor_id is None or row.actor_type == "webhook":
        # An event's id says nothing to a reader, and the cause leads there.
        return row.actor_type
    return f"{row.actor_type} {row.actor_id}"


def _is_short(value: t.Any) -> bool:
    return value is None or (isinstance(value, str | int | bool) and len(str(value)) <= 60)


def _words(word: str) -> str:
    text = word.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
