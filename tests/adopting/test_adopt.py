"""A host that has stored Stripe's ids for years: its customers come here without a word to Stripe."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import sqlalchemy as sa
import stripe
from sqlalchemy.orm import Mapped, mapped_column

from flask_accrue import Billable, billing, connect, models
from flask_accrue.adopting import Claim, adopt, claims_of_csv, claims_of_dj_stripe, claims_of_model
from flask_accrue.errors import InvalidRequest
from flask_accrue.ledger import verify
from tests.host import Base, Organization
from tests.processors.stripe.stripe_bodies import START

if TYPE_CHECKING:
    from tests.sync.account import Account


class Person(Billable, Base):
    """Who pays in a host whose keys are UUIDs."""

    __tablename__ = "adopted_people"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class Party(Base):
    """What people and firms have in common, in a host where only firms pay."""

    __tablename__ = "adopted_parties"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    stripe_id: Mapped[str | None] = mapped_column("stripe_customer")

    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_on": "kind"}


class Guest(Party):
    """Who has a customer at Stripe that isn't billed here."""

    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "guest"}


class Firm(Billable, Party):
    """Who pays, in a table shared with others."""

    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "firm"}


class Chain(Billable, Party):
    """Who pays, with a table of its own beside the shared one."""

    __tablename__ = "adopted_chains"

    id: Mapped[int] = mapped_column(sa.ForeignKey("adopted_parties.id"), primary_key=True)
    tax_customer: Mapped[str | None]

    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "chain"}


class Squad(Billable, Base):
    """Who pays in a host that stores Stripe's ids itself."""

    __tablename__ = "adopted_teams"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    stripe_customer_id: Mapped[str | None]


def claim(owner: int | str, customer: str, owner_type: str = "Organization") -> Claim:
    return Claim(owner_type, str(owner), customer, f"line {owner}")


def linked(account: Account) -> dict[str, str]:
    """Return the owners of the customers that are here."""
    account.db.session.rollback()
    rows = account.db.session.execute(
        sa.select(models.Customer.processor_id, models.Customer.owner_key)
    )
    return dict(map(tuple, rows))


def reasons(result: Any) -> dict[str, str]:
    return {each.claim.customer: each.reason for each in result.conflicts}


def run(account: Account, *arguments: str) -> Any:
    """Run ``flask accrue adopt``."""
    account.db.session.remove()
    return account.app.test_cli_runner().invoke(args=["accrue", "adopt", *arguments])


def test_a_column_of_the_hosts_own_links_customers_without_a_request_and_sync_fetches_the_rest(
    account: Account,
) -> None:
    for number in range(1, 4):
        stored = f"cus_{number}" if number < 3 else ""
        account.db.session.add(Squad(id=number, name="Acme", stripe_customer_id=stored))
    account.db.session.commit()
    account.prime_rest()
    for number in (1, 2, 3):
        account.prime(number)
        account.change(f"cus_{number}", metadata={})
    before = account.server.objects()

    arguments = ["--model", "tests.adopting.test_adopt:Squad", "--customer-column"]
    told = run(account, *arguments, "stripe_customer_id")

    assert told.exit_code == 0, told.output
    assert told.output == "2 linked, 0 were before, 0 in doubt.\n"
    assert linked(account) == {"cus_1": "Squad:1", "cus_2": "Squad:2"}
    assert account.server.requests == []
    assert verify().findings == []

    report = account.sync()
    assert account.server.objects() == before
    assert {request.method for request in account.server.requests} == {"GET"}
    assert report.counts["customer"] == {"seen": 3, "updated": 2, "unlinked": 1}
    held = billing.subscription(account.db.session.get(Squad, 2))
    assert held is not None
    assert held.processor_id == "sub_2"
    assert account.sync().is_clean
    assert verify().findings == []


def test_a_second_run_finds_all_as_it_is_and_writes_nothing(account: Account) -> None:
    account.own(1, 2)
    claims = [claim(1, "cus_1"), claim(2, "cus_2")]
    assert adopt(claims).adopted == 2
    before = account.state()
    again = adopt(claims)
    assert (again.adopted, again.unchanged, again.conflicts) == (0, 2, [])
    assert account.state() == before


def test_a_dry_run_tells_the_same_and_writes_nothing(account: Account) -> None:
    account.own(1)
    result = adopt([claim(1, "cus_1"), claim(7, "cus_7")], dry_run=True)
    assert result.adopted == 1
    assert reasons(result) == {"cus_7": "there is no Organization:7 here"}
    assert account.count(models.Customer) == account.count(models.LedgerEntry) == 0
    assert account.count(models.LedgerChain) == 16


def test_what_is_in_doubt_is_told_and_left_alone(account: Account) -> None:
    account.own(*range(1, 9))
    assert adopt([claim(1, "cus_1"), claim(2, "cus_2")]).adopted == 2

    result = adopt(
        [
            claim(3, "cus_twice"),
            claim(4, "cus_twice"),
            claim(5, "cus_5a"),
            claim(5, "cus_5b"),
            claim(6, "cus_1"),
            claim(2, "cus_new"),
            claim(99, "cus_99"),
            claim(7, "cus_7", "Spaceship"),
            claim("seven", "cus_word"),
            claim(8, "cus_8"),
        ]
    )

    assert result.adopted == 1
    assert reasons(result) == {
        "cus_twice": "it's also stored as the customer of Organization:3",
        "cus_5a": "Organization:5 is also stored with cus_5b",
        "cus_5b": "Organization:5 is also stored with cus_5a",
        "cus_1": "here it's Organization:1's",
        "cus_new": "Organization:2 has another customer here, cus_2",
        "cus_99": "there is no Organization:99 here",
        "cus_7": "no billable of this app is called Spaceship; "
        "there is Chain, Firm, Organization, Person, Squad",
        "cus_word": "there is no Organization:seven here",
    }
    assert len(result.conflicts) == 9
    assert linked(account) == {
        "cus_1": "Organization:1",
        "cus_2": "Organization:2",
        "cus_8": "Organization:8",
    }


def test_events_of_a_customer_are_ignored_before_it_is_adopted_and_applied_after(
    account: Account,
) -> None:
    account.own(1)
    account.prime(1)
    account.change("cus_1", metadata={})
    [held] = [each for each in account.server.objects()["platform"] if each["id"] == "sub_1"]
    account.tell("customer.subscription.updated", held, START + 50)
    assert [(each.outcome, each.is_succeeded) for each in account.stored()] == [("ignored", True)]

    adopt([claim(1, "cus_1")])
    account.tell("customer.subscription.updated", held, START + 51)

    assert account.stored()[-1].outcome == "applied"
    subscription = billing.subscription(account.db.session.get(Organization, 1))
    assert subscription is not None
    assert subscription.processor_id == "sub_1"
    customer = account.change("cus_1", name="Acme Ltd.")
    account.tell("customer.updated", customer, START + 52)
    assert account.find(models.Customer, "cus_1").name == "Acme Ltd."


def test_asked_to_it_reads_each_customer_and_only_reads(account: Account) -> None:
    account.own(1, 2, 3)
    account.prime(1)
    account.change("cus_1", metadata={})
    account.prime(2)
    account.change("cus_2", metadata={"accrue_owner": "Organization:3"})
    account.own(4)
    account.prime(4)
    account.change("cus_4", metadata={"accrue_installation": "staging"})
    account.server.queue_answer(429, path="/v1/customers/cus_1", headers={"Retry-After": "7"})

    claims = [claim(1, "cus_1"), claim(2, "cus_2"), claim(3, "cus_3"), claim(4, "cus_4")]
    result = adopt(claims, fetch=True, wait=account.wait)

    assert result.adopted == 1
    assert account.waited == [7.0]
    assert reasons(result) == {
        "cus_2": "its metadata at stripe says that it's Organization:3's",
        "cus_3": "stripe has no such customer, or has it no longer",
        "cus_4": "it's of another installation, called 'staging'",
    }
    assert account.find(models.Customer, "cus_1").email == "owner1@host.example"
    assert {request.method for request in account.server.requests} == {"GET"}


def test_a_customer_that_stripe_has_not_got_is_told_by_sync_and_ends_when_repaired(
    account: Account,
) -> None:
    account.own(1, 2, 3)
    for number in (1, 2, 3):
        account.prime(number)
    account.delete("customer", "cus_3")
    adopt([claim(1, "cus_1"), claim(2, "cus_typo"), claim(3, "cus_3")])

    report = account.sync("customers", dry_run=True)
    assert report.counts["customer"]["gone"] == 2
    asked = [each.path.removeprefix("/v1/customers/") for each in account.server.requests]
    # The newest customers stand for all: they show whether it's the same account.
    assert asked.count("cus_1") <= 1

    assert account.sync("customers").counts["customer"] == {
        "seen": 2,
        "updated": 1,
        "gone": 2,
        "unlinked": 1,
    }
    assert [(each.processor_id, each.reason) for each in account.unlinked] == [
        ("cus_2", "its owner, Organization:2, has another customer here, cus_typo")
    ]
    assert {"customer cus_typo deleted", "customer cus_3 deleted"} <= account.told().keys()
    assert linked(account) == {
        "cus_1": "Organization:1",
        "cus_typo": "Organization:2",
        "cus_3": "Organization:3",
    }

    # Whose owner is free again is linked in the same run.
    assert account.sync("customers", repair=True).counts["customer"] == {
        "seen": 2,
        "unchanged": 1,
        "gone": 2,
        "created": 1,
    }
    assert linked(account) == {
        "cus_1": "Organization:1",
        "cus_typo": None,
        "cus_3": None,
        "cus_2": "Organization:2",
    }
    assert account.sync("customers").is_clean


def test_whoever_came_by_before_is_linked_once_the_new_customer_is_deleted(
    account: Account,
) -> None:
    account.own(1)
    account.prime(1)
    account.change("cus_1", metadata={})
    made = billing.customer(account.db.session.get(Organization, 1)).processor_id
    stored = [claim(1, "cus_1")]
    assert reasons(adopt(stored)) == {"cus_1": f"Organization:1 has another customer here, {made}"}

    account.delete("customer", made)
    account.sync("customers", repair=True)

    assert adopt(stored).adopted == 1
    assert billing.customer(account.db.session.get(Organization, 1)).processor_id == "cus_1"


def test_customers_of_whom_nothing_was_told_do_not_stand_for_the_account(account: Account) -> None:
    account.own(*range(1, 8))
    account.prime(1)
    adopt([claim(1, "cus_1")])
    account.sync("customers")
    adopt([claim(number, f"cus_typo{number}") for number in range(2, 8)])

    assert account.sync("customers").counts["customer"] == {"seen": 1, "unchanged": 1, "gone": 6}


@pytest.mark.parametrize("release", ["2.4", "2.9"])
def test_dj_stripes_customers_are_read_by_their_subscribers(
    account: Account, tmp_path: Path, release: str
) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    engine = sa.create_engine(url)
    gone = "date_purged datetime" if release == "2.4" else "deleted bool"
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE TABLE djstripe_customer (djstripe_id integer PRIMARY KEY, id varchar(255), "
                f"livemode bool, subscriber_id integer REFERENCES auth_user (id), {gone})"
            )
        )
        rows = [
            ("cus_1", 0, 1, None),
            ("cus_2", None, 2, None),
            ("cus_live", 1, 3, None),
            ("cus_nobody", 0, None, None),
            ("cus_gone", 0, 4, "2024-01-01 00:00:00" if release == "2.4" else 1),
        ]
        insert = "INSERT INTO djstripe_customer VALUES (NULL, ?, ?, ?, ?)"
        for row in rows:
            connection.exec_driver_sql(insert, row)
    engine.dispose()
    account.own(1, 2, 3, 4)

    arguments = ["--model", "tests.host:Organization", "--dj-stripe", "--database", url]
    told = run(account, *arguments, "--json")

    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["adopted"] == 2
    assert linked(account) == {"cus_1": "Organization:1", "cus_2": "Organization:2"}


def test_of_a_shared_table_only_the_rows_of_the_model_are_claimed(account: Account) -> None:
    session = account.db.session
    session.add_all(
        [
            Guest(id=1, stripe_id="cus_1"),
            Firm(id=2, stripe_id="cus_2"),
            Chain(id=3, stripe_id="cus_3", tax_customer="cus_4"),
        ]
    )
    session.commit()

    def claimed(model: Any, column: str) -> list[tuple[str, str, str]]:
        return [each[:3] for each in claims_of_model(model, column)]

    assert claimed(Firm, "stripe_id") == [("Firm", "2", "cus_2")]
    assert claimed(Firm, "stripe_customer") == [("Firm", "2", "cus_2")]
    assert claimed(Chain, "stripe_id") == [("Chain", "3", "cus_3")]
    assert claimed(Chain, "stripe_customer") == [("Chain", "3", "cus_3")]
    assert claimed(Chain, "tax_customer") == [("Chain", "3", "cus_4")]


def test_keys_that_another_tool_wrote_are_those_of_the_model(
    account: Account, tmp_path: Path
) -> None:
    one, two, three = (uuid.UUID(hex=32 * letter) for letter in "abc")
    account.db.session.add_all(Person(id=each) for each in (one, two, three))
    account.db.session.commit()
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        # As Django writes a UUIDField where the database has no type for it.
        connection.execute(
            sa.text("CREATE TABLE djstripe_customer (id varchar(255), subscriber_id char(32))")
        )
        insert = "INSERT INTO djstripe_customer VALUES (?, ?)"
        connection.exec_driver_sql(insert, ("cus_1", one.hex))
    engine.dispose()

    claims = [
        *claims_of_dj_stripe(Person, url),
        *claims_of_csv(
            [
                "owner_type,owner_id,customer_id",
                f"Person,{two.hex},cus_2",
                f"Person,{str(three).upper()},cus_3",
            ]
        ),
    ]
    assert reasons(adopt(claims)) == {}
    assert linked(account) == {
        "cus_1": f"Person:{one}",
        "cus_2": f"Person:{two}",
        "cus_3": f"Person:{three}",
    }


def test_a_csv_file_says_it_for_any_other_host(account: Account, tmp_path: Path) -> None:
    account.own(1)
    path = tmp_path / "owners.csv"
    path.write_text(
        "customer_id,owner_type,owner_id,note\ncus_1,Organization,1,x\ncus_9,Organization,9,\n",
        encoding="utf-8-sig",
    )
    told = run(account, "--csv", str(path))
    assert told.exit_code == 1
    assert told.output == (
        "cus_9 (line 3) isn't linked to Organization:9: there is no Organization:9 here\n"
        "1 linked, 0 were before, 1 in doubt.\n"
    )
    assert linked(account) == {"cus_1": "Organization:1"}


def test_a_wrong_source_is_refused_with_what_is_wrong(account: Account, tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    wrong: list[tuple[Any, str]] = [
        (lambda: claims_of_model("nowhere:Squad", "x"), "There is no model 'nowhere:Squad'"),
        (lambda: claims_of_model("tests.host:Base", "x"), "doesn't inherit from Billable"),
        (
            lambda: claims_of_model(Squad, "stripe"),
            "Squad has no column 'stripe'. It has: id, name",
        ),
        (lambda: claims_of_dj_stripe(Squad, empty), "has no table djstripe_customer"),
        (lambda: claims_of_dj_stripe(Squad, "my database"), "isn't the URL of a database"),
        (lambda: claims_of_dj_stripe(Squad, "nosuch://u:s3cret@h/d"), "nosuch"),
        (lambda: claims_of_dj_stripe(Squad, "mysql+pyodbc://u:s3cret@h/d"), "driver"),
        (lambda: claims_of_csv(["owner,customer_id"]), "doesn't name owner_type, owner_id"),
        (
            lambda: claims_of_csv(["owner_type;owner_id;customer_id"]),
            "It names: owner_type;owner_id;customer_id. Columns are separated by commas",
        ),
        (lambda: claims_of_csv([]), "It names: nothing"),
        (
            lambda: claims_of_csv(["owner_type,owner_id,customer_id", "x" * 200_000]),
            "Line 2 of the CSV file can't be read: field larger than field limit",
        ),
        (
            lambda: claims_of_csv(["owner_type,owner_id,customer_id", "Squad,,cus_1"]),
            "Line 2 of the CSV file has no owner_id",
        ),
    ]
    for source, message in wrong:
        with pytest.raises(InvalidRequest, match=message):
            list(source())


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_refused_with_what_to_do(
    account: Account, tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "owners.csv"
    path.write_text(
        "owner_type,owner_id,customer_id\nOrganization,1,cus_\u00e9\n", encoding=encoding
    )
    told = run(account, "--csv", str(path))
    assert (told.exit_code, "isn't UTF-8" in told.output) == (1, True), told.output
    assert "Save it as UTF-8" in told.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give one of --customer-column, --dj-stripe and --csv"),
        (["--customer-column", "x"], "Name the billable --model"),
        (["--model", "a:B", "--customer-column", "x", "--dj-stripe"], "Give one of"),
        (["--model", "a:B", "--customer-column", "x", "--database", "y"], "add --dj-stripe"),
    ],
)
def test_the_command_says_what_it_needs(
    account: Account, arguments: list[str], message: str
) -> None:
    told = run(account, *arguments)
    assert told.exit_code == 2
    assert message in told.output


def test_the_pages_script_names_the_owners_of_adopted_customers_and_of_no_accounts(
    account: Account,
) -> None:
    account.own(1, 2)
    account.prime_rest()
    account.prime(1)
    account.change("cus_1", metadata={})
    adopt([claim(1, "cus_1")])
    account.sync()
    with connect.account("acct_1"):
        there = billing.customer(account.db.session.get(Organization, 2)).processor_id
    account.edit(models.Customer, there, metadata={})
    sent = len(account.server.requests)

    given = {"stripe": Dialed(account), "models": models, "app": account.app, "db": account.db}
    exec(script(), given)  # noqa: S102 - what the page tells the reader to run

    [request] = account.server.requests[sent:]
    assert (request.path, request.account) == ("/v1/customers/cus_1", None)
    assert request.params == {"metadata": {"accrue_owner": "Organization:1"}}


class Dialed:
    """Stripe's SDK, whose client asks the contract server."""

    def __init__(self, account: Account) -> None:
        self.url = account.app.config["ACCRUE_STRIPE_API_BASE"]

    def StripeClient(self, key: str) -> stripe.StripeClient:  # noqa: N802 - the SDK's name
        return stripe.StripeClient(key, base_addresses={"api": self.url})


def script() -> str:
    page = (Path(__file__).parents[2] / "docs" / "adopting.md").read_text(encoding="utf-8")
    [found] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return str(found)
