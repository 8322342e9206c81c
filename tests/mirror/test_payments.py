"""Payment intents, charges and refunds; and what an expansion told once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue.processors import objects
from tests.mirror.said import charge, intent, refund

if TYPE_CHECKING:
    from tests.mirror.conftest import Mirror


def test_what_an_expansion_told_once_is_not_forgotten_when_it_is_left_out(mirrored: Mirror) -> None:
    mirrored.put(charge(fee=85, net=1815))
    row = mirrored.put(charge(amount_refunded=500))
    assert (row.fee, row.net, row.amount_refunded) == (85, 1815, 500)
    assert mirrored.entries("charge")[-1].data["changes"] == {"amount_refunded": [0, 500]}
    row = mirrored.put(charge(fee=0, net=1900))
    assert (row.fee, row.net) == (0, 1900)


def test_what_no_body_has_told_yet_is_unknown_and_not_nothing(mirrored: Mirror) -> None:
    row = mirrored.put(charge())
    assert (row.fee, row.net) == (None, None)
    assert (row.invoice_processor_id, row.receipt_url) == (None, None)


@pytest.mark.parametrize("said", [objects.UNSAID, None])
def test_an_invoice_that_was_named_once_stays(mirrored: Mirror, said: Any) -> None:
    mirrored.put(charge(invoice="in_1"))
    mirrored.put(intent(invoice="in_1"))
    assert mirrored.put(charge(invoice=said)).invoice_processor_id == "in_1"
    assert mirrored.put(intent(invoice=said)).invoice_processor_id == "in_1"


@pytest.mark.parametrize(
    ("before", "after", "verb"),
    [
        ({"status": "pending"}, {}, "succeeded"),
        ({"status": "pending"}, {"status": "failed"}, "failed"),
        ({}, {"amount_refunded": 5}, "refunded"),
        ({}, {"disputed": True}, "disputed"),
        ({"captured": False}, {"amount_captured": 1900}, "captured"),
        ({}, {"failure_code": "expired_card"}, "updated"),
    ],
)
def test_what_happened_to_a_charge_is_named(
    mirrored: Mirror, before: dict[str, Any], after: dict[str, Any], verb: str
) -> None:
    mirrored.put(charge(**before))
    mirrored.put(charge(**after))
    assert mirrored.verbs("charge")[-1] == verb


def test_a_refund_is_told_with_its_charge_and_its_failure(mirrored: Mirror) -> None:
    mirrored.put(charge())
    mirrored.put(refund(status="pending"))
    row = mirrored.put(refund(status="failed", failure_reason="lost_or_stolen_card"))
    assert [each.id for each in mirrored.find("charge", "ch_1").refunds] == [row.id]
    assert mirrored.verbs("refund") == ["created", "failed"]
    # How much is left is the charge's own news.
    assert mirrored.find("charge", "ch_1").amount_refunded == 0


def test_an_intent_is_named_by_its_status_and_keeps_no_secret(mirrored: Mirror) -> None:
    secret = "pi_1_secret_x"
    mirrored.put(intent(status="requires_action", client_secret=secret))
    row = mirrored.put(intent(status="succeeded", client_secret=secret, amount_received=1900))
    mirrored.put(intent(status="succeeded", amount_received=1900, capture_method="manual"))
    assert mirrored.verbs("payment_intent") == ["requires_action", "succeeded", "updated"]
    assert row.amount_received == 1900
    for entry in mirrored.entries():
        assert secret not in str([entry.data, entry.state])
