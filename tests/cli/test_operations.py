"""``flask accrue operations``: a human's way out where a machine can't find out what was done."""

from __future__ import annotations

import datetime
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, models
from flask_accrue.ledger import verify

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.cli.conftest import Run
    from tests.host import Organization

DAY = datetime.timedelta(days=1)
CARD = "pm_card_visa"


@pytest.fixture
def payer(kit: Kit, org: Organization) -> Organization:
    billing.add_payment_method(org, CARD)
    kit.deliver()
    return org


@pytest.fixture
def lost(kit: Kit, payer: Organization) -> str:
    """Give the id of a charge whose answer was lost, and whose key the processor has forgotten."""
    lose(kit, "create_charge", lambda: billing.charge(payer, Money(500, "usd"), operation_id="c-1"))
    age(kit, DAY)
    return "c-1"


def lose(kit: Kit, method: str, action: Any) -> None:
    kit.fake.fail_next(method, "timeout")
    with pytest.raises(errors.ProcessorUnavailable):
        action()


def age(kit: Kit, by: datetime.timedelta) -> None:
    kit.fake.age_idempotency_keys(by)
    for row in kit.state.db.session.scalars(sa.select(models.Operation)):
        row.started_at -= by
        row.sent_at = row.sent_at and row.sent_at - by
    kit.state.db.session.commit()


def operation(kit: Kit, id: str) -> models.Operation:
    found = kit.state.db.session.get(models.Operation, id, populate_existing=True)
    assert found is not None
    return found


def test_the_error_names_the_command_and_the_command_frees_the_way(
    run: Run, kit: Kit, org: Organization
) -> None:
    lose(kit, "create_customer", lambda: billing.customer(org))
    age(kit, DAY)
    with pytest.raises(errors.OperationUnknown, match="flask accrue operations close"):
        billing.customer(org)
    # Its id is made from the owner's: nobody could choose another.
    with pytest.raises(errors.OperationUnknown):
        billing.customer(org)
    [line] = run("operations", "list").output.splitlines()
    assert "unknown" in line
    run("operations", "close", line.rpartition("  ")[2], "--yes")
    assert billing.customer(org).owner_id == str(org.id)
    assert run("operations", "list").stderr == "No operation is like that.\n"


def test_what_has_no_end_is_listed_oldest_first(
    run: Run, kit: Kit, payer: Organization, lost: str
) -> None:
    lose(
        kit, "create_subscription", lambda: billing.subscribe(payer, "price_pro", operation_id="s")
    )
    first, second = run("operations", "list").output.splitlines()
    assert first.split()[2:4] == ["unknown", "charge"]
    assert first.endswith("  c-1")
    assert second.split()[2:4] == ["unknown", "subscribe"]
    told = json.loads(run("operations", "list", "--json").output)
    assert [each["id"] for each in told] == ["c-1", "s"]
    assert len(run("operations", "list", "--limit", "1").output.splitlines()) == 1
    done = run("operations", "list", "--state", "done").output
    assert "create_customer" in done
    assert "c-1" not in done
    assert json.loads(run("operations", "list", "--state", "started", "--json").output) == []


def test_an_operation_is_shown_with_where_to_look_for_it(run: Run, kit: Kit, lost: str) -> None:
    text = run("operations", "show", lost).output
    for part in (
        "kind: charge",
        "state: unknown",
        "amount 500",
        "currency usd",
        "the answer was lost",
        "idempotency key 'c-1'",
        "flask accrue operations close",
    ):
        assert part in text
    told = json.loads(run("operations", "show", lost, "--json").output)
    assert (told["state"], told["method"], told["in_progress"]) == (
        "unknown",
        "create_charge",
        False,
    )


def test_an_operation_that_can_still_be_repeated_says_until_when(
    run: Run, kit: Kit, payer: Organization
) -> None:
    lose(kit, "create_charge", lambda: billing.charge(payer, Money(5, "usd"), operation_id="c"))
    text = run("operations", "show", "c").output
    assert "UTC repeating its id finds out by itself." in text
    kit.fake.fail_next("create_charge", "rate_limited")
    with pytest.raises(errors.RateLimited):
        billing.charge(payer, Money(5, "usd"), operation_id="turned away")
    text = run("operations", "show", "turned away").output
    assert "Nothing was sent. Repeating its id sends it." in text


def test_no_card_token_or_text_of_a_request_is_shown(
    run: Run, kit: Kit, payer: Organization
) -> None:
    lose(
        kit,
        "add_payment_method",
        lambda: billing.add_payment_method(payer, "tok_visa", operation_id="card"),
    )
    lose(
        kit,
        "create_charge",
        lambda: billing.charge(
            payer, Money(5, "usd"), description="for Robin", operation_id="charge"
        ),
    )
    lose(
        kit,
        "update_customer",
        lambda: billing.update_customer(payer, email="robin@example.com", operation_id="name"),
    )
    shown = [run("operations", "list", "--json").output]
    for id in ("card", "charge", "name"):
        shown += [
            run("operations", "show", id).output,
            run("operations", "show", id, "--json").output,
            run("operations", "close", id, "--yes", "--json").output,
        ]
    for text in shown:
        assert "tok_visa" not in text
        assert "pm_" not in text
        assert "Robin" not in text
        assert "robin@" not in text
    assert "not_shown: token" in shown[1]


def test_closing_says_what_it_does_and_asks_first(run: Run, kit: Kit, lost: str) -> None:
    result = run("operations", "close", lost, input="n\n", exit_code=1)
    assert "Look at fake for the idempotency key 'c-1'" in result.stderr
    assert "Closing asks nothing of the processor." in result.stderr
    assert "Close it? [y/N]" in result.stderr
    assert operation(kit, lost).state == "unknown"
    kit.assert_no_entry("operation.closed")
    assert run("operations", "close", lost, input="y\n").stdout == (
        "The operation 'c-1' is closed.\n"
    )
    assert operation(kit, lost).state == "refused"


def test_a_closed_operation_is_in_the_ledger_and_never_sent_again(
    run: Run, kit: Kit, payer: Organization, lost: str
) -> None:
    told = json.loads(run("operations", "close", lost, "--yes", "--json").stdout)
    assert (told["id"], told["state"]) == (lost, "refused")
    entry = kit.assert_entry("operation.closed")
    assert (entry.actor_type, entry.actor_id) == ("system", "cli")
    assert (entry.subject_type, entry.subject_id, entry.operation_id) == ("operation", lost, lost)
    assert entry.chain.startswith("system:")
    assert (entry.data["kind"], entry.data["state"]) == ("charge", "unknown")
    assert entry.data["undone"] is False
    assert verify().findings == []
    for _ in range(2):
        with pytest.raises(errors.InvalidState, match="closed by hand") as raised:
            billing.charge(payer, Money(500, "usd"), operation_id=lost)
        assert raised.value.code == "operation_closed"
    assert billing.list_charges(payer) == []
    assert billing.charge(payer, Money(500, "usd"), operation_id="c-2").is_succeeded
    result = run("operations", "close", lost, "--yes", exit_code=1)
    assert result.stderr == "Error: The operation 'c-1' has ended: it is refused.\n"


def test_what_the_processor_did_not_do_can_be_sent_anew_under_its_id(
    run: Run, kit: Kit, payer: Organization
) -> None:
    # A handler's operations have the same ids however often its event is repeated.
    def give_back(event: Any, context: Any) -> None:
        billing.charge(context.owner, Money(500, "usd"))

    kit.state.handlers.append(("customer.updated", give_back))
    kit.fake.fail_next("create_charge", "timeout")
    kit.trigger_event("customer.updated", billing.customer(payer), event_id="evt_1")
    [stuck] = json.loads(run("operations", "list", "--json").output)
    age(kit, DAY)
    run("webhooks", "replay", "evt_1")
    event = kit.state.db.session.scalars(
        sa.select(models.WebhookEvent).where(models.WebhookEvent.processor_id == "evt_1")
    ).one()
    assert "OperationUnknown" in (event.last_error or "")
    result = run("operations", "close", stuck["id"], "--undone", input="y\n")
    assert "repeating its id sends it anew. Close it?" in result.stderr
    assert result.stdout.endswith("is forgotten.\n")
    assert kit.assert_entry("operation.closed").data["undone"] is True
    assert run("operations", "list").stdout == ""
    run("webhooks", "replay", "evt_1")
    assert [charge.amount for charge in billing.list_charges(payer)] == [500]
    kit.assert_settled()


def test_closing_frees_what_the_operation_held(run: Run, kit: Kit, payer: Organization) -> None:
    lose(
        kit, "create_subscription", lambda: billing.subscribe(payer, "price_pro", operation_id="s")
    )
    assert operation(kit, "s").guard is not None
    # Nobody can look any more: the processor refuses the key.
    kit.fake.fail_next("find", "authentication")
    with pytest.raises(errors.AuthenticationError):
        billing.subscribe(payer, "price_team")
    assert operation(kit, "s").guard is not None
    run("operations", "close", "s", "--yes")
    kit.fake.fail_next("find", "authentication")
    assert billing.subscribe(payer, "price_team").is_active


def test_an_operation_that_is_being_carried_out_cannot_be_closed(
    run: Run, kit: Kit, lost: str
) -> None:
    row = operation(kit, lost)
    row.lease_token = uuid.uuid4()
    row.leased_until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    kit.state.db.session.commit()
    assert "in progress" in run("operations", "list").output
    assert "It's being carried out" in run("operations", "show", lost).output
    result = run("operations", "close", lost, "--yes", exit_code=1)
    assert "is being carried out, until" in result.stderr
    assert operation(kit, lost).state == "unknown"
    kit.assert_no_entry("operation.closed")


@pytest.mark.parametrize(
    "arguments", [("show", "nobody's"), ("close", "nobody's"), ("close", "nobody's", "--yes")]
)
def test_an_id_that_nobody_has_is_refused_in_a_line(
    run: Run, kit: Kit, arguments: tuple[str, ...]
) -> None:
    result = run("operations", *arguments, exit_code=1)
    assert result.stderr == 'Error: There is no operation "nobody\'s".\n'


def test_a_state_that_does_not_exist_is_a_wrong_argument(run: Run) -> None:
    assert (
        "'lost' is not one of" in run("operations", "list", "--state", "lost", exit_code=2).stderr
    )
