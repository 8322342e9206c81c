"""What a host's own jobs do has ids: a retry has the same ones, another run has others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
import rq

from flask_accrue import Money, billing, models
from flask_accrue.state import current_state
from tests.host import Organization, app, kit, org

if TYPE_CHECKING:
    from flask import Flask

    from flask_accrue.testing import Kit

__all__ = ["app", "kit", "org"]

_failures: list[str] = []


def bill() -> None:
    """Charge and count, as a job of a host's; fail afterwards as often as a test asks for it."""
    session = current_state().db.session
    payer = session.query(Organization).one()
    billing.charge(payer, Money(500, "usd"))
    billing.report_usage(payer, "api_calls", 1)
    session.remove()
    if _failures:
        raise RuntimeError(_failures.pop())


@pytest.fixture
def jobs(app: Flask, kit: Kit, org: Organization, redis_url: str) -> rq.Queue:
    """Give the queue of a host whose organization has a card that pays."""
    billing.add_payment_method(org, "pm_card_visa")
    _failures.clear()
    return rq.Queue("host", connection=redis.Redis.from_url(redis_url))


def work(jobs: rq.Queue) -> None:
    rq.SimpleWorker([jobs], connection=jobs.connection).work(burst=True)


def done() -> tuple[int, int]:
    """Count payments and reports of usage."""
    session = current_state().db.session
    session.rollback()
    return session.query(models.PaymentIntent).count(), session.query(models.MeterEvent).count()


@pytest.mark.only("sqlite")
def test_a_retry_of_a_job_does_nothing_twice(jobs: rq.Queue) -> None:
    _failures.extend(["once", "twice"])
    jobs.enqueue(bill, retry=rq.Retry(max=2))
    work(jobs)
    assert _failures == []
    assert done() == (1, 1)


@pytest.mark.only("sqlite")
def test_each_run_of_a_repeated_job_does_its_own(jobs: rq.Queue) -> None:
    _failures.append("the first run, once")
    jobs.enqueue(bill, repeat=rq.Repeat(times=2), retry=rq.Retry(max=1))
    work(jobs)
    assert _failures == []
    assert done() == (3, 3)


@pytest.mark.only("sqlite")
def test_a_job_that_is_enqueued_anew_under_the_same_id_does_its_own(jobs: rq.Queue) -> None:
    for runs in (1, 2):
        jobs.enqueue(bill, job_id="nightly")
        work(jobs)
        assert done() == (runs, runs)


@pytest.mark.only("sqlite")
def test_a_failed_job_that_an_operator_requeues_does_nothing_twice(jobs: rq.Queue) -> None:
    _failures.append("once")
    job = jobs.enqueue(bill)
    work(jobs)
    job.requeue()
    work(jobs)
    assert job.is_finished
    assert done() == (1, 1)
