"""A process that is killed at a named moment of :func:`flask_accrue.telemetry.observe`."""

from __future__ import annotations

import contextvars
import os
import signal
import traceback
from typing import TYPE_CHECKING, Any

from flask_accrue import Money, billing, telemetry, webhooks
from tests.host import Organization, create_host

if TYPE_CHECKING:
    from flask import Flask

    from flask_accrue import Accrue

OPERATION = "the operation of the test"


def build(url: str, store: str) -> tuple[Flask, Any, Accrue]:
    """Build the host with a handler that leaves a mark on the owner."""
    app, db, accrue = create_host(url, ACCRUE_FAKE_STORE=store)

    @accrue.on("customer.subscription.updated")
    def note(event: Any, context: Any) -> None:
        # Idempotent by the context's id, as a host's handler has to be.
        owner = db.session.get(Organization, int(context.customer.owner_id))
        owner.email = f"{context.operation_id}@handled.example"
        db.session.commit()

    return app, db, accrue


def act(db: Any, action: str) -> None:
    """Do what is to be interrupted."""
    org = db.session.get(Organization, 1)
    if action == "work":
        webhooks.work_on_due()
    elif action == "customer":
        billing.customer(org)
    elif action == "subscribe":
        billing.subscribe(org, "price_pro", operation_id=OPERATION)
    elif action == "charge":
        billing.charge(org, Money(500, "usd"), operation_id=OPERATION)
    elif action == "refund":
        paid = billing.list_charges(org)[-1]
        billing.refund(paid, Money(100, "usd"), operation_id=OPERATION)
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
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for engine in db.engines.values():
                engine.dispose(close=False)
            telemetry.observe(lambda reached: _die() if reached == moment else None)
            # A context of its own: the parent's session isn't this process's.
            contextvars.Context().run(_act_in, app, db, action)
            code = 0
        except BaseException:  # noqa: BLE001 - told, and then the process ends
            traceback.print_exc()
        finally:
            # Nothing of pytest's may run in the child.
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _act_in(app: Flask, db: Any, action: str) -> None:
    with app.app_context():
        act(db, action)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
