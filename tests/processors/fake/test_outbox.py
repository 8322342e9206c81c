from __future__ import annotations

import contextvars
import json
import types

import flask
import pytest

from flask_accrue.clock import real_now
from flask_accrue.errors import InvalidRequest, NotFound, SignatureError
from flask_accrue.processors import objects

caller = contextvars.ContextVar("caller", default="nobody")


@pytest.fixture
def endpoint(fake):
    """An app with an endpoint that verifies, remembers and answers what the test wants."""
    app = flask.Flask(__name__)
    settings = types.SimpleNamespace(webhook_path="/accrue/webhooks")
    app.extensions["accrue"] = types.SimpleNamespace(settings=settings)
    app.seen, app.answers, app.closed = [], {}, []

    @app.post("/accrue/webhooks/fake")
    def receive():
        body = flask.request.get_data()
        fake.verify_webhook(body, flask.request.headers, [], real_now())
        event = fake.read_event(body)
        app.seen.append(event)
        app.context = caller.get(), flask.g.get("host")
        response = flask.Response(status=app.answers.get(event.type, 200))
        response.call_on_close(lambda: app.closed.append(event.processor_id))
        return response

    return app


def created(fake, number):
    return fake.create_customer(
        name=str(number), email=None, preferred_locale=None, metadata={}, key=f"k{number}"
    ).main.processor_id


@pytest.fixture
def customers(fake):
    return [created(fake, number) for number in range(6)]


def seen(app):
    return [event.object.processor_id for event in app.seen]


def test_nothing_is_delivered_by_a_call_or_by_time(fake, shop, endpoint):
    shop.subscribe(shop.customer())
    shop.advance(days=60)

    assert endpoint.seen == []
    assert len(fake.pending_events()) > 20


def test_events_are_posted_signed_in_order_and_once(fake, endpoint, customers):
    assert fake.deliver(endpoint) == [200] * 6
    assert seen(endpoint) == customers
    assert fake.pending_events() == []
    assert fake.deliver(endpoint) == []


def test_what_is_put_off_until_after_the_response_happens(fake, endpoint, customers):
    fake.deliver(endpoint)

    assert len(endpoint.closed) == 6


def test_they_may_come_backwards_shuffled_twice_or_never(fake, endpoint, customers):
    assert fake.deliver(
        endpoint, order="reverse", only=lambda event: event.subject in customers[:3]
    )
    assert seen(endpoint) == customers[2::-1]

    endpoint.seen.clear()
    fake.lose(fake.pending_events()[0])
    assert fake.deliver(endpoint, times=2) == [200] * 4
    assert seen(endpoint) == [customers[4]] * 2 + [customers[5]] * 2


def test_a_seed_shuffles_the_same_way_each_time(fake, endpoint, customers):
    orders = []
    for seed in (7, 7, 8):
        for event in fake.events():
            fake.redeliver(event)
        endpoint.seen.clear()
        fake.deliver(endpoint, order=seed)
        orders.append(seen(endpoint))

    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(customers)


def test_the_order_may_be_a_function(fake, endpoint, customers):
    fake.deliver(endpoint, order=lambda events: [events[3], events[0]])

    assert seen(endpoint) == [customers[3], customers[0]]
    assert len(fake.pending_events()) == 4


def test_only_one_type_may_be_posted(fake, shop, endpoint):
    shop.subscribe(shop.customer())

    fake.deliver(endpoint, only="invoice.paid")

    assert [event.type for event in endpoint.seen] == ["invoice.paid"]


def test_what_is_not_accepted_waits_on(fake, endpoint, customers):
    endpoint.answers["customer.created"] = 500
    assert fake.deliver(endpoint) == [500] * 6
    assert len(fake.pending_events()) == 6

    endpoint.answers.clear()
    assert fake.deliver(endpoint) == [200] * 6


def test_nothing_of_the_callers_context_is_seen(fake, endpoint, customers):
    caller.set("somebody")
    with endpoint.app_context():
        flask.g.host = "its own"

        assert fake.deliver()[0] == 200

    assert endpoint.context == ("nobody", None)


def test_an_app_that_trusts_few_hosts_is_reached(fake, endpoint, customers):
    endpoint.config["TRUSTED_HOSTS"] = [".example.com"]

    assert fake.deliver(endpoint) == [200] * 6


def test_a_body_is_what_is_posted(fake, endpoint, customers):
    event = fake.pending_events()[0]

    body = json.loads(fake.event_body(event))

    assert fake.event_body(event.id) == fake.event_body(event)
    assert set(body) == {"id", "type", "created", "livemode", "customer", "object", "previous"}
    assert (body["id"], body["type"], body["livemode"]) == (event.id, "customer.created", False)
    assert body["object"]["kind"] == "customer"
    assert body["object"]["processor_id"] == customers[0] == event.subject
    with pytest.raises(NotFound):
        fake.event_body("evt_none")


def test_an_event_is_read_into_the_object_that_a_call_gave(fake, shop):
    answer = shop.subscribe(shop.customer())

    told = {}
    for event in fake.pending_events():
        read = fake.read_event(event.body).object
        told[read.processor_id] = read

    for each in answer.objects:
        assert told[each.processor_id] == each
        assert told[each.processor_id].raw == each.raw
    assert {type(each) for each in told.values()} >= {
        objects.Customer,
        objects.PaymentMethod,
        objects.Product,
        objects.Price,
        objects.Invoice,
        objects.InvoicePayment,
    }


def test_other_secrets_do_not_sign_for_the_store(fake, customers):
    from flask_accrue.processors.fake.outbox import SIGNATURE_HEADER
    from flask_accrue.processors.signing import sign

    body = fake.pending_events()[0].body
    at = int(real_now().timestamp())

    def verify(secret, secrets=()):
        headers = {SIGNATURE_HEADER: sign(body, secret, at)}
        fake.verify_webhook(body, headers, secrets, real_now())

    verify(fake.webhook_secret)
    verify("another", ["another"])
    with pytest.raises(SignatureError):
        verify("another")
    with pytest.raises(SignatureError):
        fake.verify_webhook(body, {}, [], real_now())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"{}",
        b'{"id": 1, "type": "a", "created": 1, "livemode": false, "object": {"kind": "customer"}}',
        b'{"id": "evt_1", "type": "a", "created": "x", "livemode": false, "object": {"kind": "a"}}',
        b'{"id": "evt_1", "type": "a", "created": 1, "livemode": false, "object": null}',
        b'{"id": "evt_1", "type": "a", "created": 1e99, "livemode": false, "object": {"kind": "a"}}',
        b'{"id": "e", "type": "a", "created": 1, "livemode": 0, "object": {"kind": "invoice"}}',
        (
            b'{"id": "e", "type": "a", "created": 1, "livemode": 0, "object": '
            b'{"kind": "customer", "processor_id": "c", "created": []}}'
        ),
        b"[" * 100_000,
    ],
)
def test_what_is_not_an_event_is_refused(fake, body):
    with pytest.raises(InvalidRequest):
        fake.read_event(body)


def test_a_dispute_says_which_charge_it_is_about(fake, shop):
    answer = shop.subscribe(shop.customer())
    fake.trigger_dispute(answer.objects[3].processor_id)

    read = fake.read_event(fake.pending_events()[-1].body)

    assert read.type == "charge.dispute.created"
    assert isinstance(read.object, objects.Dispute)
    assert read.object.charge == answer.objects[3].processor_id


def test_a_kind_that_is_not_mirrored_is_read_without_an_object(fake, shop):
    shop.customer()
    body = json.loads(fake.pending_events()[-1].body)
    body |= {"type": "payout.created", "object": {"kind": "payout", "customer": "x"}}

    read = fake.read_event(json.dumps(body))

    assert (read.type, read.object) == ("payout.created", None)
    assert read.raw["object"]["customer"] == "x"
