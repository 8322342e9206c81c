from __future__ import annotations

import contextvars
import datetime
import gc
import threading
from typing import TYPE_CHECKING, Any

import flask
import pytest
import sqlalchemy as sa

from flask_accrue import (
    billing,
    entitled,
    entitlement_quantity,
    features_for,
    guard_blueprint,
    has_active_plan,
    models,
    require_feature,
    require_plan,
)
from flask_accrue.entitlements import forget, memory
from flask_accrue.testing import Kit
from tests.entitlements.conftest import DAY, MOMENT, NOW, PLANS
from tests.host import Organization, create_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.entitlements.conftest import Host

sqlite = pytest.mark.only("sqlite")


def ask_everything(owner: Any) -> None:
    for _ in range(3):
        entitled(owner, "reports")
        entitled(owner, "exports")
        has_active_plan(owner, "team")
        features_for(owner)
        entitlement_quantity(owner, "projects")


# -- one query a request ---------------------------------------------------------------------------


def test_a_request_with_every_kind_of_check_costs_one_query(host: Host) -> None:
    owner = host.owner()
    host.hold(owner, "price_team")
    host.session.commit()
    # As a host writes it: from the session, by the server's own state, again at each check.
    host.accrue.owner_loader(lambda: host.session.get(Organization, owner_id))
    owner_id = owner.id
    blueprint = flask.Blueprint("paid", "paid")
    guard_blueprint(blueprint, feature="reports")
    guard_blueprint(blueprint, plan="team")

    @blueprint.get("/")
    @require_feature("exports")
    @require_plan("team")
    def page() -> str:
        owner = host.session.get(Organization, owner_id)
        ask_everything(owner)
        del owner
        gc.collect()
        return flask.render_template_string(
            "{% for _ in range(9) %}{{ entitled('reports') }}{{ entitled('exports') }}{% endfor %}"
        )

    host.app.register_blueprint(blueprint)
    host.session.remove()
    with host.statements() as seen:
        response = host.app.test_client().get("/")
    assert response.text == "TrueTrue" * 9
    ours = [statement for statement in seen if "accrue_" in statement]
    assert len(ours) == 1
    # The host's own loader asked once too: the session kept its owner.
    assert len(seen) == 2


def test_the_query_is_not_repeated_for_who_holds_nothing(host: Host) -> None:
    owner = host.owner()
    with host.app.test_request_context(), host.statements() as seen:
        ask_everything(owner)
    assert len(seen) == 1


def test_several_owners_cost_one_query_each(host: Host) -> None:
    owners = [host.owner(), host.owner(), host.owner()]
    host.hold(owners[1])
    with host.app.test_request_context(), host.statements() as seen:
        for owner in owners:
            ask_everything(owner)
        assert [entitled(owner, "reports") for owner in owners] == [False, True, False]
    assert len(seen) == 3


def test_an_expired_owner_costs_no_query_of_its_own(host: Host) -> None:
    owner = host.owner()
    host.hold(owner)
    host.session.commit()  # expires it
    with host.app.test_request_context(), host.statements() as seen:
        assert entitled(owner, "reports")
    assert len(seen) == 1


@sqlite
def test_a_database_that_failed_is_not_asked_again_in_the_same_request(host: Host) -> None:
    owner = host.owner()
    host.session.commit()
    with host.db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE accrue_customers RENAME TO elsewhere"))
    with host.app.test_request_context(), host.statements() as seen:
        ask_everything(owner)
    assert len(seen) == 1


# -- never outside a request -----------------------------------------------------------------------


def test_outside_of_a_request_nothing_is_kept(host: Host) -> None:
    owner = host.owner()
    subscription = host.hold(owner)
    assert entitled(owner, "reports")
    subscription.status = "canceled"
    host.session.commit()
    assert not entitled(owner, "reports")


def test_the_next_request_reads_anew(host: Host) -> None:
    owner = host.owner()
    subscription = host.hold(owner)
    host.own(owner)
    host.app.get("/")(require_feature("reports")(lambda: "in"))
    client = host.app.test_client()
    assert client.get("/").status_code == 200
    subscription.status = "canceled"
    host.session.commit()
    assert client.get("/").status_code == 403


@sqlite
def test_a_connection_that_stays_open_reads_anew_after_a_while(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = host.owner()
    subscription = host.hold(owner)
    with host.app.test_request_context():
        assert entitled(owner, "reports")
        subscription.status = "canceled"
        host.session.commit()
        assert entitled(owner, "reports")  # written past Accrue, which therefore doesn't know
        monkeypatch.setattr(memory, "KEPT_FOR", 0.0)
        assert not entitled(owner, "reports")


@sqlite
def test_two_apps_that_share_an_environment_share_no_answer(host: Host, tmp_path: Any) -> None:
    owner = host.owner()
    owner_id = owner.id
    host.hold(owner)
    with host.app.test_request_context() as context:
        assert entitled(owner, "reports")
        other, db, _ = create_host(
            f"sqlite:///{tmp_path}/other.sqlite", ACCRUE_ENTITLEMENTS={"plans": PLANS}
        )
        with other.app_context():
            models.Base.metadata.create_all(db.engine)
        with other.request_context(context.request.environ):
            assert not entitled(Organization(id=owner_id), "reports")
        with other.app_context():
            db.engine.dispose()


# -- time within a request -------------------------------------------------------------------------


def test_grace_flips_within_a_request_without_another_query(
    make_host: Callable[..., Host],
) -> None:
    host = make_host(past_due_grace=1)
    owner = host.owner()
    host.hold(owner, status="past_due", past_due_since=NOW)
    with host.app.test_request_context(), host.statements() as seen:
        host.clock.moment = NOW + DAY - MOMENT
        assert entitled(owner, "reports")
        host.clock.moment = NOW + DAY
        assert not entitled(owner, "reports")
    assert len(seen) == 1


# -- what is written -------------------------------------------------------------------------------


@pytest.fixture
def billed(database_url: str) -> Iterator[tuple[Kit, Organization]]:
    """Give an owner who pays on the Fake, through the real operations."""
    app, db, _ = create_host(database_url, ACCRUE_ENTITLEMENTS={"plans": PLANS})

    @app.post("/cancel")
    def cancel() -> str:
        billing.cancel(billing.subscription(owner))
        return ""

    with app.app_context():
        kit = Kit(app)
        kit.price("price_pro", 1900)
        kit.price("price_team", 4900)
        owner = Organization(name="Acme")
        db.session.add(owner)
        db.session.commit()
        kit.subscription(owner, "active", price="price_pro")
        yield kit, owner
        db.session.remove()
        db.engine.dispose()


def test_a_cancel_within_a_request_closes_the_gate_at_once(
    billed: tuple[Kit, Organization],
) -> None:
    kit, owner = billed
    with kit.app.test_request_context():
        assert entitled(owner, "reports")
        billing.cancel(billing.subscription(owner))
        assert not entitled(owner, "reports")


def test_a_subscribe_within_a_request_opens_it_at_once(billed: tuple[Kit, Organization]) -> None:
    kit, owner = billed
    with kit.app.test_request_context():
        assert not entitled(owner, "exports")
        billing.subscribe(owner, "price_team", name="second")
        assert entitled(owner, "exports")


def test_what_a_request_made_within_another_changes_is_seen_by_the_outer_one(
    billed: tuple[Kit, Organization],
) -> None:
    kit, owner = billed
    with kit.app.test_request_context():
        assert entitled(owner, "reports")
        assert kit.app.test_client().post("/cancel").status_code == 200
        assert not entitled(owner, "reports")


def test_a_webhook_that_arrives_within_a_request_is_seen(
    billed: tuple[Kit, Organization],
) -> None:
    kit, owner = billed
    subscription = billing.subscription(owner)
    assert subscription is not None
    with kit.app.test_request_context():
        assert entitled(owner, "reports")
        status = kit.trigger_event("customer.subscription.deleted", subscription, status="canceled")
        assert status == 200
        assert not entitled(owner, "reports")


def in_another_thread(action: Callable[[], Any], *, as_the_request: bool) -> None:
    """Do something in another thread, in a copy of this context or in one of its own."""
    context = contextvars.copy_context() if as_the_request else contextvars.Context()
    thread = threading.Thread(target=context.run, args=(action,))
    thread.start()
    thread.join()


def test_what_another_thread_writes_costs_a_running_request_no_further_query(
    billed: tuple[Kit, Organization],
) -> None:
    kit, owner = billed
    owner_id, statements = owner.id, []

    def elsewhere() -> None:
        with kit.app.app_context():
            found = kit.state.db.session.get(Organization, owner_id)
            billing.update_customer(found, name="Acme Inc.")

    def note(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        statements.append(statement)

    with kit.app.test_request_context():
        assert entitled(owner, "reports")
        kit.state.db.session.rollback()
        in_another_thread(elsewhere, as_the_request=False)
        sa.event.listen(kit.state.db.engine, "before_cursor_execute", note)
        for _ in range(3):
            assert entitled(owner, "reports")
        sa.event.remove(kit.state.db.engine, "before_cursor_execute", note)
    assert [each for each in statements if "accrue_" in each] == []
    kit.assert_entry("customer.updated")


def test_what_a_view_writes_in_a_thread_of_its_own_is_seen(
    billed: tuple[Kit, Organization],
) -> None:
    kit, owner = billed
    with kit.app.test_request_context():
        assert entitled(owner, "reports")
        in_another_thread(lambda: billing.cancel(billing.subscription(owner)), as_the_request=True)
        assert not entitled(owner, "reports")


@sqlite
def test_what_was_read_in_a_write_that_failed_is_forgotten(
    billed: tuple[Kit, Organization],
) -> None:
    kit, owner = billed
    seen: list[bool] = []

    def spoil(*_: Any) -> None:
        # Asked in the middle of the transaction, before it's undone.
        seen.append(entitled(owner, "exports"))
        raise RuntimeError("the reaction fails")

    with kit.app.test_request_context():
        kit.state.reactions.append(spoil)
        with pytest.raises(RuntimeError):
            billing.subscribe(owner, "price_team", name="second")
        kit.state.reactions.clear()
        assert seen
        stored = kit.state.db.session.scalars(sa.select(models.Subscription)).all()
        assert entitled(owner, "exports") is (len(stored) == 2)


@sqlite
def test_a_host_that_writes_past_accrue_can_say_so(host: Host) -> None:
    owner = host.owner()
    subscription = host.hold(owner)
    with host.app.test_request_context():
        assert entitled(owner, "reports")
        subscription.ended_at = NOW - datetime.timedelta(days=1)
        host.session.commit()
        forget()
        assert not entitled(owner, "reports")
