"""The endpoint: what is from the processor is stored once, anything else is refused in the same words."""

from __future__ import annotations

import datetime
import io
import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from werkzeug.serving import make_server

from flask_accrue import Accrue, models, webhooks
from flask_accrue.processors.signing import sign
from flask_accrue.webhooks import tallies
from tests.host import Base, create_host
from tests.webhooks.endpoint import STRIPE, STRIPE_CONFIG, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from flask_accrue.testing import Kit


@pytest.fixture
def endpoint(database_url: str) -> Iterator[Endpoint]:
    app, db, _ = create_host(database_url, **STRIPE_CONFIG)
    with app.app_context():
        yield Endpoint(app, db)
        db.session.remove()
        db.engine.dispose()


def event(id: str = "evt_1", **changes: Any) -> dict[str, Any]:
    """Return an event that Accrue stores and doesn't mirror."""
    return {
        "id": id,
        "object": "event",
        "type": "tax_rate.created",
        "created": 1767225600,
        "livemode": False,
        "api_version": "2025-10-29.clover",
        "data": {"object": {"id": "txr_1", "object": "tax_rate"}},
        **changes,
    }


def assert_refused(answer: Any) -> None:
    """Check that nothing tells one reason from another."""
    assert (answer.status_code, answer.text, answer.mimetype) == (
        400,
        "Bad request\n",
        "text/plain",
    )
    assert "Set-Cookie" not in answer.headers


# -- whether it's from the processor ---------------------------------------------------------------


def test_a_signed_event_is_stored_as_it_came(endpoint: Endpoint) -> None:
    body = json.dumps(event(account="acct_1"), indent=3, ensure_ascii=False).encode()
    assert endpoint.post(body).status_code == 200
    [stored] = endpoint.stored()
    assert stored.payload == body.decode()
    assert (stored.processor, stored.endpoint, stored.processor_id) == ("stripe", "", "evt_1")
    assert (stored.type, stored.account, stored.livemode) == ("tax_rate.created", "acct_1", False)
    assert stored.api_version == "2025-10-29.clover"
    assert stored.occurred_at == datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def test_a_delivery_without_a_signature_is_refused(endpoint: Endpoint) -> None:
    body = json.dumps(event()).encode()
    with endpoint.app.test_client() as client:
        assert_refused(client.post(STRIPE, data=body))
        assert_refused(client.post(STRIPE, data=body, headers={"Stripe-Signature": ""}))
    assert endpoint.stored() == []


@pytest.mark.parametrize(
    "header",
    [
        "t=,v1={mac}",
        "v1={mac}",
        "t=yesterday,v1={mac}",
        "t={now}.0,v1={mac}",
        "t=-{now},v1={mac}",
        "t=1e9,v1={mac}",
        "t={now},t={now},v1={mac}",
        "t={now}",
        "t={now},v0={mac}",
        "t={now},v1=",
        "t={now},v1={mac}{mac}",
        "t=99999999999999999999,v1={mac}",
        "=",
        ",,,",
        "t={now},v1=\xff",
    ],
)
def test_a_malformed_signature_is_refused(endpoint: Endpoint, header: str) -> None:
    body = json.dumps(event()).encode()
    now = int(time.time())
    mac = sign(body, "whsec_new", now).partition("v1=")[2]
    answer = endpoint.post(body, **{"Stripe-Signature": header.format(now=now, mac=mac)})
    assert_refused(answer)
    assert endpoint.stored() == []


@pytest.mark.parametrize(
    ("age", "accepted"), [(299, True), (-299, True), (302, False), (-302, False)]
)
def test_a_signature_may_be_300_seconds_off(endpoint: Endpoint, age: int, accepted: bool) -> None:
    # A second of leeway for the clock that goes on; the exact bound is tested beside the verifier.
    answer = endpoint.post(event(), age=age)
    if accepted:
        assert answer.status_code == 200
    else:
        assert_refused(answer)
    assert len(endpoint.stored()) == accepted


def test_the_bound_is_300_seconds_exactly(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    monkeypatch.setattr("flask_accrue.webhooks.receive.real_now", lambda: now)
    for off, wanted in ((300, 200), (-300, 200), (301, 400), (-301, 400)):
        body = json.dumps(event(f"evt_{off}")).encode()
        at = int(now.timestamp()) - off
        answer = endpoint.post(body, **{"Stripe-Signature": sign(body, "whsec_new", at)})
        assert answer.status_code == wanted, off


def test_another_secret_is_refused(endpoint: Endpoint) -> None:
    assert_refused(endpoint.post(event(), secret="whsec_other"))
    assert_refused(endpoint.post(event(), secret="whsec_c"))
    assert_refused(endpoint.post(event(), secret="whsec_new", path=f"{STRIPE}/connect"))
    assert endpoint.stored() == []


def test_a_changed_body_is_refused(endpoint: Endpoint) -> None:
    body = json.dumps(event()).encode()
    signature = sign(body, "whsec_new", int(time.time()))
    assert_refused(endpoint.post(body + b" ", **{"Stripe-Signature": signature}))
    assert endpoint.stored() == []


def test_each_secret_of_a_rotation_is_accepted(endpoint: Endpoint) -> None:
    assert endpoint.post(event("evt_1"), secret="whsec_new").status_code == 200
    assert endpoint.post(event("evt_2"), secret="whsec_old").status_code == 200
    assert len(endpoint.stored()) == 2


def test_an_endpoint_of_its_own_has_secrets_of_its_own(endpoint: Endpoint) -> None:
    path = f"{STRIPE}/connect"
    assert endpoint.post(event(), secret="whsec_c", path=path).status_code == 200
    [stored] = endpoint.stored()
    assert stored.endpoint == "connect"


@pytest.mark.parametrize("secrets", [None, {}, {"stripe/connect": ["whsec_c"]}])
def test_nothing_gets_in_without_a_secret(database_url: str, secrets: Any) -> None:
    config = {**STRIPE_CONFIG, "ACCRUE_WEBHOOK_SECRETS": secrets}
    app, db, _ = create_host(database_url, **config)
    with app.app_context():
        unprotected = Endpoint(app, db)
        body = json.dumps(event()).encode()
        now = int(time.time())
        # What an attacker would sign with, who hopes that the empty secret is taken.
        import hashlib
        import hmac

        mac = hmac.new(b"", b"%d." % now + body, hashlib.sha256).hexdigest()
        assert_refused(unprotected.post(body, **{"Stripe-Signature": f"t={now},v1={mac}"}))
        assert unprotected.stored() == []
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize(
    "path",
    [
        "/accrue/webhooks/braintree",
        "/accrue/webhooks/fake",
        "/accrue/webhooks/Stripe",
        "/accrue/webhooks/stripe/other",
        "/accrue/webhooks/stripe%00",
        "/accrue/webhooks/..",
    ],
)
def test_an_unknown_or_unconfigured_endpoint_is_refused_in_the_same_words(
    endpoint: Endpoint, path: str
) -> None:
    answer = endpoint.post(event(), secret="whsec_c", path=path)
    assert_refused(answer)
    assert endpoint.stored() == []


def test_only_posts_are_taken(endpoint: Endpoint) -> None:
    with endpoint.app.test_client() as client:
        assert client.get(STRIPE).status_code == 405
        assert client.put(STRIPE, data=b"{}").status_code == 405


def test_a_refusal_is_logged_without_the_body_or_a_secret(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "flask_accrue"):
        endpoint.post(event("evt_confidential"), secret="whsec_wrong")
    assert "'stripe' was refused" in caplog.text
    assert "evt_confidential" not in caplog.text
    assert "whsec_" not in caplog.text


# -- what it says ----------------------------------------------------------------------------------


DEEP = b'{"id": "evt_1", "object": "event", "type": "t", "created": 1, "data": {"object": %s}}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
        json.dumps(event()).encode("utf-16"),
        json.dumps(event()).encode("utf-8-sig"),
        json.dumps(event()).encode()[:-1],
        json.dumps(event()).encode() + b"\0",
        json.dumps(event()).encode().replace(b"txr_1", b"txr\x00_1"),
        json.dumps(event(id=7)).encode(),
        json.dumps(event(id="")).encode(),
        json.dumps(event(id="e" * 300)).encode(),
        json.dumps(event(type="t" * 300)).encode(),
        json.dumps(event(type=None)).encode(),
        json.dumps(event(api_version="2" * 300)).encode(),
        json.dumps(event(account="a" * 300)).encode(),
        json.dumps(event(created=None)).encode(),
        json.dumps(event(created=10**18)).encode(),
        json.dumps(event(created=-(10**18))).encode(),
        json.dumps(event(created=1e300)).encode(),
        json.dumps(event(created="1767225600")).encode(),
        json.dumps(event(livemode="no")).encode(),
        json.dumps(event()).replace("1767225600", "9" * 5000).encode(),
        json.dumps(event()).replace("1767225600", "NaN").encode(),
        DEEP % (b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        DEEP % (b"[" * 100_000 + b"]" * 100_000),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused_and_not_stored(
    endpoint: Endpoint, body: bytes
) -> None:
    assert_refused(endpoint.post(body))
    assert endpoint.stored() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("description", "a\0b"),
        ("description", "\ud800"),
        ("description", "\udc00 alone"),
        ("descr\0iption", "b"),
        ("descr\ud800iption", "b"),
        ("amount", 10**300),
        ("amount", -(2**63)),
        ("amount", 1e308),
        ("name", "\U0001f600 \u0000 \u202e"),
    ],
)
def test_what_a_database_cannot_hold_comes_to_an_end_all_the_same(
    endpoint: Endpoint, name: str, value: Any
) -> None:
    customer = {
        "id": "cus_1",
        "object": "customer",
        "created": 1767225600,
        "metadata": {"accrue_owner": "Organization:1"},
        name: value,
    }
    body = event(type="customer.created", data={"object": customer})
    assert endpoint.post(body).status_code == 200
    [stored] = endpoint.stored()
    assert (stored.state, stored.last_error) == ("succeeded", None)
    [row] = endpoint.db.session.scalars(sa.select(models.Customer))
    assert row.processor_id == "cus_1"


def test_a_body_that_nests_deeply_is_stored_and_fails_where_it_is_read(endpoint: Endpoint) -> None:
    body = DEEP % (b'{"a":' * 300 + b"1" + b"}" * 300)
    assert endpoint.post(body).status_code == 200
    [stored] = endpoint.stored()
    assert stored.state == "failed"
    assert "levels" in stored.last_error


def test_an_event_of_the_other_mode_is_acknowledged_and_not_stored(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "flask_accrue"):
        assert endpoint.post(event(livemode=True)).status_code == 200
    assert endpoint.stored() == []
    assert "other mode (live)" in caplog.text


def test_events_of_the_other_mode_are_counted_a_day_and_an_endpoint(endpoint: Endpoint) -> None:
    for number in range(3):
        assert endpoint.post(event(f"evt_{number}", livemode=True)).status_code == 200
    there = {"secret": "whsec_c", "path": f"{STRIPE}/connect"}
    assert endpoint.post(event(livemode=True), **there).status_code == 200
    assert endpoint.post(event()).status_code == 200  # of this mode

    tallies = endpoint.db.session.scalars(sa.select(models.WebhookTally))
    counted = {(each.processor, each.endpoint, each.reason): each.count for each in tallies}
    assert counted == {("stripe", "", "other_mode"): 3, ("stripe", "connect", "other_mode"): 1}
    assert webhooks.unstored("other_mode") == {"stripe": 4}


def test_an_event_that_can_t_be_counted_is_acknowledged_all_the_same(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    # As before the revision that makes the table.
    models.WebhookTally.__table__.drop(endpoint.db.engine)

    assert endpoint.post(event(livemode=True)).status_code == 200

    [logged] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "wasn't counted (other_mode)" in logged.getMessage()
    assert endpoint.post(event()).status_code == 200
    assert len(endpoint.stored()) == 1


def test_many_at_once_are_all_counted(endpoint: Endpoint) -> None:
    state = endpoint.app.extensions["accrue"]
    ready = threading.Barrier(8)

    def count() -> None:
        ready.wait()
        with endpoint.app.app_context():
            for _ in range(5):
                tallies.count(state, "stripe", "", "other_mode")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert webhooks.unstored("other_mode") == {"stripe": 40}


def test_what_was_counted_long_ago_is_forgotten(endpoint: Endpoint) -> None:
    for days in (1, 8, 100):
        day = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)).date()
        named = {"processor": "stripe", "endpoint": "", "reason": "other_mode"}
        endpoint.db.session.add(models.WebhookTally(day=day, count=days, **named))
    endpoint.db.session.commit()

    assert webhooks.unstored("other_mode") == {"stripe": 1}
    webhooks.prune()
    left = endpoint.db.session.scalars(sa.select(models.WebhookTally.count))
    assert sorted(left) == [1, 8]


def test_a_duplicate_is_acknowledged_and_worked_on_once(endpoint: Endpoint) -> None:
    for _ in range(8):
        assert endpoint.post(event()).status_code == 200
    [stored] = endpoint.stored()
    assert (stored.state, stored.attempts) == ("succeeded", 1)


def test_the_same_event_at_two_endpoints_is_two_events(endpoint: Endpoint) -> None:
    assert endpoint.post(event()).status_code == 200
    assert endpoint.post(event(), secret="whsec_c", path=f"{STRIPE}/connect").status_code == 200
    assert len(endpoint.stored()) == 2


def test_the_same_event_in_two_versions_is_one_event(endpoint: Endpoint) -> None:
    """An old and a new endpoint of Stripe's lead to one address, each with its secret."""
    for version, secret in (("2024-06-20", "whsec_old"), ("2025-10-29.clover", "whsec_new")):
        assert endpoint.post(event(api_version=version), secret=secret).status_code == 200
    [stored] = endpoint.stored()
    assert stored.api_version == "2024-06-20"


# -- how much it is --------------------------------------------------------------------------------


def padded(size: int) -> bytes:
    """Return an event of exactly that many bytes."""
    body = json.dumps(event()).encode()
    return body + b" " * (size - len(body))


def test_a_megabyte_is_taken_and_a_byte_more_is_not(endpoint: Endpoint) -> None:
    assert endpoint.post(padded(1024 * 1024)).status_code == 200
    assert endpoint.post(padded(1024 * 1024 + 1)).status_code == 413
    assert len(endpoint.stored()) == 1


def test_the_hosts_own_limit_for_bodies_does_not_hold_here(endpoint: Endpoint) -> None:
    endpoint.app.config["MAX_CONTENT_LENGTH"] = 100
    assert endpoint.post(event()).status_code == 200
    endpoint.app.config["MAX_CONTENT_LENGTH"] = 10 * 1024 * 1024
    assert endpoint.post(padded(1024 * 1024 + 1)).status_code == 413


def test_a_body_without_an_end_is_not_read_for_ever(endpoint: Endpoint) -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            Endless.taken += len(buffer)
            buffer[:] = b" " * len(buffer)
            return len(buffer)

    environ = {"wsgi.input": io.BufferedReader(Endless()), "wsgi.input_terminated": True}
    with endpoint.app.test_client() as client:
        answer = client.post(
            STRIPE, headers={"Transfer-Encoding": "chunked"}, environ_overrides=environ
        )
    assert answer.status_code == 413
    assert Endless.taken < 2 * 1024 * 1024


@pytest.mark.parametrize(("size", "wanted"), [(20_000, 200), (1024 * 1024 + 1, 413)])
def test_a_chunked_body_has_the_same_limit_over_real_http(
    endpoint: Endpoint, size: int, wanted: int
) -> None:
    import http.client
    import threading

    server = make_server("127.0.0.1", 0, endpoint.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    body = padded(size)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        chunks = (body[start : start + 9000] for start in range(0, len(body), 9000))
        headers = {"Stripe-Signature": sign(body, "whsec_new", int(time.time()))}
        connection.request("POST", STRIPE, chunks, headers, encode_chunked=True)
        assert connection.getresponse().status == wanted
        connection.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert len(endpoint.stored()) == (wanted == 200)


# -- beside other extensions -----------------------------------------------------------------------


@pytest.mark.parametrize("csrf_comes", ["before", "after"])
def test_csrf_protection_lets_webhooks_through_and_nothing_else(
    kit_of_host: Any, csrf_comes: str
) -> None:
    kit, client = kit_of_host(csrf_comes)
    assert client.post("/other").status_code == 400
    assert kit.trigger_event("customer.created", CUSTOMER) == 200
    assert client.post("/other").status_code == 400
    [customer] = kit.state.db.session.scalars(sa.select(models.Customer))
    assert customer.processor_id == "cus_1"


CUSTOMER = {
    "kind": "customer",
    "processor_id": "cus_1",
    "created": 1767225600,
    "metadata": {"accrue_owner": "Organization:1"},
}


@pytest.fixture
def kit_of_host(database_url: str) -> Iterator[Any]:
    """Give what builds a host with logins and CSRF protection, whose forms are refused."""
    built: list[Any] = []

    def build(csrf_comes: str) -> tuple[Kit, FlaskClient]:
        from flask_accrue.testing import Kit

        app = Flask("guarded")
        app.config.update(
            SECRET_KEY="a secret of the tests",
            SQLALCHEMY_DATABASE_URI=database_url,
            TESTING=True,
            WTF_CSRF_ENABLED=True,
        )
        db = SQLAlchemy(app, model_class=Base)
        if csrf_comes == "before":
            CSRFProtect(app)
        Accrue(app)
        if csrf_comes == "after":
            CSRFProtect(app)
        login = LoginManager(app)

        @login.user_loader
        def load(id: str) -> None:
            raise AssertionError("Nobody logs in to a webhook.")

        @login.request_loader
        def load_by_request(request: Any) -> None:
            raise AssertionError("Nobody logs in to a webhook.")

        @app.post("/other")
        def other() -> str:
            return "taken"

        context = app.app_context()
        context.push()
        built.append((context, db))
        return Kit(app), app.test_client()

    yield build
    for context, db in built:
        db.session.remove()
        db.engine.dispose()
        context.pop()


def test_a_host_that_has_read_the_body_before_does_no_harm(endpoint: Endpoint) -> None:
    from flask import request

    @endpoint.app.before_request
    def note() -> None:
        endpoint.app.extensions["seen"] = len(request.get_data())

    assert endpoint.post(event()).status_code == 200
    assert endpoint.app.extensions["seen"] > 100


def test_a_form_is_read_as_the_bytes_that_it_is(endpoint: Endpoint) -> None:
    answer = endpoint.post(event(), **{"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 200


def test_it_can_be_mounted_elsewhere_or_not_at_all(database_url: str) -> None:
    for path, there in (("/hooks", True), (False, False)):
        app, db, _ = create_host(database_url, **STRIPE_CONFIG, ACCRUE_WEBHOOK_PATH=path)
        with app.app_context():
            answer = Endpoint(app, db).post(event(), path="/hooks/stripe")
            assert answer.status_code == (200 if there else 404)
            db.session.remove()
            db.engine.dispose()


# -- when something is down ------------------------------------------------------------------------


def test_a_dead_queue_loses_nothing(database_url: str) -> None:
    from flask_accrue.jobs import run_periodic

    config = {**STRIPE_CONFIG, "ACCRUE_REDIS_URL": "redis://127.0.0.1:1/0"}
    app, db, _ = create_host(database_url, **config)
    with app.app_context():
        endpoint = Endpoint(app, db)
        began = time.monotonic()
        assert endpoint.post(event()).status_code == 200
        assert time.monotonic() - began < 5
        [stored] = endpoint.stored()
        assert (stored.state, stored.attempts) == ("pending", 0)
        db.session.rollback()
        assert run_periodic("sweep_webhooks") == 1
        [stored] = endpoint.stored()
        assert stored.state == "succeeded"
        db.session.remove()
        db.engine.dispose()


def test_an_event_that_cannot_be_stored_is_not_acknowledged(endpoint: Endpoint) -> None:
    with endpoint.db.engine.begin() as connection:
        connection.execute(
            sa.text("ALTER TABLE accrue_webhook_events RENAME TO accrue_webhook_events_away")
        )
    endpoint.app.testing = False
    endpoint.app.config["PROPAGATE_EXCEPTIONS"] = False
    assert endpoint.post(event()).status_code == 500


def test_work_that_fails_after_the_response_is_nothing_that_a_processor_hears_of(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> int:
        raise RuntimeError("The database went away.")

    monkeypatch.setattr("flask_accrue.webhooks.process.work_on_due", fail)
    assert endpoint.post(event()).status_code == 200
    assert "after the response failed" in caplog.text
    [stored] = endpoint.stored()
    assert stored.state == "pending"


def test_a_web_process_works_for_ten_seconds_after_a_response_and_leaves_the_rest(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = endpoint.app.extensions["accrue"]
    began, slow = time.monotonic, [0.0]
    monkeypatch.setattr("flask_accrue.webhooks.process.time.monotonic", lambda: began() + slow[0])

    def take_six_seconds(event: Any, context: Any) -> None:
        slow[0] += 6

    state.handlers.append(("tax_rate.created", take_six_seconds))
    state.queue.in_process = False
    for number in range(4):
        endpoint.post(event(f"evt_{number}"))
    state.queue.in_process = True
    assert endpoint.post(event("evt_4")).status_code == 200
    told = [(row.processor_id, row.state, row.attempts) for row in endpoint.stored()]
    assert told == [
        ("evt_0", "succeeded", 1),
        ("evt_1", "succeeded", 1),
        ("evt_2", "pending", 0),
        ("evt_3", "pending", 0),
        ("evt_4", "pending", 0),
    ]


def test_the_fakes_own_endpoint_refuses_what_a_database_cannot_hold(
    kit: Kit,
) -> None:
    for name, value in (("id", "e" * 300), ("type", "t" * 300), ("id", "\ud800"), ("type", "a\0")):
        body = json.loads(kit.event_body("customer.created", CUSTOMER))
        assert kit.post(json.dumps(body | {name: value}).encode()) == 400, (name, value[:5])
    utf_16 = kit.event_body("customer.created", CUSTOMER).decode().encode("utf-16-le")
    assert kit.post(utf_16) == 400
    # Two prices and their products that the kit made are all there is.
    assert {each.type for each in kit.state.db.session.query(models.WebhookEvent)} == {
        "product.created",
        "price.created",
    }
