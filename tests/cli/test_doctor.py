"""``flask accrue doctor``: is this app fit to bill?"""

from __future__ import annotations

import datetime
import json
import logging
import re
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import rq
import sqlalchemy as sa
from flask_migrate import Migrate
from rq.cron import CronScheduler

from flask_accrue import billing, models
from flask_accrue.errors import ConfigError, ProcessorUnavailable
from tests.host import Organization, create_host
from tests.webhooks.endpoint import STRIPE_CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask_accrue.testing import Kit
    from tests.cli.conftest import Run

Findings = dict[str, list[tuple[str, str]]]


@pytest.fixture
def examine() -> Iterator[Any]:
    """Give what builds a host and returns what the doctor finds, by check, and the exit code."""
    built: list[Any] = []

    def look(url: str, *, prepare: Any = None, **config: Any) -> tuple[Findings, int]:
        app, db, _ = create_host(url, **config)
        built.append((app, db))
        if prepare is not None:
            prepare(app, db)
        result = app.test_cli_runner().invoke(args=["accrue", "doctor", "--json"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        found: Findings = {}
        for each in json.loads(result.output):
            found.setdefault(each["check"], []).append((each["level"], each["sentence"]))
        return found, result.exit_code

    yield look
    for app, db in built:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


#: What the pages of the portal need, besides.
WITH_KEY = {**STRIPE_CONFIG, "ACCRUE_STRIPE_PUBLISHABLE_KEY": "pk_test_x"}


def test_a_host_that_is_set_up_is_fit(examine: Any, database_url: str) -> None:
    found, exit_code = examine(database_url, **WITH_KEY, ACCRUE_PROCESSOR="stripe")
    assert exit_code == 0
    assert {
        check for check, each in found.items() if any(level == "fail" for level, _ in each)
    } == (set())
    assert found["processor"] == [("ok", "stripe is in use.")]
    assert found["routes"][0] == ("ok", "webhooks: /accrue/webhooks")
    assert found["migrations"][0][1].startswith("The tables are at ")
    assert found["triggers"] == [("ok", "The ledger only takes appends.")]
    assert found["webhooks"] == [("ok", "None is dead, and none waits.")]


@pytest.mark.only("sqlite")
def test_what_an_account_must_not_be_shared_without_is_told(
    examine: Any, database_url: str
) -> None:
    found, _ = examine(database_url, **WITH_KEY, ACCRUE_PROCESSOR="stripe")
    [(level, sentence)] = found["installation"]
    assert level == "ok"
    assert "ACCRUE_INSTALLATION" in sentence
    found, _ = examine(
        database_url, **WITH_KEY, ACCRUE_PROCESSOR="stripe", ACCRUE_INSTALLATION="live"
    )
    assert found["installation"] == [("ok", "Customers are those of the installation 'live'.")]


def test_people_read_a_line_for_each_finding(run: Run, kit: Kit) -> None:
    lines = run("doctor").output.splitlines()
    assert all(line.startswith(("ok    ", "warn  ", "FAIL  ")) for line in lines)


def test_missing_tables_are_told_once(examine: Any, empty_database_url: str) -> None:
    found, exit_code = examine(empty_database_url)
    assert exit_code == 1
    failures = [
        (check, sentence)
        for check, each in found.items()
        for level, sentence in each
        if level == "fail"
    ]
    assert failures == [("migrations", "There are no tables: flask accrue db upgrade.")]


@pytest.mark.only("postgresql")
def test_a_database_that_does_not_answer_is_told_once_and_in_one_line(
    examine: Any, database_url: str
) -> None:
    url = sa.make_url(database_url).set(database="no_such_database")

    def prepare(app: Any, db: Any) -> None:
        return None

    import tests.host

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tests.host.Base.metadata, "create_all", lambda engine: None)
        found, exit_code = examine(url.render_as_string(hide_password=False), prepare=prepare)
    assert exit_code == 1
    failures = [sentence for each in found.values() for level, sentence in each if level == "fail"]
    [failure] = failures
    assert failure.startswith("can't be checked: OperationalError: ")
    assert "no_such_database" in failure
    assert "\n" not in failure
    assert "Background on this error" not in failure


def test_older_tables_are_told_with_the_command(examine: Any, database_url: str) -> None:
    def prepare(app: Any, db: Any) -> None:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(sa.text("UPDATE accrue_alembic_version SET version_num = 'older'"))

    found, exit_code = examine(database_url, prepare=prepare)
    assert exit_code == 1
    [(level, sentence)] = found["migrations"]
    assert level == "fail"
    assert "The tables are at older, not " in sentence
    assert sentence.endswith("flask accrue db upgrade.")


def test_a_missing_trigger_is_a_failure(examine: Any, database_url: str) -> None:
    def prepare(app: Any, db: Any) -> None:
        with app.app_context(), db.engine.begin() as connection:
            table = models.LedgerEntry.__tablename__
            if connection.dialect.name == "sqlite":
                names = connection.execute(
                    sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                ).scalars()
                connection.execute(sa.text(f"DROP TRIGGER {next(iter(names))}"))
            else:
                names = connection.execute(
                    sa.text(
                        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal "
                        f"AND tgrelid = '{table}'::regclass"
                    )
                ).scalars()
                connection.execute(sa.text(f"DROP TRIGGER {next(iter(names))} ON {table}"))

    found, exit_code = examine(database_url, prepare=prepare)
    assert exit_code == 1
    [(level, sentence)] = found["triggers"]
    assert level == "fail"
    assert "missing" in sentence


def test_the_fake_is_a_failure_in_earnest_only(
    examine: Any, database_url: str, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        found, exit_code = examine(
            database_url, TESTING=False, ACCRUE_FAKE_STORE=str(tmp_path / "fake.sqlite")
        )
    assert exit_code == 1
    assert found["processor"] == [("fail", "The Fake is in use: no money moves.")]
    assert found["secrets"][0][0] == "warn"


def test_a_processor_without_a_webhook_secret_is_a_failure(examine: Any, database_url: str) -> None:
    config = {**WITH_KEY, "ACCRUE_WEBHOOK_SECRETS": {}}
    found, exit_code = examine(database_url, **config, ACCRUE_PROCESSOR="stripe")
    assert exit_code == 1
    assert found["secrets"] == [
        ("fail", "ACCRUE_WEBHOOK_SECRETS has none for 'stripe': nothing gets in.")
    ]


def test_connected_accounts_without_a_secret_for_their_endpoint_are_a_warning(
    examine: Any, database_url: str
) -> None:
    def connect(app: Any, db: Any) -> None:
        with app.app_context():
            now = datetime.datetime.now(datetime.UTC)
            for number, gone in enumerate([None, None, now]):
                db.session.add(
                    models.ConnectAccount(
                        processor="stripe",
                        processor_id=f"acct_{number}",
                        deleted_at=gone,
                        fresh_from=now,
                        fresh_to=now,
                        raw={},
                    )
                )
            db.session.commit()

    own = {**WITH_KEY, "ACCRUE_WEBHOOK_SECRETS": {"stripe": ["whsec_x"]}}
    found, _ = examine(database_url, **own, ACCRUE_PROCESSOR="stripe", prepare=connect)
    [(level, sentence)] = found["accounts"]
    assert level == "warn"
    assert "2 accounts are connected" in sentence
    assert "none for 'stripe/connect'" in sentence
    both, _ = examine(database_url, **WITH_KEY, ACCRUE_PROCESSOR="stripe")
    assert "accounts" not in both


def test_a_portal_without_the_key_for_its_pages_is_a_failure(
    examine: Any, database_url: str
) -> None:
    found, exit_code = examine(database_url, **STRIPE_CONFIG, ACCRUE_PROCESSOR="stripe")
    assert exit_code == 1
    [(level, sentence)] = found["secrets"]
    assert (level, "ACCRUE_STRIPE_PUBLISHABLE_KEY is missing" in sentence) == ("fail", True)
    off, _ = examine(
        database_url, **STRIPE_CONFIG, ACCRUE_PROCESSOR="stripe", ACCRUE_PORTAL_PATH=False
    )
    assert "secrets" not in off


def test_webhooks_that_are_switched_off_are_a_failure(examine: Any, database_url: str) -> None:
    found, exit_code = examine(database_url, ACCRUE_WEBHOOK_PATH=False, ACCRUE_ADMIN_PATH=False)
    assert exit_code == 1
    assert ("fail", "webhooks is switched off.") in found["routes"]
    assert ("ok", "the back office is switched off.") in found["routes"]


def test_a_migrate_that_would_drop_the_tables_is_a_failure(examine: Any, database_url: str) -> None:
    def prepare(app: Any, db: Any) -> None:
        Migrate(app, db)
        with app.app_context():
            pass
        app.extensions["migrate"].configure_args["include_name"] = None

    found, exit_code = examine(database_url, prepare=prepare)
    assert exit_code == 1
    assert any("would drop Accrue's tables" in sentence for _, sentence in found["migrations"])


def test_dead_and_late_events_are_warned_of(examine: Any, database_url: str) -> None:
    def prepare(app: Any, db: Any) -> None:
        from flask_accrue.testing import Kit

        with app.app_context():
            kit = Kit(app)
            app.extensions["accrue"].queue.in_process = False
            kit.price("price_pro", 1900)
            events = kit.state.db.session.query(models.WebhookEvent).all()
            events[0].state = "dead"
            events[1].received_at -= datetime.timedelta(minutes=11)
            kit.state.db.session.commit()

    found, exit_code = examine(database_url, prepare=prepare)
    assert exit_code == 0
    assert found["webhooks"] == [
        ("warn", "1 are dead: flask accrue webhooks list --state dead."),
        ("warn", "1 have waited for more than ten minutes."),
    ]


def test_events_of_the_other_mode_are_warned_of(examine: Any, database_url: str) -> None:
    def receive(app: Any, db: Any) -> None:
        with app.app_context():
            today = datetime.datetime.now(datetime.UTC).date()
            named = {"processor": "stripe", "reason": "other_mode"}
            db.session.add(models.WebhookTally(day=today, count=12, **named))
            db.session.add(models.WebhookTally(day=today, count=3, endpoint="connect", **named))
            db.session.commit()

    found, _ = examine(database_url, prepare=receive)

    told = [each for each in found["webhooks"] if "other mode" in each[1]]
    [(level, sentence)] = told
    assert level == "warn"
    assert "'stripe' has sent 15 events" in sentence


def test_plans_with_unknown_prices_are_warned_of(examine: Any, database_url: str) -> None:
    plans = {"team": {"prices": ["price_gone"], "features": ["reports"]}}
    found, exit_code = examine(database_url, ACCRUE_ENTITLEMENTS={"plans": plans})
    assert exit_code == 0
    [(level, sentence)] = found["catalog"]
    assert level == "warn"
    assert "'price_gone'" in sentence


def test_live_subscriptions_at_a_processor_that_is_gone_are_a_failure(
    examine: Any, database_url: str
) -> None:
    def prepare(app: Any, db: Any) -> None:
        from flask_accrue.testing import Kit

        with app.app_context():
            kit = Kit(app)
            kit.price("price_pro", 1900)
            for name, state in (("Left", "canceled"), ("One", "active"), ("Two", "canceling")):
                org = Organization(name=name, email=None)
                db.session.add(org)
                db.session.commit()
                kit.subscription(org, state, price="price_pro")
            # As it is once the processor's settings are taken away.
            for model in (models.Customer, models.Subscription):
                db.session.execute(sa.update(model).values(processor="braintree"))
            db.session.commit()

    found, exit_code = examine(database_url, prepare=prepare)
    assert exit_code == 1
    [(level, sentence)] = found["processors"]
    assert level == "fail"
    assert sentence.startswith(
        "'braintree' has 2 live subscriptions and isn't configured, only 'fake'"
    )


def test_a_plan_with_a_price_of_a_processor_that_is_gone_is_a_failure(
    examine: Any, database_url: str
) -> None:
    plans = {"team": {"prices": ["braintree:team", "fake:team"], "features": ["reports"]}}
    found, exit_code = examine(database_url, ACCRUE_ENTITLEMENTS={"plans": plans})
    assert exit_code == 1
    [(level, sentence)] = found["plans"]
    assert level == "fail"
    assert "'braintree:team', and 'braintree' isn't configured, only 'fake'." in sentence
    # It isn't told a second time, as a price that its processor hasn't told of.
    assert [sentence for _, sentence in found["catalog"]] == [
        "Plan 'team' names the price 'team', which fake hasn't told us of."
    ]


def test_operations_without_an_end_are_warned_of(examine: Any, database_url: str) -> None:
    def prepare(app: Any, db: Any) -> None:
        from flask_accrue.testing import Kit

        with app.app_context():
            kit = Kit(app)
            org = Organization(name="Acme", email=None)
            db.session.add(org)
            db.session.commit()
            kit.fake.fail_next("create_customer", "timeout")
            with pytest.raises(ProcessorUnavailable):
                billing.customer(org)
            row = db.session.scalars(sa.select(models.Operation)).one()
            row.sent_at -= datetime.timedelta(minutes=11)
            db.session.commit()

    found, exit_code = examine(database_url, prepare=prepare)
    assert exit_code == 0
    assert found["operations"] == [("warn", "1 have no known end: flask accrue operations list.")]


def test_a_check_that_breaks_is_told_in_one_line(examine: Any, database_url: str) -> None:
    def prepare(app: Any, db: Any) -> None:
        class Migrate:
            configure_args: ClassVar[dict[str, Any]] = {"include_name": fail}

        app.extensions["migrate"] = Migrate()
        with app.app_context():
            pass

    def fail(*_: Any) -> bool:
        raise ConfigError(["ONE is missing. Set it.", "TWO is missing. Set it."])

    found, exit_code = examine(database_url, prepare=prepare)
    assert exit_code == 1
    assert found["migrations"] == [
        ("fail", "can't be checked: ConfigError: Accrue's configuration has 2 problems:")
    ]


def test_a_queue_without_a_worker_or_without_redis_is_a_failure(
    examine: Any, database_url: str, redis_url: str
) -> None:
    found, exit_code = examine(database_url, ACCRUE_REDIS_URL=redis_url)
    assert exit_code == 1
    level, sentence = found["queue"][0]
    assert level == "fail"
    assert re.fullmatch(
        r"No worker listens on accrue-host-\w+: start `flask accrue worker`.", sentence
    )
    found, exit_code = examine(database_url, ACCRUE_REDIS_URL="redis://127.0.0.1:1/0")
    assert exit_code == 1
    assert found["queue"] == [("fail", "Redis doesn't answer: ConnectionError.")]


def test_a_worker_that_was_killed_is_not_counted_once_its_heartbeat_is_missed(
    examine: Any, database_url: str, redis_url: str
) -> None:
    workers: list[rq.Worker] = []

    def prepare(app: Any, db: Any) -> None:
        queue = app.extensions["accrue"].queue
        workers.append(rq.Worker([queue.rq_queue], connection=queue.connection))
        workers[0].register_birth()

    found, exit_code = examine(database_url, prepare=prepare, ACCRUE_REDIS_URL=redis_url)
    assert exit_code == 0
    assert found["queue"][0][1].startswith("1 workers listen on ")
    # As Redis does when nobody prolongs it; nobody says that it has gone.
    workers[0].connection.delete(workers[0].key)
    found, exit_code = examine(database_url, ACCRUE_REDIS_URL=redis_url)
    assert exit_code == 1
    level, sentence = found["queue"][0]
    assert level == "fail"
    assert re.fullmatch(
        r"No worker listens on accrue-host-\w+: start `flask accrue worker`.", sentence
    )


def test_a_queue_without_a_scheduler_of_its_own_is_warned_of(
    examine: Any, database_url: str, redis_url: str
) -> None:
    warning = (
        "warn",
        "No scheduler runs: start `flask accrue scheduler`, or let a cron call `flask accrue tick`.",
    )

    def schedule(another: str) -> Any:
        def prepare(app: Any, db: Any) -> None:
            queue = app.extensions["accrue"].queue
            name = f"{another or queue.scheduler_prefix}1"
            CronScheduler(connection=queue.connection, name=name).register_birth()

        return prepare

    found, _ = examine(database_url, ACCRUE_REDIS_URL=redis_url)
    assert warning in found["queue"]
    found, _ = examine(database_url, prepare=schedule("another:"), ACCRUE_REDIS_URL=redis_url)
    assert warning in found["queue"]
    found, _ = examine(database_url, prepare=schedule(""), ACCRUE_REDIS_URL=redis_url)
    assert ("ok", "A scheduler enqueues the periodic jobs.") in found["queue"]


@pytest.mark.only("sqlite")
def test_sqlite_without_wal_is_warned_of(examine: Any, database_url: str) -> None:
    found, _ = examine(database_url)
    [(level, sentence)] = found["database"]
    assert (level, "WAL" in sentence) == ("warn", True)


@pytest.mark.only("sqlite")
def test_sqlite_that_does_not_wait_is_warned_of(examine: Any, database_url: str) -> None:
    def hurry(app: Any, db: Any) -> None:
        with app.app_context():
            sa.event.listen(
                db.engine,
                "connect",
                lambda connection, _: connection.execute("PRAGMA busy_timeout = 0"),
            )
            db.engine.dispose()

    found, _ = examine(database_url, prepare=hurry)
    assert any("busy_timeout is 0" in sentence for _, sentence in found["database"])
    patient, _ = examine(database_url)
    assert not any("busy_timeout" in sentence for _, sentence in patient.get("database", []))
    assert found["clock"] == [("ok", "SQLite has no clock of its own that could differ.")]


@pytest.mark.only("postgresql")
def test_the_databases_clock_is_compared(examine: Any, database_url: str) -> None:
    found, _ = examine(database_url)
    [(level, sentence)] = found["clock"]
    assert level == "ok"
    assert "0.0 s apart" in sentence
