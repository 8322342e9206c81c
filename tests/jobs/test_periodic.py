"""The table of periodic jobs: each can be run by name, again, and twice at once."""

from __future__ import annotations

import contextvars
import datetime
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models
from flask_accrue.jobs import PERIODIC, run_all, run_periodic
from flask_accrue.ledger import verify
from flask_accrue.testing import Kit
from tests.host import Organization
from tests.webhooks.worker import Handled, build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def kit(database_url: str, tmp_path: Path) -> Iterator[Kit]:
    """Give the kit of a host with something to do for each periodic job."""
    app, db = build(database_url, str(tmp_path / "fake.sqlite"))
    with app.app_context():
        made = Kit(app)
        made.price("price_pro", 1900)
        org = Organization(id=1, name="Acme", email=None)
        db.session.add(org)
        db.session.commit()
        billing.add_payment_method(org, "pm_card_visa")
        # Its events wait at the Fake, those of the catalog were stored and wait here.
        billing.subscribe(org, "price_pro")
        billing.report_usage_in_bulk([billing.Usage(org, "api_calls")])
        old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=91)
        db.session.execute(
            sa.update(models.WebhookEvent)
            .where(models.WebhookEvent.type == "product.created")
            .values(received_at=old, state="succeeded")
        )
        # A mounted page whose time was over when nobody looked.
        page = billing.create_checkout_session(org, "price_pro", name="more", success_url="/")
        db.session.execute(
            sa.update(models.CheckoutSession)
            .where(models.CheckoutSession.id == page.session.id)
            .values(processor_id="cs_mounted_1", expires_at=made.now - HOUR)
        )
        # What its charge has cost would come with the event, which got lost a day ago.
        for event in made.fake.pending_events():
            if event.type.startswith("charge."):
                made.fake.lose(event)
        then = made.now - 24 * HOUR
        db.session.execute(sa.update(models.Charge).values(fresh_from=then, fresh_to=then))
        db.session.commit()
        yield made
        db.session.remove()
        db.engine.dispose()


def count(kit: Kit, model: Any) -> int:
    kit.state.db.session.rollback()
    found: int = kit.state.db.session.query(model).count()
    return found


def left_to_do(kit: Kit) -> dict[str, int]:
    """Count what waits for each periodic job."""
    kit.state.db.session.rollback()
    events = models.WebhookEvent
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=90)
    waiting = kit.state.db.session.query(events)
    usage = kit.state.db.session.query(models.MeterEvent)
    heads = models.LedgerChain
    unsigned = kit.state.db.session.query(heads).filter(heads.sequence > heads.checkpointed)
    return {
        "deliver_fake_events": len(kit.fake.pending_events()),
        "sweep_webhooks": waiting.filter(events.is_waiting).count(),
        "report_usage": usage.filter(models.MeterEvent.is_waiting).count(),
        "make_checkpoint": unsigned.count(),
        "prune_webhooks": waiting.filter(events.received_at < old).count(),
        "expire_checkouts": kit.state.db.session.query(models.CheckoutSession)
        .filter_by(processor_id="cs_mounted_1", status="open")
        .count(),
        "reconcile_fees": kit.state.db.session.query(models.Charge).filter_by(fee=None).count(),
    }


@pytest.mark.parametrize("name", PERIODIC)
def test_each_job_does_what_waits_for_it_and_then_has_nothing_to_do(kit: Kit, name: str) -> None:
    before = left_to_do(kit)[name]
    assert before > 0
    assert run_periodic(name) > 0
    assert left_to_do(kit)[name] == 0
    assert run_periodic(name) == 0


@pytest.mark.parametrize("name", PERIODIC)
def test_each_job_may_run_twice_at_once(kit: Kit, name: str) -> None:
    assert left_to_do(kit)[name] > 0
    ready = threading.Barrier(2)
    done: list[int] = []
    errors: list[Exception] = []

    def run() -> None:
        with kit.app.app_context():
            ready.wait()
            try:
                done.append(run_periodic(name))
            except Exception as error:  # noqa: BLE001 - told to the test
                errors.append(error)

    threads = [threading.Thread(target=contextvars.Context().run, args=(run,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert left_to_do(kit)[name] == 0
    # Nothing was done twice: no event is stored or handled again, no head is signed again.
    assert count(kit, models.LedgerCheckpoint) == (1 if name == "make_checkpoint" else 0)
    handled = list(kit.state.db.session.scalars(sa.select(Handled.event)))
    assert len(handled) == len(set(handled))
    assert verify().findings == []


def test_all_of_them_in_a_row_do_everything(kit: Kit) -> None:
    done = run_all()
    assert list(done) == list(PERIODIC)
    assert all(done.values())
    assert left_to_do(kit) == dict.fromkeys(PERIODIC, 0)
    assert run_all() == dict.fromkeys(PERIODIC, 0)


def test_a_checkpoint_is_made_each_hour_and_catches_up(kit: Kit) -> None:
    org = kit.state.db.session.get(Organization, 1)
    assert run_periodic("make_checkpoint") == 1
    billing.update_customer(org, metadata={"seats": "3"})
    kit.fake.advance(HOUR - datetime.timedelta(seconds=1))
    assert run_periodic("make_checkpoint") == 0
    kit.fake.advance(datetime.timedelta(seconds=1))
    assert run_periodic("make_checkpoint") == 1
    # Nobody called it for a day.
    billing.update_customer(org, metadata={"seats": "4"})
    kit.fake.advance(24 * HOUR)
    assert run_periodic("make_checkpoint") == 1
    assert run_periodic("make_checkpoint") == 0


def test_a_job_that_fails_stops_no_other_and_is_logged_by_name(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    # As after a disk error: one job's table can't be read, the other jobs need others.
    with kit.state.db.engine.begin() as connection:
        connection.execute(
            sa.text("ALTER TABLE accrue_ledger_checkpoints RENAME TO accrue_checkpoints_away")
        )
    done = run_all()
    assert done.pop("make_checkpoint") is None
    assert all(done.values())
    assert "accrue: the periodic job make_checkpoint failed" in caplog.text
    left = left_to_do(kit)
    assert {name for name, waits in left.items() if waits} == {"make_checkpoint"}


def test_events_of_the_fake_that_the_app_refuses_wait_and_are_logged(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = left_to_do(kit)["deliver_fake_events"]
    kit.app.before_request_funcs.setdefault(None, []).append(lambda: ("Closed.", 503))
    assert run_periodic("deliver_fake_events") == 0
    assert len(kit.fake.pending_events()) == waiting
    assert "the app refused events of the Fake, with [503]; they wait" in caplog.text
