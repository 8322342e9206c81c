"""RQ's time-out ends the job, and what it was at is done by another one."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from flask_accrue import clock, jobs, models

if TYPE_CHECKING:
    from tests.jobs.conftest import Host


def end_now(*_: Any) -> None:
    """Do what the kernel does when a job's time is up."""
    signal.raise_signal(signal.SIGALRM)


def end_now_and_take_it_for_a_failure(*_: Any) -> None:
    with contextlib.suppress(Exception):
        end_now()


def let_leases_run_out(host: Host) -> None:
    events = models.WebhookEvent
    host.db.session.execute(
        sa.update(events)
        .where(events.claimed_until.is_not(None))
        .values(claimed_until=clock.real_now())
    )
    host.db.session.commit()


@pytest.mark.parametrize("handler", [end_now, end_now_and_take_it_for_a_failure])
@pytest.mark.parametrize(
    "job", [lambda: jobs.work("webhooks"), lambda: jobs.run_periodic("sweep_webhooks")]
)
def test_a_job_whose_time_is_up_ends_and_its_row_is_claimed_again(
    host: Host, handler: Any, job: Any
) -> None:
    host.store_events(2)
    left = [handler]

    def for_the_first_time(event: Any, context: Any) -> None:
        for each in left[:]:
            left.remove(each)
            each()

    host.state.handlers.append(("product.created", for_the_first_time))

    with pytest.raises(JobTimeoutException), UnixSignalDeathPenalty(180, JobTimeoutException):
        job()

    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
    assert host.waiting() == 2
    host.db.session.expire_all()
    events = host.db.session.scalars(sa.select(models.WebhookEvent)).all()
    assert [each.last_error for each in events] == [None, None]
    let_leases_run_out(host)
    for _ in range(2):
        job()
    host.assert_each_handled_once(2)


def test_a_job_that_nobody_times_is_left_alone(host: Host) -> None:
    host.store_events(1)
    before = signal.getsignal(signal.SIGALRM)
    jobs.work("webhooks")
    assert signal.getsignal(signal.SIGALRM) == before
    host.assert_each_handled_once(1)
