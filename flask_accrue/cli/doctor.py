"""``flask accrue doctor``: is this app fit to bill?"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import json
import typing as t

import click
import sqlalchemy as sa
from flask import current_app
from flask.cli import with_appcontext

from .. import ledger, models, webhooks
from ..clock import real_now
from ..queue import RedisQueue
from ..retry import told
from ..state import current_state
from . import db


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check found: ``ok``, ``warn`` or ``fail``, and a sentence that says what to do."""

    check: str
    level: str
    sentence: str


Check: t.TypeAlias = "c.Callable[[], c.Iterator[Finding]]"


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Check secrets, routes, migrations, triggers, queue and clock; exits with 1 on a failure."""
    findings = list(examine())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in findings], indent=2))
    else:
        marks = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}
        for each in findings:
            click.echo(f"{marks[each.level]}  {each.check}: {each.sentence}")
    if any(each.level == "fail" for each in findings):
        raise click.exceptions.Exit(1)


def examine() -> c.Iterator[Finding]:
    """Run all checks. One that breaks is a failure of its own, and doesn't stop the others.

    What has one cause is told once: tables that aren't there, a database that doesn't answer.
    """
    causes: set[str] = set()
    for name, check in CHECKS.items():
        try:
            found = list(check())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            # A configuration's error has a line for each problem; what comes first says which it is.
            cause = told(error, 300).partition("\n")[0]
            found = []
            if cause not in causes:
                causes.add(cause)
                found = [Finding(name, "fail", f"can't be checked: {cause}")]
        finally:
            current_state().db.session.rollback()
        yield from found


def _secrets() -> c.Iterator[Finding]:
    state = current_state()
    if state.settings.ledger_keys_derived:
        yield Finding(
            "secrets",
            "warn",
            "The ledger's key is derived from SECRET_KEY; set ACCRUE_LEDGER_KEYS.",
        )
    for name in state.processors:
        if name != "fake" and not state.settings.webhook_secrets.get(name):
            yield Finding(
                "secrets", "fail", f"ACCRUE_WEBHOOK_SECRETS has none for {name!r}: nothing gets in."
            )
    for name, processor in state.processors.items():
        found = processor.in_browser
        if found is not None and found.key is None and state.settings.portal_path is not None:
            yield Finding(
                "secrets",
                "fail",
                f"{found.setting} is missing: customers of {name!r} can neither confirm a payment nor add a "
                "card on the portal's pages.",
            )
    serious = not (state.settings.debug or state.settings.testing)
    if state.settings.processor == "fake":
        level = "fail" if serious else "ok"
        yield Finding("processor", level, "The Fake is in use: no money moves.")
    else:
        yield Finding("processor", "ok", f"{state.settings.processor} is in use.")


def _installation() -> c.Iterator[Finding]:
    settings = current_state().settings
    if settings.installation is not None:
        found = f"Customers are those of the installation {settings.installation!r}."
        yield Finding("installation", "ok", found)
    elif settings.processor != "fake":
        yield Finding(
            "installation",
            "ok",
            f"No other app may use the same account at {settings.processor!r}, such as staging beside "
            "production: two that share one need an ACCRUE_INSTALLATION each.",
        )


def _processors() -> c.Iterator[Finding]:
    """Nobody can end or change a subscription at a processor that isn't there any more."""
    if not _has_tables():
        return
    state, subscriptions = current_state(), models.Subscription
    rows = state.db.session.execute(
        sa.select(subscriptions.processor, sa.func.count())
        .where(sa.not_(subscriptions.is_ended), subscriptions.processor.not_in(state.processors))
        .group_by(subscriptions.processor)
        .order_by(subscriptions.processor)
    ).all()
    for name, count in rows:
        yield Finding(
            "processors",
            "fail",
            f"{name!r} has {count} live subscriptions and isn't configured, only "
            f"{_configured()}: keep its settings until they have ended.",
        )
    if not rows:
        yield Finding("processors", "ok", "Each live subscription's processor is configured.")


def _accounts() -> c.Iterator[Finding]:
    """What happens in connected accounts comes to an endpoint with a secret of its own."""
    if not _has_tables():
        return
    state, accounts = current_state(), models.ConnectAccount
    rows = state.db.session.execute(
        sa.select(accounts.processor, sa.func.count())
        .where(accounts.is_connected, accounts.processor != "fake")
        .group_by(accounts.processor)
        .order_by(accounts.processor)
    ).all()
    for name, count in rows:
        if not state.settings.webhook_secrets.get(f"{name}/connect"):
            yield Finding(
                "accounts",
                "warn",
                f"{count} accounts are connected at {name!r}, and ACCRUE_WEBHOOK_SECRETS has none for "
                f"'{name}/connect': what happens in them isn't told.",
            )


def _routes() -> c.Iterator[Finding]:
    settings = current_state().settings
    there = {rule.endpoint.split(".")[0] for rule in current_app.url_map.iter_rules()}
    for blueprint, path, what in (
        ("accrue_webhooks", settings.webhook_path, "webhooks"),
        ("accrue_portal", settings.portal_path, "the portal"),
        ("accrue_admin", settings.admin_path, "the back office"),
    ):
        if path is None:
            level = "fail" if blueprint == "accrue_webhooks" else "ok"
            yield Finding("routes", level, f"{what} is switched off.")
        elif blueprint in there:
            yield Finding("routes", "ok", f"{what}: {path}")


def _migrations() -> c.Iterator[Finding]:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    at, newest = db.current_revision(app), db.head_revision()
    if at is None:
        yield Finding("migrations", "fail", "There are no tables: flask accrue db upgrade.")
    elif at == newest:
        yield Finding("migrations", "ok", f"The tables are at {at}.")
    else:
        yield Finding(
            "migrations", "fail", f"The tables are at {at}, not {newest}: flask accrue db upgrade."
        )
    migrate = current_app.extensions.get("migrate")
    if migrate is not None:
        include = migrate.configure_args.get("include_name")
        if include is None or include("accrue_customers", "table", {}):
            yield Finding(
                "migrations",
                "fail",
                "flask db migrate would drop Accrue's tables: pass include_name to Migrate() that "
                "refuses names beginning with accrue_.",
            )


def _triggers() -> c.Iterator[Finding]:
    if not _has_tables():
        return
    with _engine().connect() as connection:
        missing = ledger.missing_triggers(connection)
    if missing:
        yield Finding(
            "triggers", "fail", f"The ledger isn't protected: {', '.join(missing)} are missing."
        )
    else:
        yield Finding("triggers", "ok", "The ledger only takes appends.")


def _database() -> c.Iterator[Finding]:
    with _engine().connect() as connection:
        if connection.dialect.name == "sqlite":
            mode = connection.execute(sa.text("PRAGMA journal_mode")).scalar_one()
            if mode != "wal":
                yield Finding(
                    "database",
                    "warn",
                    f"SQLite's journal_mode is {mode}: with WAL readers don't wait for writers.",
                )
            if not connection.execute(sa.text("PRAGMA busy_timeout")).scalar_one():
                yield Finding(
                    "database",
                    "warn",
                    "SQLite's busy_timeout is 0: whoever finds the file locked fails at once. Set it to "
                    "some seconds.",
                )
            yield Finding("clock", "ok", "SQLite has no clock of its own that could differ.")
            return
        theirs = connection.execute(sa.select(sa.func.now())).scalar_one()
    off = abs((theirs - real_now()).total_seconds())
    level = "ok" if off < 5 else "warn"
    yield Finding("clock", level, f"The database's clock and ours are {off:.1f} s apart.")


def _queue() -> c.Iterator[Finding]:
    queue = current_state().queue
    if not isinstance(queue, RedisQueue):
        yield Finding(
            "queue", "ok", "Work runs in the web process; let a cron call `flask accrue tick`."
        )
        return
    import rq
    from redis.exceptions import RedisError
    from rq import cron_scheduler_registry

    try:
        queue.connection.ping()
        # Not their count: that has those too that were killed.
        workers = len(rq.Worker.all(queue=queue.rq_queue))
        cron_scheduler_registry.cleanup(queue.connection)
        schedulers = [
            name
            for name in cron_scheduler_registry.get_keys(queue.connection)
            if name.startswith(queue.scheduler_prefix)
        ]
    except (RedisError, OSError) as error:
        yield Finding("queue", "fail", f"Redis doesn't answer: {type(error).__name__}.")
        return
    if workers:
        yield Finding("queue", "ok", f"{workers} workers listen on {queue.queue_name}.")
    else:
        yield Finding(
            "queue",
            "fail",
            f"No worker listens on {queue.queue_name}: start `flask accrue worker`.",
        )
    if schedulers:
        yield Finding("queue", "ok", "A scheduler enqueues the periodic jobs.")
    else:
        yield Finding(
            "queue",
            "warn",
            "No scheduler runs: start `flask accrue scheduler`, or let a cron call `flask accrue tick`.",
        )


def _webhooks() -> c.Iterator[Finding]:
    if not _has_tables():
        return
    events = models.WebhookEvent
    session = current_state().db.session
    dead = session.scalar(sa.select(sa.func.count()).select_from(events).where(events.is_dead))
    late = session.scalar(
        sa.select(sa.func.count())
        .select_from(events)
        .where(events.is_waiting, events.received_at < real_now() - datetime.timedelta(minutes=10))
    )
    if dead:
        yield Finding(
            "webhooks", "warn", f"{dead} are dead: flask accrue webhooks list --state dead."
        )
    if late:
        yield Finding("webhooks", "warn", f"{late} have waited for more than ten minutes.")
    for name, count in webhooks.unstored(webhooks.OTHER_MODE).items():
        yield Finding(
            "webhooks",
            "warn",
            f"{name!r} has sent {count} events of the other mode in a week, which aren't stored: an endpoint "
            "of test mode leads here where the key is a live one, or the other way round.",
        )
    if not dead and not late:
        yield Finding("webhooks", "ok", "None is dead, and none waits.")


def _plans() -> c.Iterator[Finding]:
    """A price of a processor that isn't there is one that nobody can ever have."""
    state = current_state()
    for plan in state.settings.entitlements.plans.values():
        for processor, price in sorted(plan.prices, key=str):
            if processor is not None and processor not in state.processors:
                yield Finding(
                    "plans",
                    "fail",
                    f"Plan {plan.name!r} names the price '{processor}:{price}', and {processor!r} isn't "
                    f"configured, only {_configured()}.",
                )


def _operations() -> c.Iterator[Finding]:
    if not _has_tables():
        return
    rows = models.Operation
    count = current_state().db.session.scalar(
        sa.select(sa.func.count())
        .select_from(rows)
        .where(
            rows.state.in_(("started", "unknown")),
            # What was never sent did nothing.
            rows.sent_at < real_now() - datetime.timedelta(minutes=10),
        )
    )
    if count:
        yield Finding(
            "operations", "warn", f"{count} have no known end: flask accrue operations list."
        )
    else:
        yield Finding("operations", "ok", "Each has an end.")


def _catalog() -> c.Iterator[Finding]:
    """Plans whose prices the processor doesn't have grant nothing to anybody."""
    if not _has_tables():
        return
    state = current_state()
    known = {
        (row.processor, row.processor_id)
        for row in state.db.session.execute(
            sa.select(models.Price.processor, models.Price.processor_id).where(
                models.Price.account.is_(None)
            )
        )
    }
    for plan in state.settings.entitlements.plans.values():
        for processor, price in sorted(plan.prices, key=str):
            name = processor or state.settings.processor
            if name in state.processors and (name, price) not in known:
                yield Finding(
                    "catalog",
                    "warn",
                    f"Plan {plan.name!r} names the price {price!r}, which {name} hasn't told us of.",
                )


def _configured() -> str:
    return ", ".join(map(repr, current_state().processors))


def _has_tables() -> bool:
    """Tell whether there is anything to look at; that there isn't is told with the migrations."""
    return sa.inspect(_engine()).has_table(models.WebhookEvent.__tablename__)


def _engine() -> sa.Engine:
    return t.cast(
        sa.Engine, current_state().db.session.get_bind(mapper=models.LedgerChain.__mapper__)
    )


CHECKS: t.Final[c.Mapping[str, Check]] = {
    "secrets": _secrets,
    "installation": _installation,
    "routes": _routes,
    "plans": _plans,
    "migrations": _migrations,
    "triggers": _triggers,
    "database": _database,
    "queue": _queue,
    "webhooks": _webhooks,
    "operations": _operations,
    "processors": _processors,
    "accounts": _accounts,
    "catalog": _catalog,
}
