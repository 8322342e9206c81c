from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, models
from flask_accrue.entitlements import has_active_plan

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


@pytest.fixture
def waiting(kit: Kit, org: Organization) -> errors.ActionRequired:
    """Give what is raised for a first payment that the customer has to confirm."""
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    with pytest.raises(errors.ActionRequired) as raised:
        billing.subscribe(org, "price_pro")
    return raised.value


def _intent(kit: Kit) -> models.PaymentIntent:
    return kit.state.db.session.scalars(sa.select(models.PaymentIntent)).one()


def test_a_payment_that_waits_has_a_row_a_page_and_grants_nothing(
    kit: Kit, org: Organization, waiting: errors.ActionRequired
) -> None:
    kit.deliver()
    row = billing.subscription(org)
    assert row is waiting.row
    assert row is not None
    assert row.is_incomplete
    assert not row.is_active
    assert not has_active_plan(org, "pro")
    assert waiting.client_secret
    assert waiting.url == f"/billing/payments/fake/{_intent(kit).processor_id}"
    kit.assert_settled()


def test_the_client_secret_is_stored_nowhere(
    kit: Kit, org: Organization, waiting: errors.ActionRequired
) -> None:
    kit.deliver()
    with pytest.raises(errors.ActionRequired):
        billing.charge(org, Money(500, "usd"), operation_id="charge-1")
    kit.deliver()
    assert waiting.client_secret is not None
    session = kit.state.db.session
    tables = sa.inspect(session.get_bind(mapper=models.Operation.__mapper__)).get_table_names()
    assert "accrue_webhook_events" in tables
    told = "".join(
        repr(session.execute(sa.text(f"SELECT * FROM {table}")).all()) for table in tables
    )
    assert _intent_ids(kit) <= {each for each in _intent_ids(kit) if each in told}
    assert waiting.client_secret not in told
    assert "_secret_" not in told


def _intent_ids(kit: Kit) -> set[str]:
    return set(kit.state.db.session.scalars(sa.select(models.PaymentIntent.processor_id)))


def test_subscribing_again_while_it_waits_raises_it_again(
    kit: Kit, org: Organization, waiting: errors.ActionRequired
) -> None:
    with pytest.raises(errors.ActionRequired) as again:
        billing.subscribe(org, "price_pro")
    assert again.value.row is waiting.row
    assert (again.value.url, again.value.client_secret) == (waiting.url, waiting.client_secret)
    assert len(billing.list_subscriptions(org)) == 1


@pytest.mark.parametrize("webhooks", ["after", "between"])
def test_a_payment_is_confirmed_by_command_and_webhook_in_either_order(
    kit: Kit, org: Organization, waiting: errors.ActionRequired, webhooks: str
) -> None:
    if webhooks == "between":
        kit.deliver()
    billing.confirm_payment(_intent(kit))
    row = billing.subscription(org)
    assert row is not None
    assert row.is_active
    assert has_active_plan(org, "pro")
    kit.deliver()
    assert row.is_active
    kit.assert_settled()


def test_a_payment_confirmed_in_the_browser_is_told_by_the_webhook(
    kit: Kit, org: Organization, waiting: errors.ActionRequired
) -> None:
    kit.deliver()
    kit.fake.confirm_payment(_intent(kit).processor_id, payment_method=None, key="in the browser")
    kit.deliver(order="reverse")
    row = billing.subscription(org)
    assert row is not None
    assert row.is_active


def test_a_confirmation_that_fails_leaves_it_incomplete(
    kit: Kit, org: Organization, waiting: errors.ActionRequired
) -> None:
    kit.fake.fail_authentication(_intent(kit).processor_id)
    kit.deliver()
    row = billing.subscription(org)
    assert row is not None
    assert row.is_incomplete
    card = billing.add_payment_method(org, "pm_card_visa")
    billing.confirm_payment(_intent(kit), payment_method=card)
    assert row.is_active


def test_a_charge_that_waits_is_confirmed(kit: Kit, org: Organization) -> None:
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    with pytest.raises(errors.ActionRequired) as raised:
        billing.charge(org, Money(500, "usd"))
    assert raised.value.row.requires_action
    assert billing.confirm_payment(raised.value.row).is_succeeded


def test_a_payment_that_only_waits_isnt_told_as_failed(
    kit: Kit, org: Organization, waiting: errors.ActionRequired
) -> None:
    kit.deliver()
    kit.assert_no_entry("invoice.payment_failed")
    kit.assert_entry("invoice.action_required")


def test_a_failed_payment_is_told_once_an_attempt(kit: Kit, org: Organization) -> None:
    kit.subscription(org, "past_due", price="price_pro")
    assert len(kit.entries("invoice.payment_failed")) == 1
    kit.advance(days=4)
    assert len(kit.entries("invoice.payment_failed")) == 2


def test_a_payment_that_went_on_elsewhere_is_read_with_all_that_hangs_on_it(
    kit: Kit, org: Organization, waiting: errors.ActionRequired
) -> None:
    kit.deliver()
    kit.fake.confirm_payment(_intent(kit).processor_id, payment_method=None, key="in the browser")
    assert billing.sync_payment(_intent(kit)).is_succeeded
    row = billing.subscription(org)
    assert row is not None
    assert row.is_active
    assert [each.is_paid for each in billing.list_invoices(org)] == [True]


def test_what_could_be_read_of_a_payment_is_kept_although_the_rest_couldnt(
    kit: Kit, waiting: errors.ActionRequired, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.deliver()
    kit.fake.confirm_payment(_intent(kit).processor_id, payment_method=None, key="in the browser")
    fetch = kit.fake.fetch

    def fetch_payments(kind: str, processor_id: str) -> Any:
        if kind != "payment_intent":
            kit.fake.fail_next("fetch", "unavailable")
        return fetch(kind, processor_id)

    monkeypatch.setattr(kit.fake, "fetch", fetch_payments)
    with pytest.raises(errors.ProcessorUnavailable):
        billing.sync_payment(_intent(kit))
    assert _intent(kit).is_succeeded
