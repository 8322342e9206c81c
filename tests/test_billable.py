from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import TYPE_CHECKING, Any

import flask
import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import orm
from werkzeug.local import LocalProxy

from flask_accrue import Accrue, Billable, ConfigError, InvalidRequest, InvalidState
from flask_accrue.billable import billable_types, load_owner, owner_reference

if TYPE_CHECKING:
    from collections.abc import Iterator


class Base(orm.DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Region(enum.Enum):
    NORTH = "n"
    SOUTH = "s"


class Hexed(sa.types.TypeDecorator[uuid.UUID]):
    """A UUID as hosts stored it before SQLAlchemy had a type for it."""

    impl = sa.CHAR(32)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else uuid.UUID(str(value)).hex

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> uuid.UUID | None:
        return None if value is None else uuid.UUID(value)


class Organization(Billable, db.Model):
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(default="Acme")
    email: orm.Mapped[str | None]


class Site(Billable, db.Model):
    __billable_type__ = "Website"
    domain: orm.Mapped[str] = orm.mapped_column(primary_key=True)

    @property
    def billing_name(self) -> str:
        return f"The site {self.domain}"


class Team(Billable, db.Model):
    id: orm.Mapped[uuid.UUID] = orm.mapped_column(primary_key=True)


class OldTeam(Billable, db.Model):
    id: orm.Mapped[uuid.UUID] = orm.mapped_column(Hexed, primary_key=True)


class Key(Billable, db.Model):
    digest: orm.Mapped[bytes] = orm.mapped_column(sa.LargeBinary, primary_key=True)


class Contract(Billable, db.Model):
    number: orm.Mapped[decimal.Decimal] = orm.mapped_column(sa.Numeric(12, 4), primary_key=True)


class Branch(Billable, db.Model):
    region: orm.Mapped[Region] = orm.mapped_column(primary_key=True)
    opened: orm.Mapped[datetime.date] = orm.mapped_column(primary_key=True)
    is_sandbox: orm.Mapped[bool] = orm.mapped_column(primary_key=True)
    label: orm.Mapped[str] = orm.mapped_column(primary_key=True)


class Meter(Billable, db.Model):
    read_at: orm.Mapped[datetime.datetime] = orm.mapped_column(primary_key=True)
    at: orm.Mapped[datetime.time] = orm.mapped_column(primary_key=True)


class Person(db.Model):
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


MOMENT = datetime.datetime(2024, 1, 1, 2, 3, 4, 56)  # noqa: DTZ001 - a host's column may have no zone

OWNERS = [
    (Organization(id=2**62), "Organization", str(2**62)),
    (Organization(id=-1), "Organization", "-1"),
    (Site(domain="a/b:c?d=%20&é[1]"), "Website", "a/b:c?d=%20&é[1]"),
    (Site(domain='["a", "b"]'), "Website", '["a", "b"]'),
    (Team(id=uuid.UUID(int=7)), "Team", str(uuid.UUID(int=7))),
    (OldTeam(id=uuid.UUID(int=8)), "OldTeam", str(uuid.UUID(int=8))),
    (Key(digest=b"\x00\xff/:"), "Key", "00ff2f3a"),
    (Contract(number=decimal.Decimal("1.50")), "Contract", "1.5"),
    (
        Branch(
            region=Region.SOUTH, opened=datetime.date(2024, 2, 29), is_sandbox=False, label='"/,'
        ),
        "Branch",
        '["SOUTH", "2024-02-29", "False", "\\"/,"]',
    ),
    (
        Meter(read_at=MOMENT, at=datetime.time(5, 6, 7, 8)),
        "Meter",
        '["2024-01-01T02:03:04.000056", "05:06:07.000008"]',
    ),
]


def make_app(url: str) -> flask.Flask:
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="tests", SQLALCHEMY_DATABASE_URI=url, TESTING=True)
    db.init_app(app)
    Accrue(app)
    return app


@pytest.fixture
def app() -> Iterator[flask.Flask]:
    app = make_app("sqlite://")
    with app.app_context():
        db.create_all()
        yield app


def statements() -> list[str]:
    """Begin to note each statement that the host's database gets."""
    seen: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


# -- the two strings -------------------------------------------------------------------------------


def test_every_kind_of_primary_key_comes_back_without_loss(empty_database_url: str) -> None:
    app = make_app(empty_database_url)
    with app.app_context():
        db.create_all()
        keys = [sa.inspect(type(owner)).primary_key_from_instance(owner) for owner, _, _ in OWNERS]
        copies = [
            type(owner)(
                **{
                    column.name: part
                    for column, part in zip(sa.inspect(type(owner)).primary_key, key, strict=True)
                }
            )
            for (owner, _, _), key in zip(OWNERS, keys, strict=True)
        ]
        db.session.add_all(copies)
        db.session.commit()
        references = [owner_reference(copy) for copy in copies]
        assert references == [(type_, id_) for _, type_, id_ in OWNERS]
        db.session.remove()
        for (type_, id_), (owner, _, _), key in zip(references, OWNERS, keys, strict=True):
            found = load_owner(type_, id_)
            assert type(found) is type(owner)
            assert sa.inspect(type(owner)).primary_key_from_instance(found) == key
        db.session.remove()
        db.engine.dispose()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.text(), st.text()), min_size=2, max_size=2, unique=True))
def test_two_composite_keys_never_share_an_id(
    app: flask.Flask, labels: list[tuple[str, str]]
) -> None:
    # `is_sandbox` is only a column here: what matters is where one text ends and the next begins.
    one, other = (
        owner_reference(
            Branch(region=first, opened=datetime.date.min, is_sandbox=False, label=second)
        )
        for first, second in labels
    )
    assert one != other


def test_the_type_is_the_class_name_or_what_the_model_says(app: flask.Flask) -> None:
    assert Organization.billable_type() == "Organization"
    assert Site.billable_type() == "Website"
    assert billable_types()["Website"] is Site
    assert "Person" not in billable_types()


def test_name_and_email_are_the_models_unless_it_says_otherwise() -> None:
    organization = Organization(name="Acme", email="money@acme.example")
    assert organization.billing_name == "Acme"
    assert organization.billing_email == "money@acme.example"
    assert Site(domain="x").billing_name == "The site x"
    assert Site(domain="x").billing_email is None


@pytest.mark.parametrize("other", [Person(id=1), None, "Organization:1", 5, Organization])
def test_what_isnt_billable_cant_pay(app: flask.Flask, other: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        owner_reference(other)
    assert caught.value.code == "not_billable"


def test_an_owner_without_a_primary_key_is_asked_to_be_saved(app: flask.Flask) -> None:
    with pytest.raises(InvalidState, match=r"db\.session") as caught:
        owner_reference(Organization())
    assert caught.value.code == "owner_unsaved"


def test_naming_an_owner_asks_the_database_nothing(app: flask.Flask) -> None:
    organization = Organization(id=1)
    db.session.add(organization)
    db.session.commit()  # which expires what was loaded
    seen = statements()
    assert owner_reference(organization) == ("Organization", "1")
    db.session.expunge(organization)
    assert owner_reference(organization) == ("Organization", "1")
    assert seen == []


def test_a_proxy_stands_for_the_owner_behind_it(app: flask.Flask) -> None:
    organization = Organization(id=1)
    assert owner_reference(LocalProxy(lambda: organization)) == ("Organization", "1")


# -- back to the owner -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner_type", "owner_id"),
    [
        ("Organization", "2"),
        ("Organization", " 1"),
        ("Organization", "01"),
        ("Organization", "1_0"),
        ("Organization", "\N{ARABIC-INDIC DIGIT ONE}"),
        ("Organization", "9" * 40),
        ("Organization", "9" * 5000),
        ("Organization", ""),
        ("organization", "1"),
        ("Person", "1"),
        ("Website", "nul\0"),
        ("Team", "{00000000-0000-0000-0000-000000000007}"),
        ("OldTeam", "no uuid"),
        ("Key", "0"),
        ("Contract", "one"),
        ("Branch", "SOUTH"),
        ("Branch", "7"),
        ("Branch", '["SOUTH"]'),
        ("Branch", '{"SOUTH": 1, "2024-02-29": 2, "False": 3, "x": 4}'),
        ("Branch", '["SOUTH","2024-02-29","False","x"]'),
        ("Branch", '["SOUTH", "2024-02-29", "no", "x"]'),
        ("Branch", '["WEST", "2024-02-29", "False", "x"]'),
    ],
)
def test_a_reference_that_no_owner_writes_finds_nobody(
    app: flask.Flask, owner_type: str, owner_id: str
) -> None:
    db.session.add_all([Organization(id=1), Organization(id=10), Team(id=uuid.UUID(int=7))])
    db.session.add(Person(id=1))
    db.session.add(
        Branch(region=Region.SOUTH, opened=datetime.date(2024, 2, 29), is_sandbox=False, label="x")
    )
    db.session.commit()
    assert load_owner(owner_type, owner_id) is None
    assert load_owner("Organization", "1") is not None


def test_an_owner_that_the_host_deleted_is_gone(app: flask.Flask) -> None:
    organization = Organization(id=1)
    db.session.add(organization)
    db.session.commit()
    reference = owner_reference(organization)
    db.session.delete(organization)
    db.session.commit()
    assert load_owner(*reference) is None


# -- several models --------------------------------------------------------------------------------


def separate_app() -> tuple[flask.Flask, SQLAlchemy]:
    class OwnBase(orm.DeclarativeBase):
        pass

    other = SQLAlchemy(model_class=OwnBase)
    app = flask.Flask("other")
    app.config.update(SECRET_KEY="tests", SQLALCHEMY_DATABASE_URI="sqlite://", TESTING=True)
    other.init_app(app)
    Accrue(app)
    return app, other


def test_two_models_of_one_type_are_an_error_that_names_both() -> None:
    app, other = separate_app()

    class Club(Billable, other.Model):
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)

    class Society(Billable, other.Model):
        __billable_type__ = "Club"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)

    with app.app_context(), pytest.raises(ConfigError, match="Two models") as caught:
        billable_types()
    assert "Club" in str(caught.value)
    assert "Society" in str(caught.value)


@pytest.mark.parametrize("concrete_first", [True, False])
def test_subclasses_of_one_model_share_its_type(concrete_first: bool) -> None:
    app, other = separate_app()

    class Account(Billable, other.Model):
        __billable_type__ = "Account"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        kind: orm.Mapped[str]
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "plain"}  # noqa: RUF012

    class Business(Account):
        __mapper_args__ = {"polymorphic_identity": "business"}  # noqa: RUF012

    with app.app_context():
        other.create_all()
        other.session.add(Business(id=1))
        other.session.commit()
        business = other.session.get_one(Account, 1)
        assert owner_reference(business) == ("Account", "1")
        assert load_owner("Account", "1") is business
        assert billable_types()["Account"] is Account


def test_types_are_those_of_the_current_app_alone(app: flask.Flask) -> None:
    other_app, other = separate_app()

    class Studio(Billable, other.Model):
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)

    with other_app.app_context():
        assert set(billable_types()) == {"Studio"}
    assert "Studio" not in billable_types()
