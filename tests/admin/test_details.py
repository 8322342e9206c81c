"""Pages of one row: what they say about it, and what they keep to themselves."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, models
from flask_accrue.admin.resources import RESOURCES
from flask_accrue.admin.resources.webhooks import body_text
from tests.host import Organization
from tests.visitors import Visitor

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

ADMIN = "/billing/admin"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"

#: Per state: the badge, and what the sentence has to hold.
SAID = {
    "active": ("Active", "renews on 10 Apr 2026. It grants what its plan holds."),
    "trialing": ("Trialing", "on trial until 24 Mar 2026; then the first payment is due."),
    "canceling": ("Canceling", "active, and ends on 10 Apr 2026 unless"),
    "canceled": ("Ended", "It ended on 10 Mar 2026 and renews no more. It grants nothing now."),
    "paused": ("Paused", "invoices of this time are voided. It grants nothing now."),
    "past_due": ("Past due", "A payment failed on 10 Apr 2026, and the processor may try again."),
    "unpaid": ("Past due", "It grants nothing now."),
    "incomplete": ("Incomplete", "Its first payment isn&#39;t made yet"),
    "incomplete_expired": ("Ended", "renews no more. It grants nothing now."),
}


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("state", SAID)
def test_a_subscriptions_state_is_explained_in_words(
    kit: Kit, org: Organization, operator: Visitor, state: str
) -> None:
    subscription = kit.subscription(org, state, price="price_pro")
    badge, sentence = SAID[state]
    page = operator.get(f"{ADMIN}/subscriptions/{subscription.id}").text
    assert re.search(rf'ac-badge--\w+">{badge}</span>', page)
    assert sentence in text_of(page)
    assert re.search(rf'ac-badge--\w+">{badge}</span>', operator.get(f"{ADMIN}/subscriptions").text)


def test_every_tab_of_every_row_opens(kit: Kit, org: Organization, operator: Visitor) -> None:
    kit.subscription(org, "past_due", price="price_pro")
    billing.refund(next(each for each in billing.list_charges(org) if each.is_succeeded))
    opened = 0
    for resource in RESOURCES:
        assert resource.detail is not None
        session = kit.state.db.session
        for row in session.query(resource.model).limit(4):
            for tab in resource.detail.tabs:
                path = f"{ADMIN}/{resource.name}/{row.id}/{tab.name}"
                page = operator.get(path)
                assert page.status_code == 200, path
                assert 'aria-current="page"' in page.text
                opened += 1
    assert opened > 30


@pytest.mark.only("sqlite")
def test_a_customers_page_tells_what_the_processor_grants_where_that_is_mirrored(
    kit: Kit, org: Organization, operator: Visitor
) -> None:
    customer = kit.subscription(org, price="price_pro").customer
    path = f"{ADMIN}/customers/{customer.id}"
    assert "Features at the processor" not in operator.get(path).text
    summary = models.EntitlementSummary(
        processor=customer.processor,
        processor_id=customer.processor_id,
        customer_id=customer.id,
        lookup_keys=["exports", EVIL],
        feature_processor_ids=["feat_1", "feat_2"],
    )
    kit.state.db.session.add(summary)
    kit.state.db.session.commit()
    page = operator.get(path).text
    assert "Features at the processor" in page
    assert "exports, &lt;script&gt;" in page
    assert "For information: gates go by your own plans." in page


@pytest.mark.only("sqlite")
def test_nothing_that_a_customer_types_becomes_part_of_a_page(kit: Kit, operator: Visitor) -> None:
    evil = Organization(name=EVIL, email=f"{EVIL}@x")
    kit.state.db.session.add(evil)
    kit.state.db.session.commit()
    subscription = kit.subscription(evil, price="price_pro", metadata={"note": EVIL})
    customer = subscription.customer
    billing.put_data(customer, {"note": EVIL, EVIL: EVIL})
    event = kit.state.db.session.query(models.WebhookEvent).first()
    assert event is not None
    event.last_error, event.state = EVIL, "dead"
    kit.state.db.session.commit()
    paths = [ADMIN, f"{ADMIN}/customers?q={EVIL}"]
    for resource in RESOURCES:
        assert resource.detail is not None
        paths.append(f"{ADMIN}/{resource.name}")
        row = kit.state.db.session.query(resource.model).order_by(resource.model.id.desc()).first()
        paths += [f"{ADMIN}/{resource.name}/{row.id}/{tab.name}" for tab in resource.detail.tabs]
    paths.append(f"{ADMIN}/webhooks/{event.id}")
    paths.append(f"{ADMIN}/subscriptions/{subscription.id}/do/cancel")
    seen = 0
    for path in paths:
        page = operator.get(path).text
        assert "<script" not in page, path
        assert "<img" not in page, path
        assert "49}}" not in page
        seen += "&lt;script&gt;" in page
    assert seen > 8


@pytest.mark.only("sqlite")
def test_an_address_of_nothing_is_a_404(kit: Kit, org: Organization, operator: Visitor) -> None:
    subscription = kit.subscription(org, price="price_pro")
    entry = kit.entries()[0]
    good = f"{ADMIN}/subscriptions/{subscription.id}"
    assert operator.get(good).status_code == 200
    missing = [
        f"{good}/no-such-tab",
        f"{good}/do/no-such-action",
        f"{ADMIN}/subscriptions/0192aaaa-0000-7000-8000-000000000000",
        f"{ADMIN}/subscriptions/1",
        f"{ADMIN}/subscriptions/%00",
        f"{ADMIN}/subscriptions/{subscription.customer_id}",
        f"{ADMIN}/no-such-thing",
        f"{ADMIN}/no-such-thing/{subscription.id}",
        *(
            f"{ADMIN}/events/{id}"
            for id in ("x", "-1", f"{entry.id}_0", f"+{entry.id}", "9" * 30, "2" * 5000, "٣", "1.0")
        ),
    ]
    for path in missing:
        answer = operator.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["X-Frame-Options"] == "DENY"


# -- webhooks --------------------------------------------------------------------------------------


def test_a_body_is_laid_out_without_its_secrets() -> None:
    body = json.dumps(
        {
            "id": "evt_1",
            "object": {
                "client_secret": "pi_1_secret_abc",
                "amount": 1900,
                "next": [{"secret": "s"}],
            },
        }
    )
    text = body_text(body)
    assert '  "id": "evt_1"' in text
    assert "secret_abc" not in text
    assert text.count("(hidden)") == 2


@pytest.mark.parametrize("body", ["", "not json", "[" * 100_000, '{"a": ', "\ud83d"])
def test_a_body_that_is_no_json_is_shown_as_it_came(body: str) -> None:
    assert body_text(body) == body


@pytest.mark.only("sqlite")
def test_a_webhooks_page_tells_of_its_handlers_and_what_it_changed(
    kit: Kit, org: Organization, operator: Visitor
) -> None:
    def mend(event: Any, context: Any) -> None:
        raise RuntimeError("no route to mail")

    kit.state.handlers.append(("customer.subscription.updated", mend))
    subscription = kit.subscription(org, price="price_pro")
    kit.trigger_event(
        "customer.subscription.updated", subscription, metadata={"accrue_name": "default", "x": "y"}
    )
    event = (
        kit.state.db.session.query(models.WebhookEvent)
        .filter_by(type="customer.subscription.updated", outcome="applied")
        .one()
    )
    page = operator.get(f"{ADMIN}/webhooks/{event.id}").text
    assert "tried again by itself" in page
    assert "no route to mail" in operator.get(f"{ADMIN}/webhooks/{event.id}/handlers").text
    changed = operator.get(f"{ADMIN}/webhooks/{event.id}/effects").text
    entry = kit.assert_entry("subscription.updated", subscription)
    assert f"{ADMIN}/events/{entry.id}" in changed
    detail = operator.get(f"{ADMIN}/events/{entry.id}").text
    assert f'href="{ADMIN}/webhooks/{event.id}"' in detail


# -- the ledger ------------------------------------------------------------------------------------


@pytest.mark.only("sqlite")
def test_an_event_shows_what_changed_and_how_it_stood(
    kit: Kit, org: Organization, operator: Visitor
) -> None:
    subscription = kit.subscription(org, "canceling", price="price_pro")
    entry = next(
        each
        for each in kit.entries()
        if each.subject_id == str(subscription.id)
        and "cancel_at_period_end" in each.data["changes"]
    )
    page = text_of(operator.get(f"{ADMIN}/events/{entry.id}").text)
    assert "Cancel at period end no yes" in page
    state = operator.get(f"{ADMIN}/events/{entry.id}/state").text
    assert "&#34;cancel_at_period_end&#34;: true" in state
    together = operator.get(f"{ADMIN}/events/{entry.id}/together").text
    assert f"{ADMIN}/events/{entry.id}" in together
    timeline = operator.get(f"{ADMIN}/events?subject=subscription:{subscription.id}").text
    assert f"{ADMIN}/events/{entry.id}" in timeline
    assert "Payment method" not in text_of(timeline).partition("Recorded")[2]


@pytest.mark.only("sqlite")
def test_amounts_in_the_ledger_read_as_money_of_their_currency(
    kit: Kit, org: Organization, operator: Visitor
) -> None:
    kit.subscription(org, price="price_pro")
    charge = billing.list_charges(org)[0]
    billing.refund(charge)
    kit.deliver()
    entry = [e for e in kit.entries() if "amount_refunded" in e.data.get("changes", {})][-1]
    page = text_of(operator.get(f"{ADMIN}/events/{entry.id}").text)
    assert "Amount refunded $0.00 $19.00" in page
