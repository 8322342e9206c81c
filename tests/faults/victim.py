"""A process that is killed at a named moment of :func:`flask_accrue.telemetry.observe`.

As a host of ``flask --app tests.faults.victim`` it's told by ``VICTIM`` and dies in its own worker's job.
"""

from __future__ import annotations

import contextvars
import json
import os
import signal
import traceback
from typing import TYPE_CHECKING, Any

from flask_accrue import Money, billing, metering, models, telemetry, webhooks
from tests.host import Organization, create_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from flask_accrue import Accrue

OPERATION = "the operation of the test"


def build(url: str, store: str, **config: Any) -> tuple[Flask, Any, Accrue]:
    """Build the host with handlers: one leaves a mark on the owner, with RQ another one charges."""
    app, db, accrue = create_host(url, ACCRUE_FAKE_STORE=store, **config)

    @accrue.on("customer.subscription.updated")
    def note(event: Any, context: Any) -> None:
        # Idempotent by the context's id, as a host's handler has to be.
        owner = db.session.get(Organization, int(context.customer.owner_id))
        owner.email = f"{context.operation_id}@handled.example"
        db.session.commit()

    if "ACCRUE_REDIS_URL" in config:

        @accrue.on("customer.subscription.updated")
        def charge(event: Any, context: Any) -> None:
            billing.charge(context.owner, Money(100, "usd"))
            telemetry.reached("host.charged")

    return app, db, accrue


def create_app() -> Flask:
    """Build the host for ``flask --app``, as the variable ``VICTIM`` says in JSON."""
    told = json.loads(os.environ["VICTIM"])
    kill_horse_and_worker_at(told.pop("moment"))
    return build(**told)[0]


def act(db: Any, action: str) -> None:
    """Do what is to be interrupted."""
    org = db.session.get(Organization, 1)
    if action == "work":
        webhooks.work_on_due()
    elif action == "usage":
        billing.report_usage(org, "api_calls", 7, identifier=OPERATION)
    elif action == "report due usage":
        metering.work_on_due()
    elif action == "customer":
        billing.customer(org)
    elif action == "subscribe":
        billing.subscribe(org, "price_pro", operation_id=OPERATION)
    elif action == "charge":
        billing.charge(org, Money(500, "usd"), operation_id=OPERATION)
    elif action == "refund":
        paid = billing.list_charges(org)[-1]
        billing.refund(paid, Money(100, "usd"), operation_id=OPERATION)
    elif action == "hold":
        billing.create_payment_intent(
            org,
            Money(500, "usd"),
            capture_method="manual",
            confirm=True,
            operation_id=OPERATION,
        )
    elif action == "capture":
        held = db.session.query(models.PaymentIntent).one()
        billing.capture(held, Money(300, "usd"), operation_id=OPERATION)
    elif action == "set up":
        billing.create_setup_intent(org, operation_id=OPERATION)
    elif action == "swap":
        subscription = billing.subscription(org)
        assert subscription is not None
        billing.swap_plan(
            subscription, "price_team", proration="always_invoice", operation_id=OPERATION
        )
    else:
        raise ValueError(action)


def run_and_die(app: Flask, db: Any, action: str, moment: str | None) -> int:
    """Act in a forked process, which dies when the moment comes; return how it ended.

    :returns: 0, or the negated number of the signal.
    """

    def run() -> None:
        telemetry.observe(lambda reached: die() if reached == moment else None)
        with app.app_context():
            act(db, action)

    return in_a_fork(db, run)


def run_worker(app: Flask, db: Any, moment: str | None, *, horse_alone: bool = False) -> int:
    """Run ``flask accrue worker --burst`` in a forked process; return how it ended.

    :param moment: when to kill the work horse, the process that RQ forks for a job, and the worker,
        unless the horse is to die alone.
    """

    def run() -> None:
        kill_horse_and_worker_at(moment, horse_alone=horse_alone)
        result = app.test_cli_runner().invoke(args=["accrue", "worker", "--burst"])
        if result.exception is not None:
            raise result.exception

    return in_a_fork(db, run)


def kill_horse_and_worker_at(moment: str | None, *, horse_alone: bool = False) -> None:
    """Let the jobs of this process, a worker, kill it and themselves when the moment comes."""
    worker = os.getpid()

    def strike(reached: str) -> None:
        if reached == moment:
            assert os.getppid() == worker
            if not horse_alone:
                os.kill(worker, signal.SIGKILL)
            die()

    telemetry.observe(strike)


def in_a_fork(db: Any, run: Callable[[], None]) -> int:
    """Run a function in a forked process, with database connections of its own; return how it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for engine in db.engines.values():
                engine.dispose(close=False)
            # A context of its own: the parent's session isn't this process's.
            contextvars.Context().run(run)
            code = 0
        except BaseException:  # noqa: BLE001 - told, and then the process ends
            traceback.print_exc()
        finally:
            # Nothing of pytest's may run in the child.
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def die() -> None:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)
