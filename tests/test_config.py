from __future__ import annotations

import base64
import datetime
import pathlib
from typing import Any

import pytest

from flask_accrue.config import SETTINGS, Settings, read_settings, settings_table
from flask_accrue.errors import ConfigError

# Taken apart, so that no scanner of repositories takes them for real ones.
SECRET = "sk_" + "test_" + "51HaveYouSeenMe"
WEBHOOK_SECRET = "whsec_" + "NorMe"
KEY = base64.b64encode(bytes(range(32))).decode()


def read(**config: Any) -> Settings:
    config = {"SECRET_KEY": "dev", **config}
    return read_settings(config, debug=False, testing=False, registered=["acme"])


def problems(**config: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(**config)
    return caught.value.problems


def the_problem(**config: Any) -> str:
    found = problems(**config)
    assert len(found) == 1, found
    return found[0]


def test_with_a_secret_key_alone_the_fake_is_the_processor() -> None:
    settings = read()
    assert settings.processor == "fake"
    assert settings.ledger_keys_derived
    assert settings.entitlements.plans == {}
    assert (settings.portal_path, settings.admin_path) == ("/billing", "/billing/admin")


def test_none_stands_for_the_default_as_an_unset_variable_gives_it() -> None:
    everything_unset = {setting.key: None for setting in SETTINGS}
    assert read(**everything_unset) == read()


def test_every_problem_is_told_at_once_with_its_key_and_the_fix() -> None:
    with pytest.raises(ConfigError) as caught:
        read(
            ACCRUE_PROCESSOR="Stripe!",
            ACCRUE_STRIPE_TIMEOUT=0,
            ACCRUE_PORTAL_PATH="billing",
            ACCRUE_WEBHOOK_SOURCE="guess",
            ACCRUE_ENTITLEMENTS={"plans": {"team": {"prices": "price_team"}}, "paused": "maybe"},
            ACCRUE_COLOR="red",
        )
    message = str(caught.value)
    assert "7 problems" in message
    for expected in (
        "ACCRUE_PROCESSOR is 'Stripe!'. Use 'fake', 'stripe' or",
        "ACCRUE_STRIPE_TIMEOUT is 0. Use a number of seconds",
        "ACCRUE_PORTAL_PATH is 'billing'. Use a path such as '/billing'",
        "ACCRUE_WEBHOOK_SOURCE is 'guess'. Use one of 'body', 'fetch'",
        "ACCRUE_ENTITLEMENTS['plans']['team']['prices'] is 'price_team'. Use a list",
        "ACCRUE_ENTITLEMENTS['paused'] is 'maybe'. Use one of",
        "ACCRUE_COLOR is no setting of Accrue. Remove it.",
    ):
        assert expected in message


def test_a_processor_that_nobody_registered_is_one_of_the_problems() -> None:
    with pytest.raises(ConfigError) as caught:
        read(ACCRUE_PROCESSOR="strype", ACCRUE_PORTAL_PATH="billing")
    message = str(caught.value)
    assert "2 problems" in message
    assert "ACCRUE_PROCESSOR is 'strype', which nobody has registered. Use one of" in message
    assert "'acme', 'fake', 'stripe'" in message
    assert "Did you mean 'stripe'?" in message


@pytest.mark.parametrize("endpoint", ["strpie", "strpie/connect"])
def test_secrets_of_a_processor_that_nobody_registered_are_a_problem(endpoint: str) -> None:
    told = the_problem(ACCRUE_WEBHOOK_SECRETS={endpoint: ["whsec_x"], "stripe": ["whsec_y"]})
    assert told.startswith(f"ACCRUE_WEBHOOK_SECRETS has secrets for {endpoint!r}")
    assert told.endswith("Did you mean 'stripe'?")
    assert "whsec_" not in told


def test_a_mistyped_key_is_told_which_one_was_meant() -> None:
    assert the_problem(ACCRUE_ENTITLEMENT={}).endswith("Did you mean ACCRUE_ENTITLEMENTS?")
    assert the_problem(ACCRUE_WEBHOOK_SECRET={}).endswith("Did you mean ACCRUE_WEBHOOK_SECRETS?")


@pytest.mark.parametrize(
    "config",
    [
        {"ACCRUE_STRIPE_SECRET_KEY": f" {SECRET}"},
        {"ACCRUE_STRIPE_SECRET_KEY": SECRET.encode()},
        {"ACCRUE_STRIPE_PUBLISHABLE_KEY": SECRET},
        {"ACCRUE_PROCESSOR": SECRET},
        {"ACCRUE_BRAND_NAME": [SECRET]},
        {"ACCRUE_PORTAL_PATH": SECRET},
        {"ACCRUE_FAKE_STORE": SECRET.encode()},
        {"ACCRUE_ALLOWED_REDIRECT_HOSTS": SECRET},
        {"ACCRUE_WEBHOOK_SOURCE": WEBHOOK_SECRET},
        {"ACCRUE_WEBHOOK_SECRETS": WEBHOOK_SECRET},
        {"ACCRUE_WEBHOOK_SECRETS": {"stripe": WEBHOOK_SECRET}},
        {"ACCRUE_WEBHOOK_SECRETS": {"stripe": [WEBHOOK_SECRET, ""]}},
        {"ACCRUE_WEBHOOK_SECRETS": {WEBHOOK_SECRET: ["stripe"]}},
        {"ACCRUE_WEBHOOK_SECRETS": {WEBHOOK_SECRET.lower(): "stripe"}},
        {"ACCRUE_ENTITLEMENTS": {"plans": {"team": {"prices": [], "key": SECRET}}, SECRET: 1}},
        {"ACCRUE_DUNNING": SECRET},
        {"ACCRUE_REDIS_URL": "http://user:NorMe@redis"},
        {"ACCRUE_STRIPE_API_BASE": "ftp://user:NorMe@127.0.0.1"},
        {"ACCRUE_LEDGER_KEYS": f"k1:{KEY}"},
        {"ACCRUE_LEDGER_KEYS": [KEY]},
        {"ACCRUE_LEDGER_KEYS": [f"k1:{KEY[:-8]}"]},
        {"ACCRUE_LEDGER_KEYS": [f"{KEY}:k1"]},
    ],
)
def test_no_secret_is_shown_wherever_it_was_put(config: dict[str, Any]) -> None:
    message = "\n".join(problems(**config)).lower()
    for secret in ("51haveyouseenme", "norme", KEY[:12].lower()):
        assert secret not in message


def test_no_secret_is_in_the_repr_of_settings() -> None:
    settings = read(
        ACCRUE_PROCESSOR="stripe",
        ACCRUE_STRIPE_SECRET_KEY=SECRET,
        ACCRUE_WEBHOOK_SECRETS={"stripe": [WEBHOOK_SECRET]},
        ACCRUE_REDIS_URL="redis://:hunter2@127.0.0.1/0",
        ACCRUE_LEDGER_KEYS=[f"k1:{KEY}"],
    )
    shown = repr(settings) + repr(settings.ledger_keys)
    for secret in (SECRET, WEBHOOK_SECRET, "hunter2", repr(settings.ledger_keys[0].secret)):
        assert secret not in shown


def test_a_long_value_is_shortened() -> None:
    assert len(the_problem(ACCRUE_PORTAL_PATH="x" * 5000)) < 300


# -- Stripe ----------------------------------------------------------------------------------------


def test_stripe_without_its_key_is_a_problem_that_is_told_once() -> None:
    found = problems(ACCRUE_PROCESSOR="stripe", ACCRUE_LEDGER_KEYS=[f"k1:{KEY}"])
    assert [line.split()[0] for line in found] == ["ACCRUE_STRIPE_SECRET_KEY"]
    found = problems(
        ACCRUE_PROCESSOR="stripe",
        ACCRUE_STRIPE_SECRET_KEY="pk_test_1",
        ACCRUE_LEDGER_KEYS=[f"k1:{KEY}"],
    )
    assert [line.split()[0] for line in found] == ["ACCRUE_STRIPE_SECRET_KEY"]


@pytest.mark.parametrize("name", ["Live", "live:eu", " live", "x" * 33, 7, "-live"])
def test_an_installation_has_a_short_plain_name(name: Any) -> None:
    assert "ACCRUE_INSTALLATION is" in the_problem(ACCRUE_INSTALLATION=name)


def test_keys_of_two_modes_are_a_problem() -> None:
    problem = the_problem(
        ACCRUE_STRIPE_SECRET_KEY=SECRET,
        ACCRUE_STRIPE_PUBLISHABLE_KEY="pk_live_1",
        ACCRUE_LEDGER_KEYS=[f"k1:{KEY}"],
    )
    assert "are of different modes" in problem


# -- paths and lists -------------------------------------------------------------------------------


def test_false_switches_a_path_off() -> None:
    assert read(ACCRUE_PORTAL_PATH=False).portal_path is None


@pytest.mark.parametrize("path", ["", "/", "billing", "/billing/", "/bil ling", "/<name>", True, 1])
def test_a_path_begins_with_a_slash_and_ends_without(path: Any) -> None:
    assert the_problem(ACCRUE_ADMIN_PATH=path).startswith("ACCRUE_ADMIN_PATH is ")


def test_two_parts_at_one_path_are_a_problem() -> None:
    problem = the_problem(ACCRUE_PORTAL_PATH="/pay", ACCRUE_ADMIN_PATH="/pay")
    assert problem.startswith("ACCRUE_ADMIN_PATH is '/pay', as ACCRUE_PORTAL_PATH is.")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"ACCRUE_WEBHOOK_PATH": "/billing/payments/hooks"},
            "ACCRUE_WEBHOOK_PATH is '/billing/payments/hooks', below ACCRUE_PORTAL_PATH ('/billing')",
        ),
        (
            {"ACCRUE_WEBHOOK_PATH": "/billing/admin/webhooks"},
            "ACCRUE_WEBHOOK_PATH is '/billing/admin/webhooks', below ACCRUE_ADMIN_PATH",
        ),
        (
            {"ACCRUE_ADMIN_PATH": "/ops", "ACCRUE_PORTAL_PATH": "/ops/customers"},
            "ACCRUE_PORTAL_PATH is '/ops/customers', below ACCRUE_ADMIN_PATH ('/ops')",
        ),
        (
            {"ACCRUE_ADMIN_PATH": "/billing/checkout"},
            "ACCRUE_ADMIN_PATH is '/billing/checkout', below ACCRUE_PORTAL_PATH ('/billing')",
        ),
        (
            {"ACCRUE_PORTAL_PATH": "/accrue/webhooks/pay", "ACCRUE_ADMIN_PATH": "/ops"},
            "ACCRUE_PORTAL_PATH is '/accrue/webhooks/pay', below ACCRUE_WEBHOOK_PATH",
        ),
    ],
)
def test_a_path_below_another_that_has_pages_there_is_a_problem(
    config: dict[str, str], said: str
) -> None:
    assert the_problem(**config).startswith(said)


def test_below_the_portal_is_room_for_what_it_has_no_pages_for() -> None:
    settings = read(ACCRUE_WEBHOOK_PATH="/billing/hooks")
    assert (settings.webhook_path, settings.admin_path) == ("/billing/hooks", "/billing/admin")
    assert read(ACCRUE_ADMIN_PATH="/billing-admin").admin_path == "/billing-admin"


def test_hosts_are_folded_to_lower_case() -> None:
    settings = read(ACCRUE_ALLOWED_REDIRECT_HOSTS=["App.Example.com:8443"])
    assert settings.allowed_redirect_hosts == {"app.example.com:8443"}
    assert "is 'example.com'" in the_problem(ACCRUE_ALLOWED_REDIRECT_HOSTS="example.com")
    assert problems(ACCRUE_ALLOWED_REDIRECT_HOSTS=["https://example.com"])


def test_webhook_secrets_are_kept_per_endpoint_for_rotation() -> None:
    settings = read(ACCRUE_WEBHOOK_SECRETS={"stripe": ["old", "new"], "stripe/connect": ["other"]})
    assert settings.webhook_secrets == {"stripe": ("old", "new"), "stripe/connect": ("other",)}


@pytest.mark.parametrize("secrets", [[], [""], ["  "], [None], ["good", ""], b"bytes", {"a": "b"}])
def test_an_endpoint_never_has_an_empty_secret(secrets: Any) -> None:
    assert "for 'stripe'" in the_problem(ACCRUE_WEBHOOK_SECRETS={"stripe": secrets})


def test_the_fakes_store_may_be_a_path_object() -> None:
    assert read(ACCRUE_FAKE_STORE=pathlib.Path("x") / "fake.sqlite").fake_store == "x/fake.sqlite"


# -- the ledger's keys -----------------------------------------------------------------------------


def test_the_first_ledger_key_signs_and_all_are_there_to_verify() -> None:
    settings = read(ACCRUE_LEDGER_KEYS=[f"new:{KEY}", f"old:{KEY}"])
    assert [key.id for key in settings.ledger_keys] == ["new", "old"]
    assert settings.ledger_keys[0].secret == bytes(range(32))
    assert not settings.ledger_keys_derived


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ([], "is empty"),
        ([f"k1:{KEY}", f"k1:{KEY}"], "two keys with the id 'k1'"),
        (["k1:c2hvcnQ="], "entry number 1 that is no key"),
        (["k1:not base64!"], "entry number 1 that is no key"),
        ([f"k1:{KEY}", f"k 2:{KEY}"], "entry number 2 that is no key"),
        ([7], "entry number 1 that is no key"),
        ({"k1": KEY}, "is a dict"),
    ],
)
def test_a_bad_ledger_key_is_told_with_how_to_make_one(keys: Any, told: str) -> None:
    assert told in the_problem(ACCRUE_LEDGER_KEYS=keys)


@pytest.mark.parametrize(
    "config",
    [
        {"ACCRUE_PROCESSOR": "stripe", "ACCRUE_STRIPE_SECRET_KEY": SECRET},
        {"ACCRUE_STRIPE_SECRET_KEY": SECRET},
        {"ACCRUE_PROCESSOR": "acme"},
    ],
)
def test_no_key_is_derived_once_another_processor_than_the_fake_is_there(
    config: dict[str, Any],
) -> None:
    assert the_problem(**config).startswith("ACCRUE_LEDGER_KEYS is missing")


def test_a_derived_key_names_its_secret_and_former_secrets_still_verify() -> None:
    before = read(SECRET_KEY="one").ledger_keys
    after = read(SECRET_KEY="two", SECRET_KEY_FALLBACKS=["one"]).ledger_keys
    assert after[1:] == before
    assert after[0].id != before[0].id
    assert b"one" not in before[0].secret


@pytest.mark.parametrize("secret", [None, "", b"", 12345])
def test_a_secret_key_that_is_no_text_derives_no_predictable_key(secret: Any) -> None:
    assert the_problem(SECRET_KEY=secret).startswith("SECRET_KEY is ")


# -- plans -----------------------------------------------------------------------------------------


def plans_problems(plans: Any, **rest: Any) -> tuple[str, ...]:
    return problems(ACCRUE_ENTITLEMENTS={"plans": plans, **rest})


def test_plans_are_read_with_features_limits_and_prices_per_processor() -> None:
    entitlements = read(
        ACCRUE_ENTITLEMENTS={
            "plans": {
                "team": {
                    "prices": ["price_team", "braintree:team"],
                    "features": ["reports"],
                    "limits": {"projects": 10, "disk": None, "seats": {"per_seat": True, "max": 5}},
                }
            }
        }
    ).entitlements
    team = entitlements.plans["team"]
    assert entitlements.plan_of("stripe", "price_team") is team
    assert entitlements.plan_of("fake", "price_team") is team
    assert entitlements.plan_of("braintree", "team") is team
    assert entitlements.plan_of("stripe", "team") is None
    assert entitlements.plan_of("stripe", "braintree:team") is None
    assert team.features == {"reports"}
    assert team.limits["projects"].max == 10
    assert team.limits["disk"].max is None
    assert (team.limits["seats"].max, team.limits["seats"].per_seat) == (5, True)
    assert entitlements.features == {"reports"}
    assert entitlements.limits == {"projects", "disk", "seats"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("p", "p"), ("stripe:p", "stripe:p"), ("p", "stripe:p"), ("stripe:p", "p")],
)
def test_a_price_in_two_plans_is_a_problem(one: str, other: str) -> None:
    (problem,) = plans_problems({"pro": {"prices": [one]}, "team": {"prices": [other]}})
    assert "['team']['prices'] holds 'p', which plan 'pro' holds too" in problem


def test_one_id_at_two_processors_may_be_two_prices() -> None:
    entitlements = read(
        ACCRUE_ENTITLEMENTS={
            "plans": {"pro": {"prices": ["stripe:p"]}, "team": {"prices": ["braintree:p"]}}
        }
    ).entitlements
    assert entitlements.plan_of("stripe", "p") is entitlements.plans["pro"]
    assert entitlements.plan_of("braintree", "p") is entitlements.plans["team"]
    assert entitlements.plan_of("fake", "p") is None


def test_a_price_twice_in_one_plan_is_no_problem() -> None:
    plans = {"pro": {"prices": ["p", "p", "stripe:p"]}}
    assert read(ACCRUE_ENTITLEMENTS={"plans": plans}).entitlements.plan_of("stripe", "p")


def test_after_its_processor_a_price_may_hold_a_colon() -> None:
    plans = {"pro": {"prices": ["acme:sku:1"]}}
    assert read(ACCRUE_ENTITLEMENTS={"plans": plans}).entitlements.plan_of("acme", "sku:1")


@pytest.mark.parametrize("price", [":p", "stripe:", "Stripe:p"])
def test_a_price_with_half_a_prefix_is_a_problem(price: str) -> None:
    (problem,) = plans_problems({"pro": {"prices": [price]}})
    assert f"holds {price!r}. Use a price's id, alone or after its processor" in problem


@pytest.mark.parametrize(
    ("plans", "told"),
    [
        ([], "['plans'] is []"),
        ({"": {}}, "['plans'] has the key ''"),
        ({7: {}}, "['plans'] has the key 7"),
        ({"pro": None}, "['plans']['pro'] is None"),
        ({"pro": {"price": ["p"]}}, "has the entry 'price'. Did you mean 'prices'?"),
        ({"pro": {"colour": 1}}, "It may hold 'prices', 'features', 'limits'."),
        ({"pro": {"features": {"reports": True}}}, "['features'] is {'reports': True}"),
        ({"pro": {"features": [""]}}, "['features'] is ['']"),
        ({"pro": {"limits": {"seats": -1}}}, "['limits']['seats'] is -1"),
        ({"pro": {"limits": {"seats": True}}}, "['limits']['seats'] is True"),
        ({"pro": {"limits": {"seats": 1.5}}}, "['limits']['seats'] is 1.5"),
        ({"pro": {"limits": {"seats": {}}}}, "['limits']['seats'] is {}. Say how much"),
        ({"pro": {"limits": {"seats": {"per_seat": False}}}}, "Say how much"),
        ({"pro": {"limits": {"seats": {"per_seat": "yes"}}}}, "Say how much"),
        ({"pro": {"limits": {"seats": {"max": 5, "per_seat": "yes"}}}}, "Use True or False."),
        ({"pro": {"limits": {"seats": {"maximum": 5}}}}, "has the entry 'maximum'"),
    ],
)
def test_a_plan_that_could_be_misread_is_a_problem(plans: Any, told: str) -> None:
    assert any(told in problem for problem in plans_problems(plans))


@pytest.mark.parametrize("seats", [{"per_seat": True}, {"per_seat": True, "max": None}])
def test_a_limit_per_seat_needs_no_maximum(seats: dict[str, Any]) -> None:
    plans = {"pro": {"limits": {"seats": seats}}}
    limit = read(ACCRUE_ENTITLEMENTS={"plans": plans}).entitlements.plans["pro"].limits["seats"]
    assert (limit.per_seat, limit.max) == (True, None)


# -- what past due and paused mean -----------------------------------------------------------------


def grace(value: Any, **config: Any) -> datetime.timedelta | None:
    entitlements = read(ACCRUE_ENTITLEMENTS={"past_due_grace": value}, **config).entitlements
    return entitlements.policy.grace


def test_grace_is_none_a_number_of_days_or_the_campaigns() -> None:
    assert read().entitlements.policy.grace is None
    assert grace("none") is None
    assert grace(3) == datetime.timedelta(days=3)
    assert grace("dunning") == datetime.timedelta(days=14)
    assert grace("dunning", ACCRUE_DUNNING={"grace_days": 5}) == datetime.timedelta(days=5)


@pytest.mark.parametrize("value", [True, -1, 1.5, "3", None, [], "campaign", 10**9])
def test_no_other_grace_is_taken(value: Any) -> None:
    (problem,) = plans_problems({}, past_due_grace=value)
    assert problem.startswith("ACCRUE_ENTITLEMENTS['past_due_grace'] is ")


@pytest.mark.parametrize("days", [-1, True, "14", None, 10**9])
def test_the_campaigns_grace_is_a_number_of_days(days: Any) -> None:
    problem = the_problem(ACCRUE_DUNNING={"grace_days": days})
    assert problem.startswith("ACCRUE_DUNNING['grace_days'] is ")


def test_paused_and_unmapped_are_closed_choices() -> None:
    entitlements = read(
        ACCRUE_ENTITLEMENTS={"paused": "by_behavior", "unmapped": "raise"}
    ).entitlements
    assert entitlements.policy.paused_by_behavior
    assert entitlements.unmapped == "raise"
    assert len(plans_problems({}, paused="allow", unmapped="allow")) == 2
    assert "Did you mean 'unmapped'?" in plans_problems({}, unmaped="deny")[0]


# -- the table of the docs -------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_setting_and_marks_secrets() -> None:
    rows = settings_table().splitlines()[2:]
    assert len(rows) == len(SETTINGS)
    assert "| `ACCRUE_STRIPE_SECRET_KEY` | str, secret |" in settings_table()
    assert all(row.count("|") == 5 for row in rows)
