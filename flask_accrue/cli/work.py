"""``flask accrue worker``, ``scheduler`` and ``tick``: who does the work."""

from __future__ import annotations

import collections.abc as c
import contextlib
import json
import typing as t
import uuid

import click
from flask.cli import with_appcontext

from ..jobs import PERIODIC, run_all, run_periodic
from ..queue import RedisQueue
from ..state import current_state


@click.command("worker")
@click.option("--burst", is_flag=True, help="Stop when nothing is left to do.")
@click.option("--fork/--no-fork", default=True, help="Run each job in a process of its own.")
@with_appcontext
def worker(burst: bool, fork: bool) -> None:
    """Work on what comes in, on RQ. Start as many as you like."""
    import rq

    with _redis_queue() as queue:
        kind = rq.Worker if fork else rq.SimpleWorker
        kind([queue.rq_queue], connection=queue.worker_connection()).work(burst=burst)


@click.command("scheduler")
@with_appcontext
def scheduler() -> None:
    """Enqueue the periodic jobs on RQ: all when it starts, then each when it's due.

    One scheduler is enough; a second, or a restart, does no harm: a job that comes twice does nothing twice.
    """
    from rq.cron import CronScheduler
    from rq.exceptions import SchedulerNotFound

    with _redis_queue() as queue:
        name = f"{queue.scheduler_prefix}{uuid.uuid4().hex}"
        cron = CronScheduler(connection=queue.worker_connection(), name=name)
        for job in PERIODIC.values():
            cron.register(
                run_periodic,
                queue.queue_name,
                args=(job.name,),
                interval=job.every,
                # One that no worker has taken by the time of the next is of no use any more.
                ttl=job.every,
                result_ttl=0,
                failure_ttl=24 * 3600,
            )
        # Who is to be struck off a list that was lost with all of Redis has no need to be.
        with contextlib.suppress(SchedulerNotFound):
            cron.start()  # type: ignore[no-untyped-call]


@click.command("tick")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
@with_appcontext
def tick(as_json: bool) -> None:
    """Do everything that is due, once: for a host's own cron. Exits with 1 when a job failed."""
    done = run_all()
    if as_json:
        click.echo(json.dumps(done))
    else:
        for name, count in done.items():
            click.echo(f"{name}: {'failed, see the log' if count is None else count}")
    if None in done.values():
        raise click.exceptions.Exit(1)


@contextlib.contextmanager
def _redis_queue() -> c.Iterator[RedisQueue]:
    """Lend the queue, and end the command with a line when Redis doesn't answer, or not any more."""
    from redis.exceptions import RedisError

    queue: t.Any = current_state().queue
    if not isinstance(queue, RedisQueue):
        raise click.ClickException(
            "There is no Redis: set ACCRUE_REDIS_URL, or let your own cron call `flask accrue tick`."
        )
    try:
        queue.connection.ping()
        yield queue
    except RedisError as error:
        # What it says may hold the address, and that a password.
        raise click.ClickException(
            f"Redis doesn't answer: {type(error).__name__}. Is ACCRUE_REDIS_URL right?"
        ) from None
