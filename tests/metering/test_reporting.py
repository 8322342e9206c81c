"""Reporting usage: stored first, counted once, tried again, and given up in plain sight."""

from __future__ import annotations

import datetime
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, metering, models, operations, signals, telemetry
from flask_accrue.billing import Usage
from flask_accrue.clock import real_now
from flask_accrue.errors import IdempotencyConflict, InvalidRequest
from flask_accrue.jobs import run_periodic
from flask_accrue.origins import Actor
from flask_accrue.retry import MOST_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from flask_accrue.testing import Kit
    from tests.host import Organization
    from tests.metering.conftest import Metered


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Give the identifiers of usage that the host was told is given up."""
    told: list[str] = []

    def hear(sender: Any, event: models.MeterEvent) -> None:
        told.append(event.identifier)

    signals.usage_report_failed.connect(hear)
    yield told
    signals.usage_report_failed.disconnect(hear)


def test_usage_is_reported_once_for_its_identifier(metered: Metered, org: Organization) -> None:
    first = billing.report_usage(org, "api_calls", 250, identifier="batch:1")
    again = billing.report_usage(org, "api_calls", 250, identifier="batch:1")

    assert first.id == again.id
    assert first.is_reported
    assert first.reported_at is not None
    assert metered.counted() == 250


@pytest.mark.parametrize(
    "other",
    [
        {"value": 2},
        {"event_name": "seats"},
        {"timestamp": datetime.datetime(2026, 3, 9, tzinfo=datetime.UTC)},
    ],
)
def test_an_identifier_stands_for_one_piece_of_usage(
    metered: Metered, org: Organization, other: dict[str, Any]
) -> None:
    said = {"event_name": "api_calls", "identifier": "one"}
    billing.report_usage(org, **said)

    with pytest.raises(IdempotencyConflict, match="'one'"):
        billing.report_usage(org, **{**said, **other})
    with pytest.raises(IdempotencyConflict, match="'one'"):
        billing.report_usage_in_bulk([Usage(org, "new"), Usage(org, **{**said, **other})])
    assert len(metered.rows()) == 1


def test_a_repeated_operation_reports_what_it_did(metered: Metered, org: Organization) -> None:
    for _ in range(2):
        with operations.operation("import:7"):
            billing.report_usage(org, "api_calls", 3)
            billing.report_usage(org, "api_calls", 4)

    assert metered.counted() == 7
    billing.report_usage(org, "api_calls", 3)
    assert metered.counted() == 10


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"value": 1.5}, "value"),
        ({"value": True}, "value"),
        ({"value": "1"}, "value"),
        ({"value": 10**15}, "value"),
        ({"event_name": ""}, "event_name"),
        ({"event_name": "x" * 101}, "event_name"),
        ({"identifier": ""}, "identifier"),
        ({"identifier": "a\0b"}, "identifier"),
        ({"identifier": "x" * 101}, "identifier"),
        ({"timestamp": 1_700_000_000}, "timestamp"),
        ({"timestamp": datetime.datetime(2026, 3, 10)}, "timestamp"),  # noqa: DTZ001
    ],
)
def test_what_cannot_be_reported_is_refused_by_name_and_not_stored(
    metered: Metered, org: Organization, wrong: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest, match=param) as error:
        billing.report_usage(org, **{"event_name": "api_calls", **wrong})
    assert error.value.param == param
    with pytest.raises(InvalidRequest, match=param):
        billing.report_usage_in_bulk(
            [Usage(org, "api_calls"), Usage(org, **{"event_name": "api_calls", **wrong})]
        )
    assert metered.rows() == []


def test_usage_is_from_35_days_ago_to_5_minutes_ahead(
    metered: Metered, org: Organization, kit: Kit
) -> None:
    oldest = kit.now - datetime.timedelta(days=35)
    farthest = kit.now + datetime.timedelta(minutes=5)
    second = datetime.timedelta(seconds=1)

    for moment in (oldest, farthest):
        assert billing.report_usage(org, "api_calls", timestamp=moment).is_reported
    for moment in (oldest - second, farthest + second):
        with pytest.raises(InvalidRequest, match="35 days"):
            billing.report_usage(org, "api_calls", timestamp=moment)
    # By billing time, which moves on.
    kit.advance(seconds=1)
    with pytest.raises(InvalidRequest, match="35 days"):
        billing.report_usage(org, "api_calls", timestamp=oldest)


def test_a_negative_value_corrects(metered: Metered, org: Organization) -> None:
    billing.report_usage(org, "api_calls", 5)
    billing.report_usage(org, "api_calls", -2)

    assert metered.counted() == 3
    assert billing.usage_summary(org, "api_calls").total == 3


def test_the_row_is_committed_before_the_processor_is_called(
    metered: Metered, org: Organization, app: Flask
) -> None:
    seen = []

    def look(moment: str) -> None:
        if moment == "usage.before_call":
            with app.app_context():
                events = models.MeterEvent
                db = app.extensions["sqlalchemy"]
                seen.append(db.session.scalars(sa.select(events.state)).all())

    telemetry.observe(look)
    billing.report_usage(org, "api_calls")
    telemetry._observers.remove(look)

    assert seen == [["pending"]]


@pytest.mark.parametrize(
    ("fault", "when"),
    [
        ("rate_limited", "before"),
        ("unavailable", "before"),
        ("unavailable", "after"),
        ("timeout", "before"),
        ("timeout", "after"),
        ("connection_reset", "before"),
        ("connection_reset", "after"),
        ("authentication", "before"),
    ],
)
def test_what_could_not_be_reported_is_sent_again_and_counted_once(
    metered: Metered, org: Organization, kit: Kit, heard: list[str], fault: str, when: str
) -> None:
    metered.fail(fault, when=when)
    row = billing.report_usage(org, "api_calls", 7, identifier="a")

    assert row.is_waiting
    assert row.last_error is not None
    assert run_periodic("report_usage") == 0
    kit.advance(minutes=1)
    assert run_periodic("report_usage") == 1
    assert run_periodic("report_usage") == 0
    [row] = metered.rows()
    assert row.is_reported
    assert row.last_error is None
    assert metered.counted() == 7
    assert heard == []


def refuse(monkeypatch: pytest.MonkeyPatch, kit: Kit) -> list[str]:
    """Let the processor refuse everything, and give the keys that it was asked with."""
    keys = []

    def no(customer: str, **said: Any) -> None:
        keys.append(said["key"])
        raise InvalidRequest("No active meter found.", http_status=400)

    monkeypatch.setattr(kit.fake, "create_meter_event", no)
    return keys


def test_refused_usage_is_given_up_told_once_and_retried(
    metered: Metered,
    org: Organization,
    kit: Kit,
    heard: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        keys = refuse(patch, kit)
        row = billing.report_usage(org, "api_calls", 7, identifier="a")
        assert row.is_failed
        assert row.last_error == "InvalidRequest: No active meter found."
        assert billing.report_usage(org, "api_calls", 7, identifier="a").is_failed
        kit.advance(days=1)
        assert run_periodic("report_usage") == 0
        assert heard == ["a"]
        assert metering.retry([row.id], Actor("system", "cli")) == 1
        run_periodic("report_usage")
        # What was refused is refused again under the same key, whatever was put right.
        assert keys == [f"usage:{row.id}:0", f"usage:{row.id}:1"]
        assert heard == ["a", "a"]
    [row] = metered.rows()
    assert metering.retry([row.id], Actor("system", "cli")) == 1
    assert metering.retry([row.id], Actor("system", "cli")) == 0
    assert run_periodic("report_usage") == 1
    assert metered.rows()[0].is_reported
    assert metered.counted() == 7
    assert len(kit.entries("usage.retried")) == 2


def test_usage_is_given_up_after_the_last_try(
    metered: Metered, org: Organization, kit: Kit, heard: list[str]
) -> None:
    metered.fail("rate_limited", times=100)
    billing.report_usage(org, "api_calls", identifier="a")
    for _ in range(MOST_ATTEMPTS - 1):
        assert heard == []
        kit.advance(hours=8)
        assert run_periodic("report_usage") == 1

    [row] = metered.rows()
    assert row.is_failed
    assert heard == ["a"]


def test_what_may_have_been_counted_a_day_ago_needs_a_human(
    metered: Metered, org: Organization, kit: Kit, heard: list[str]
) -> None:
    metered.fail("timeout", when="after")
    row = billing.report_usage(org, "api_calls", 7, identifier="a")
    metered.session.execute(
        sa.update(models.MeterEvent).values(sent_at=real_now() - datetime.timedelta(hours=24))
    )
    metered.session.commit()
    kit.advance(minutes=1)
    assert run_periodic("report_usage") == 1

    [row] = metered.rows()
    assert row.is_failed
    assert "isn't known" in (row.last_error or "")
    assert heard == ["a"]
    assert metering.retry([row.id], Actor("system", "cli")) == 0
    assert metering.retry([row.id], Actor("system", "cli"), force=True) == 1
    assert run_periodic("report_usage") == 1
    assert metered.rows()[0].is_reported


def test_many_reports_of_one_identifier_at_once_are_one(
    metered: Metered, org: Organization, app: Flask
) -> None:
    org_id, results = org.id, []
    start = threading.Barrier(4)

    def report() -> None:
        with app.app_context():
            db = app.extensions["sqlalchemy"]
            mine = db.session.get(type(org), org_id)
            start.wait()
            results.append(billing.report_usage(mine, "api_calls", 5, identifier="same").id)
            db.session.remove()

    metered.session.rollback()
    threads = [threading.Thread(target=report) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(results) == 4
    assert len(set(results)) == 1
    assert metered.counted() == 5


def test_thousands_are_stored_in_few_statements_and_reported_in_the_background(
    metered: Metered, org: Organization, app: Flask
) -> None:
    usage = [Usage(org, "api_calls", n, identifier=f"line:{n}") for n in range(5000)]
    inserts = []
    engine = app.extensions["sqlalchemy"].engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("INSERT INTO accrue_meter_events"):
            inserts.append(statement)

    assert billing.report_usage_in_bulk(usage) == 5000
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(inserts) == 5000 // 500
    assert metered.counted() == 0
    assert billing.usage_summary(org, "api_calls").pending == sum(range(5000))
    assert billing.report_usage_in_bulk([*usage[:100], Usage(org, "api_calls", 1)]) == 1
    # The rest goes the same way; it would only take long here.
    metered.session.execute(sa.delete(models.MeterEvent).where(models.MeterEvent.value >= 60))
    metered.session.commit()
    assert run_periodic("report_usage") == 61
    assert metered.counted() == sum(range(60)) + 1
    assert {row.state for row in metered.rows()} == {"reported"}


def test_nothing_of_a_bulk_is_stored_when_one_of_it_is_wrong(
    metered: Metered, org: Organization
) -> None:
    twice = [Usage(org, "api_calls", n, identifier="same") for n in (1, 2)]

    with pytest.raises(IdempotencyConflict):
        billing.report_usage_in_bulk([Usage(org, "api_calls"), *twice])
    assert metered.rows() == []
    assert billing.report_usage_in_bulk([twice[0], twice[0]]) == 1
    assert billing.report_usage_in_bulk([]) == 0


def test_a_summary_adds_up_a_window(metered: Metered, org: Organization, kit: Kit) -> None:
    noon = kit.now
    for hours, value in ((-2, 1), (-1, 10), (0, 100)):
        moment = noon + datetime.timedelta(hours=hours)
        billing.report_usage(org, "api_calls", value, timestamp=moment)
    billing.report_usage(org, "seats", 1000)
    metered.fail()
    billing.report_usage(org, "api_calls", 5)

    every = billing.usage_summary(org, "api_calls")
    assert (every.count, every.reported, every.pending, every.failed) == (4, 111, 5, 0)
    assert every.total == 116
    hour = datetime.timedelta(hours=1)
    window = billing.usage_summary(org, "api_calls", since=noon - 2 * hour, until=noon)
    assert (window.count, window.total) == (2, 11)
    with pytest.raises(InvalidRequest, match="time zone"):
        billing.usage_summary(org, "api_calls", since=datetime.datetime(2026, 3, 1))  # noqa: DTZ001


def test_reporting_writes_no_ledger_entry(metered: Metered, org: Organization, kit: Kit) -> None:
    before = len(kit.entries())
    billing.report_usage(org, "api_calls")
    billing.report_usage_in_bulk([Usage(org, "api_calls")])

    assert len(kit.entries()) == before
