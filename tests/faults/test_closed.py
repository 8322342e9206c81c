"""Operations that a human closes after a crash: what the processor did is still told, once."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from flask_accrue import InvalidState, Money, billing, models, webhooks
from flask_accrue.ledger import verify
from tests.faults import victim
from tests.host import Organization

if TYPE_CHECKING:
    from tests.faults.scene import Scene


def test_what_a_closed_operation_did_comes_by_its_webhooks_once(scene: Scene) -> None:
    org = scene.db.session.get(Organization, 1)
    billing.add_payment_method(org, "pm_card_visa")
    scene.store_events()
    scene.run("work")
    assert scene.run("charge", "operation.after_call") == -signal.SIGKILL
    commands = scene.app.test_cli_runner()
    # Whoever died may still be alive, for all that the row says.
    refused = commands.invoke(args=["accrue", "operations", "close", victim.OPERATION, "--yes"])
    assert refused.exit_code == 1
    assert "is being carried out, until" in refused.stderr
    scene.let_leases_run_out()
    closed = commands.invoke(args=["accrue", "operations", "close", victim.OPERATION, "--yes"])
    assert closed.exit_code == 0, closed.output
    assert scene.count(models.Charge) == 0
    scene.store_events()
    scene.run("work")
    scene.db.session.expire_all()
    assert [charge.amount for charge in billing.list_charges(org)] == [500]
    with pytest.raises(InvalidState, match="closed by hand"):
        billing.charge(org, Money(500, "usd"), operation_id=victim.OPERATION)
    assert [event.type for event in scene.fake.events()].count("charge.succeeded") == 1
    assert scene.count(models.WebhookEvent, models.WebhookEvent.is_waiting) == 0
    assert webhooks.work_on_due() == 0
    assert verify().findings == []
