"""Migrations: they make what the models describe, keep the ledger's triggers, and leave nothing behind."""

from __future__ import annotations

import ast
import contextlib
import typing as t
from pathlib import Path

import flask
import flask_sqlalchemy
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from flask_accrue import Accrue, models
from flask_accrue.cli.db import VERSION_TABLE, current_revision, downgrade, head_revision, upgrade
from flask_accrue.ledger.protection import TRIGGERS, missing_triggers
from flask_accrue.resources import folder

if t.TYPE_CHECKING:
    import collections.abc as c

VERSIONS = Path(str(folder("migrations"))) / "versions"


def revisions() -> list[str]:
    """Return all revisions, the first one first."""
    config = Config()
    config.set_main_option("script_location", str(folder("migrations")))
    config.set_main_option("path_separator", "os")
    walked = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in walked][::-1]


@pytest.fixture
def app(empty_database_url: str) -> c.Iterator[flask.Flask]:
    """Give an app on a database without a table."""
    app = flask.Flask("migration-tests")
    app.config.update(SECRET_KEY="tests", SQLALCHEMY_DATABASE_URI=empty_database_url, TESTING=True)
    db = flask_sqlalchemy.SQLAlchemy(app)
    Accrue(app)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@contextlib.contextmanager
def connected(app: flask.Flask) -> c.Iterator[sa.Connection]:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        yield connection


def tables(app: flask.Flask) -> set[str]:
    with connected(app) as connection:
        return set(sa.inspect(connection).get_table_names())


def is_made_on(dialect: str, index: sa.Index) -> bool:
    """Tell whether a database gets an index; some are for PostgreSQL alone."""
    return dialect == "postgresql" or not any(
        name.startswith("postgresql_") for name in index.dialect_kwargs
    )


def described_on(dialect: str) -> sa.MetaData:
    """Return what the models describe, as far as a database is to have it."""
    described = sa.MetaData(naming_convention=models.Base.metadata.naming_convention)
    for table in models.Base.metadata.sorted_tables:
        copy = table.to_metadata(described)
        left_out = {index.name for index in table.indexes if not is_made_on(dialect, index)}
        copy.indexes = {index for index in copy.indexes if index.name not in left_out}
    return described


def triggers(connection: sa.Connection) -> set[str]:
    missing = missing_triggers(connection)
    return set(TRIGGERS[connection.dialect.name]) - set(missing)


def test_models_and_migrations_agree(app: flask.Flask) -> None:
    upgrade(app)

    with connected(app) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "version_table": VERSION_TABLE,
            },
        )
        assert compare_metadata(context, described_on(connection.dialect.name)) == []


def test_indexes_are_those_of_the_models_to_the_word(app: flask.Flask) -> None:
    """Alembic compares neither an index's condition nor how it orders."""
    upgrade(app)

    queries = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index'",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    with connected(app) as connection:
        query = sa.text(queries[connection.dialect.name])
        migrated = dict(connection.execute(query).all())
        for table in models.Base.metadata.sorted_tables:
            for index in table.indexes:
                if is_made_on(connection.dialect.name, index):
                    index.drop(connection)
                    index.create(connection)
        assert dict(connection.execute(query).all()) == migrated
        connection.rollback()


def test_tables_columns_and_constraints_have_the_names_that_the_models_give(
    app: flask.Flask,
) -> None:
    upgrade(app)

    with connected(app) as connection:
        inspector = sa.inspect(connection)
        for table in models.Base.metadata.sorted_tables:
            columns = {column["name"]: column for column in inspector.get_columns(table.name)}
            assert set(columns) == {column.name for column in table.c}, table.name
            for column in table.c:
                assert columns[column.name]["nullable"] == column.nullable, column
            dialect = connection.dialect.name
            named = {index.name for index in table.indexes if is_made_on(dialect, index)}
            found = {index["name"] for index in inspector.get_indexes(table.name)}
            assert named <= found, table.name
            assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key
            ]
            unique = {
                tuple(column.name for column in constraint.columns)
                for constraint in table.constraints
                if isinstance(constraint, sa.UniqueConstraint)
            }
            assert unique == {
                tuple(each["column_names"]) for each in inspector.get_unique_constraints(table.name)
            }, table.name
            references = {
                (tuple(fk.column_keys), fk.referred_table.name, fk.ondelete)
                for fk in table.foreign_key_constraints
            }
            assert references == {
                (
                    tuple(each["constrained_columns"]),
                    each["referred_table"],
                    each["options"].get("ondelete"),
                )
                for each in inspector.get_foreign_keys(table.name)
            }, table.name


def test_each_revision_keeps_the_ledgers_triggers(app: flask.Flask) -> None:
    """Alembic's batch operations on SQLite make a table anew, without its triggers."""
    had: set[str] = set()
    for revision in revisions():
        upgrade(app, revision)
        with connected(app) as connection:
            has = triggers(connection)
        assert had <= has, f"{revision} loses {sorted(had - has)}"
        had = has

    with connected(app) as connection:
        assert missing_triggers(connection) == ()


def test_each_trigger_is_one_that_is_known(app: flask.Flask) -> None:
    upgrade(app)

    queries = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with connected(app) as connection:
        dialect = connection.dialect.name
        assert set(connection.scalars(sa.text(queries[dialect]))) == set(TRIGGERS[dialect])


def test_sixteen_chains_for_what_belongs_to_no_customer_are_there(app: flask.Flask) -> None:
    upgrade(app)

    with connected(app) as connection:
        rows = connection.execute(sa.select(models.LedgerChain.__table__)).all()
    assert sorted((row.chain, row.customer_id, row.sequence, row.hash) for row in rows) == [
        (f"system:{number:02}", None, 0, "") for number in range(16)
    ]


def test_all_the_way_down_leaves_nothing_behind(app: flask.Flask) -> None:
    upgrade(app)
    assert tables(app) >= {table.name for table in models.Base.metadata.sorted_tables}

    downgrade(app, "base")

    # Alembic keeps its own table, with nothing in it.
    assert tables(app) == {VERSION_TABLE}
    assert current_revision(app) is None
    with connected(app) as connection:
        if connection.dialect.name == "postgresql":
            left = "SELECT proname FROM pg_proc WHERE proname LIKE 'accrue%'"
            assert connection.scalars(sa.text(left)).all() == []
            left = "SELECT relname FROM pg_class WHERE relname LIKE '%accrue%'"
            allowed = {VERSION_TABLE, f"{VERSION_TABLE}_pkc"}
            assert set(connection.scalars(sa.text(left))) <= allowed
        else:
            left = "SELECT name FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL"
            assert connection.scalars(sa.text(left)).all() == []


def test_down_and_up_again_step_by_step(app: flask.Flask) -> None:
    upgrade(app)
    for revision in [*revisions()[-2::-1], "base"]:
        downgrade(app, revision)
        assert current_revision(app) == (None if revision == "base" else revision)
    upgrade(app)

    assert current_revision(app) == head_revision() == revisions()[-1]
    with connected(app) as connection:
        assert missing_triggers(connection) == ()


@pytest.mark.parametrize(
    ("raw", "shared"),
    [
        ({"transfer": "tr_1", "application_fee_amount": 100}, ("tr_1", 100)),
        ({"transfer": {"id": "tr_1"}, "application_fee": {"amount": 7}}, ("tr_1", 7)),
        ({"transfer": "tr_1", "application_fee": 7}, ("tr_1", 7)),
        ({"transfer": "tr_1", "application_fee": "fee_1"}, ("tr_1", None)),
        ({"application_fee": "fee_1", "application_fee_amount": 0}, (None, 0)),
        ({"transfer": None, "application_fee": None, "application_fee_amount": None}, (None, None)),
        ({}, (None, None)),
    ],
    ids=str,
)
def test_what_charges_have_shared_is_known_of_those_that_were_mirrored_before(
    app: flask.Flask, raw: dict[str, t.Any], shared: tuple[str | None, int | None]
) -> None:
    charges, customers = models.Charge.__table__, models.Customer.__table__
    upgrade(app)
    customer = {"processor": "stripe", "processor_id": "cus_1", "owner_type": "org"}
    charge = {"processor": "stripe", "processor_id": "ch_1", "status": "succeeded", "amount": 1000}
    said = {"amount_captured": 1000, "amount_refunded": 0, "currency": "usd", "captured": True}
    with connected(app) as connection:
        made = connection.execute(
            sa.insert(customers).values(**customer, owner_id="1", generation=1)
        )
        of = {"customer_id": made.inserted_primary_key[0], "raw": raw}
        connection.execute(sa.insert(charges).values(**charge, **said, **of))
        connection.commit()

    downgrade(app, "0009_entitlement_summaries")
    upgrade(app)

    with connected(app) as connection:
        found = connection.execute(
            sa.select(charges.c.transfer_processor_id, charges.c.application_fee)
        )
        assert tuple(found.one()) == shared


@pytest.mark.parametrize(
    ("raw", "card"),
    [
        ({"default_settings": {"default_payment_method": "pm_1"}}, "pm_1"),
        ({"default_settings": {"default_payment_method": {"id": "pm_1"}}}, "pm_1"),
        ({"default_settings": {"default_payment_method": None}}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_card_is_known_of_schedules_that_were_mirrored_before(
    app: flask.Flask, raw: dict[str, t.Any], card: str | None
) -> None:
    schedules, customers = models.SubscriptionSchedule.__table__, models.Customer.__table__
    upgrade(app)
    customer = {"processor": "stripe", "processor_id": "cus_1", "owner_type": "org"}
    schedule = {"processor": "stripe", "processor_id": "sub_sched_1", "status": "active"}
    with connected(app) as connection:
        made = connection.execute(
            sa.insert(customers).values(**customer, owner_id="1", generation=1)
        )
        of = {"customer_id": made.inserted_primary_key[0], "raw": raw}
        said = {"end_behavior": "release", "phases": []}
        connection.execute(sa.insert(schedules).values(**schedule, **said, **of))
        connection.commit()

    downgrade(app, "0014_coupons_of_accounts")
    upgrade(app)

    with connected(app) as connection:
        found = connection.execute(sa.select(schedules.c.default_payment_method_processor_id))
        assert found.scalar_one() == card


def test_what_was_mirrored_before_accounts_had_catalogs_is_known_as_whose_it_is(
    app: flask.Flask,
) -> None:
    """Coupons and prices are the platform's, items where their customers are; on the way down nothing else
    stays of what is an account's."""
    upgrade(app)
    owner = {"processor": "stripe", "owner_type": "org", "generation": 1}
    price = {"processor": "stripe", "processor_id": "gold", "currency": "usd"}
    of_product = {"product_processor_id": "prod_1", "interval_count": 1, "active": True}
    tables = {
        each.__tablename__: t.cast("sa.Table", each.__table__)
        for each in (models.Customer, models.Subscription, models.SubscriptionItem, models.Price)
    }
    customers, subscriptions, items, prices = tables.values()
    with connected(app) as connection:
        for number, account in enumerate((None, "acct_1")):
            names = {"processor_id": f"cus_{number}", "owner_id": str(number), "account": account}
            made = connection.execute(sa.insert(customers).values(**owner, **names))
            of = {"customer_id": made.inserted_primary_key[0], "processor": "stripe"}
            held = connection.execute(
                sa.insert(subscriptions).values(**of, processor_id=f"sub_{number}", status="active")
            )
            within = {"subscription_id": held.inserted_primary_key[0], "processor": "stripe"}
            named = {"processor_id": f"si_{number}", "price_processor_id": "gold"}
            connection.execute(sa.insert(items).values(**within, **named, account=account))
            connection.execute(
                sa.insert(prices).values(**price, **of_product, account_key=account or "")
            )
        connection.commit()

    downgrade(app, "0013_checkouts_that_end")
    upgrade(app)

    with connected(app) as connection:
        assert connection.scalars(sa.select(prices.c.account_key)).all() == [""]
        found = connection.execute(sa.select(items.c.processor_id, items.c.account))
        assert sorted(map(tuple, found)) == [("si_0", None), ("si_1", "acct_1")]


def test_upgrading_twice_does_nothing(app: flask.Flask) -> None:
    upgrade(app)
    upgrade(app)

    assert current_revision(app) == head_revision()


def test_the_hosts_own_tables_are_left_alone(app: flask.Flask) -> None:
    with connected(app) as connection:
        connection.execute(sa.text("CREATE TABLE users (id INTEGER PRIMARY KEY)"))
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('hosts_own')"))
        connection.commit()
    upgrade(app)
    downgrade(app, "base")

    assert tables(app) == {"users", "alembic_version", VERSION_TABLE}
    with connected(app) as connection:
        versions = sa.text("SELECT version_num FROM alembic_version")
        assert connection.scalars(versions).all() == ["hosts_own"]


def test_there_is_one_line_of_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(folder("migrations")))
    config.set_main_option("path_separator", "os")

    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


@pytest.mark.parametrize("file", sorted(VERSIONS.glob("[0-9]*.py")), ids=lambda file: file.stem)
def test_a_revision_is_readable_and_stands_by_itself(file: Path) -> None:
    """Models go on changing; what a revision did stays. Alembic's column has 32 characters."""
    tree = ast.parse(file.read_text())
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module or "."
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert not {name for name in imported if name.startswith(("flask_accrue", "."))}
    assert file.stem in revisions()
    assert len(file.stem) <= 32
