"""The types of events that endpoints are asked to send, against those that the installed SDK knows."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import stripe

from flask_accrue.processors.stripe import event_types

#: The first words of types whose objects are mirrored, or tell of one that is.
ACCOUNT_SUBJECTS: t.Final = {
    "charge",
    "checkout",
    "coupon",
    "credit_note",
    "customer",
    "entitlements",
    "invoice",
    "invoice_payment",
    "payment_intent",
    "payment_method",
    "price",
    "product",
    "promotion_code",
    "refund",
    "setup_intent",
    "subscription_schedule",
    "transfer",
}
CONNECT_SUBJECTS: t.Final = {"account", "capability", "payout", "person"}


def offered() -> set[str]:
    """Return the types that an endpoint can be given."""
    params = Path(stripe.__file__).parent / "params" / "_webhook_endpoint_create_params.py"
    return set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', params.read_text()))


def of(subjects: set[str]) -> set[str]:
    return {each for each in offered() if each.partition(".")[0] in subjects}


def test_an_account_s_endpoint_sends_all_that_tells_of_a_row() -> None:
    assert len(offered()) > 200
    assert set(event_types.ACCOUNT) == of(ACCOUNT_SUBJECTS)


def test_an_endpoint_for_connected_accounts_sends_what_becomes_of_them_and_in_them() -> None:
    assert set(event_types.CONNECT) == of(CONNECT_SUBJECTS | ACCOUNT_SUBJECTS - {"transfer"})
    assert list(event_types.CONNECT) == sorted(set(event_types.CONNECT))
