"""``flask accrue sync``: what an operator is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flask_accrue import billing, connect
from tests.host import Organization

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.cli.conftest import Run


def test_a_run_says_what_it_did_and_a_second_one_that_nothing_had_to_be_changed(
    run: Run, kit: Kit, org: Organization
) -> None:
    kit.subscription(org, price="price_pro")
    kit.fake.create_product(name="Made elsewhere")
    output = run("sync").output
    assert "product: 1 new here" in output
    assert "subscription: 1 unchanged" in output
    assert run("sync").output.splitlines()[-1] == "Nothing had to be changed."
    assert run("sync", "--dry-run").output.splitlines()[-1] == "Nothing differs."


def test_a_dry_run_prints_each_field_and_repair_writes_it(
    run: Run, kit: Kit, org: Organization
) -> None:
    row = billing.customer(org)
    id = row.processor_id
    run("sync")
    kit.fake.set_balance(id, -500)
    output = run("sync", "customers", "--dry-run").output
    assert f"customer {id}: updated\n    balance: 0 -> -500\n" in output
    assert output.splitlines()[-1] == "Nothing was written."
    kit.state.db.session.expire_all()
    assert billing.customer(org).balance == 0

    assert f"customer {id}: updated\n    balance: 0 -> -500\n" in run("sync", "--repair").output
    kit.state.db.session.expire_all()
    assert billing.customer(org).balance == -500


def test_a_connected_account_is_gone_through_where_it_is_named(run: Run, kit: Kit) -> None:
    made = connect.create_account(type="express", country="AT")
    kit.fake.complete_account(made.processor_id)
    kit.deliver()
    theirs = kit.fake.of_account(made.processor_id)
    theirs.create_customer(
        name="Ada", email=None, preferred_locale=None, metadata={}, key="made there"
    )

    assert "connect account: 1 unchanged" in run("sync", "accounts").output
    output = run("sync", "--account", made.processor_id).output
    assert "customer: 1 of nobody here" in output
    assert output.splitlines()[-1] == "Nothing had to be changed."
    refused = run("sync", "--account", "acct_nobody", exit_code=1)
    assert "There is no account acct_nobody here" in refused.output


def test_what_is_gone_stays_until_it_is_repaired(run: Run, kit: Kit, org: Organization) -> None:
    id = billing.customer(org).processor_id
    kit.fake.delete_customer(id)
    output = run("sync", "customers").output
    assert "customer: 1 gone at the processor" in output
    assert "--repair ends it" in output
    kit.state.db.session.expire_all()
    assert billing.get_customer(org) is not None
    run("sync", "customers", "--repair")
    kit.state.db.session.expire_all()
    assert billing.get_customer(org) is None


def test_a_customer_of_nobody_is_listed_and_linked_by_email_when_that_is_said(
    run: Run, kit: Kit, org: Organization
) -> None:
    answer = kit.fake.create_customer(
        name=None, email=org.email, preferred_locale=None, metadata={}, key="elsewhere"
    )
    id = answer.main.processor_id
    assert f"customer {id} ({org.email}) is of nobody here" in run("sync").output
    assert billing.get_customer(org) is None
    assert "customer: 1 new here" in run("sync", "--link-by", "email").output
    kit.state.db.session.expire_all()
    assert billing.customer(org).processor_id == id


def test_a_program_reads_an_object_a_line(run: Run, kit: Kit, org: Organization) -> None:
    id = billing.customer(org).processor_id
    kit.fake.set_balance(id, -500)
    lines = [json.loads(line) for line in run("sync", "--dry-run", "--json").output.splitlines()]
    [difference] = [each["difference"] for each in lines if "difference" in each]
    assert difference["processor_id"] == id
    assert difference["fields"] == {"balance": [0, -500]}
    assert lines[-1]["report"]["counts"]["customer"] == {"seen": 1, "updated": 1}
    assert lines[-1]["report"]["clean"] is False


def test_contradictory_options_and_unknown_kinds_are_refused(run: Run) -> None:
    assert "exclude each other" in run("sync", "--dry-run", "--repair", exit_code=2).stderr
    run("sync", "subs", exit_code=2)
