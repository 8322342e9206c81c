"""Every setting, once: its key, type, default and sentence.

:func:`read_settings` reads all of them at once and reports every problem at once; the docs' table is
rendered from :data:`SETTINGS`.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import difflib
import typing as t

from . import readers
from .errors import ConfigError
from .ledger_keys import LedgerKey, derive_ledger_keys, read_ledger_keys, report_missing
from .plans import LONGEST_GRACE, Entitlements, read_entitlements
from .readers import Problems, Reader

#: The processors that come with the package.
BUILT_IN: t.Final = ("fake", "stripe")


@dataclasses.dataclass(frozen=True)
class Dunning:
    """How long a failing customer keeps access under ``past_due_grace = "dunning"``."""

    grace_days: int = 14

    @property
    def grace(self) -> datetime.timedelta:
        """The same as a span of time, from the first failure on."""
        return datetime.timedelta(days=self.grace_days)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration of one app, validated. Secrets don't show in its ``repr``."""

    processor: str
    stripe_secret_key: str | None = dataclasses.field(repr=False)
    stripe_publishable_key: str | None
    stripe_api_base: str | None
    stripe_timeout: float
    webhook_secrets: t.Mapping[str, tuple[str, ...]] = dataclasses.field(repr=False)
    webhook_source: str
    redis_url: str | None = dataclasses.field(repr=False)
    fake_store: str | None
    bind_key: str | None
    ledger_keys: tuple[LedgerKey, ...] = dataclasses.field(repr=False)
    ledger_keys_derived: bool
    entitlements: Entitlements
    mirrors_entitlements: bool
    dunning: Dunning
    portal_path: str | None
    admin_path: str | None
    webhook_path: str | None
    allowed_redirect_hosts: frozenset[str]
    hosted_pages: bool
    brand_name: str
    retention_days_succeeded: int
    retention_days_dead: int
    testing: bool
    debug: bool


@dataclasses.dataclass(frozen=True)
class Setting:
    """One key of ``app.config``.

    :ivar type: how the docs describe its values.
    :ivar default: as ``app.config`` would hold it.
    :ivar read: ``None``: its meaning depends on other settings, so :func:`read_settings` reads it itself.
    :ivar secret: never shown.
    """

    key: str
    type: str
    default: t.Any
    sentence: str
    read: Reader | None = dataclasses.field(repr=False)
    secret: bool = False


def read_settings(
    config: c.Mapping[str, t.Any],
    *,
    debug: bool,
    testing: bool,
    registered: c.Collection[str] = (),
) -> Settings:
    """Read and check all ``ACCRUE_*`` keys; ``None`` stands for the default.

    :param registered: the names of the host's own processors.
    :raises ConfigError: with every problem, an unknown ``ACCRUE_`` key included.
    """
    problems = Problems()
    values: dict[str, t.Any] = {}
    for setting in SETTINGS:
        value = config.get(setting.key)
        if value is None:
            value = setting.default
        if value is not None and setting.read is not None:
            value = setting.read(setting.key, value, problems)
        values[setting.key] = value
    _find_unknown_keys(config, problems)
    _check_processors(values, {*BUILT_IN, *registered}, problems)
    _check_stripe_keys(config, values, problems)
    _check_paths(values, problems)
    ledger_keys, derived = _read_ledger_keys(config, values, problems)
    dunning = values["ACCRUE_DUNNING"] or Dunning()
    entitlements = Entitlements()
    if values["ACCRUE_ENTITLEMENTS"] is not None:
        entitlements = read_entitlements(
            "ACCRUE_ENTITLEMENTS", values["ACCRUE_ENTITLEMENTS"], problems, dunning=dunning.grace
        )
    if problems:
        raise ConfigError(problems)
    return Settings(
        processor=values["ACCRUE_PROCESSOR"],
        stripe_secret_key=values["ACCRUE_STRIPE_SECRET_KEY"],
        stripe_publishable_key=values["ACCRUE_STRIPE_PUBLISHABLE_KEY"],
        stripe_api_base=values["ACCRUE_STRIPE_API_BASE"],
        stripe_timeout=values["ACCRUE_STRIPE_TIMEOUT"],
        webhook_secrets=values["ACCRUE_WEBHOOK_SECRETS"] or {},
        webhook_source=values["ACCRUE_WEBHOOK_SOURCE"],
        redis_url=values["ACCRUE_REDIS_URL"],
        fake_store=values["ACCRUE_FAKE_STORE"],
        bind_key=values["ACCRUE_BIND_KEY"],
        ledger_keys=ledger_keys,
        ledger_keys_derived=derived,
        entitlements=entitlements,
        mirrors_entitlements=values["ACCRUE_MIRROR_ENTITLEMENTS"],
        dunning=dunning,
        portal_path=values["ACCRUE_PORTAL_PATH"],
        admin_path=values["ACCRUE_ADMIN_PATH"],
        webhook_path=values["ACCRUE_WEBHOOK_PATH"],
        allowed_redirect_hosts=values["ACCRUE_ALLOWED_REDIRECT_HOSTS"] or frozenset(),
        hosted_pages=values["ACCRUE_HOSTED_PAGES"],
        brand_name=values["ACCRUE_BRAND_NAME"],
        retention_days_succeeded=values["ACCRUE_WEBHOOK_RETENTION_DAYS"],
        retention_days_dead=values["ACCRUE_WEBHOOK_DEAD_RETENTION_DAYS"],
        testing=testing,
        debug=debug,
    )


def settings_table() -> str:
    """Render the table of settings for the docs, in Markdown."""
    lines = ["| Key | Type | Default | What it is |", "| --- | --- | --- | --- |"]
    for setting in SETTINGS:
        kind = f"{setting.type}, secret" if setting.secret else setting.type
        default = "" if setting.default is None else f"`{setting.default!r}`"
        lines.append(f"| `{setting.key}` | {kind} | {default} | {setting.sentence} |")
    return "\n".join(lines) + "\n"


# -- what concerns several settings ----------------------------------------------------------------


def _find_unknown_keys(config: c.Mapping[str, t.Any], problems: Problems) -> None:
    known = [setting.key for setting in SETTINGS]
    for key in sorted(key for key in config if key.startswith("ACCRUE_") and key not in known):
        near = readers.nearest(key, known)
        fix = f"Did you mean {near}?" if near else "Remove it."
        problems.add(key, "is no setting of Accrue", fix)


def _check_processors(values: dict[str, t.Any], known: set[str], problems: Problems) -> None:
    """Refuse names that no processor has; the unknown one is then as if it weren't given."""
    key, name = "ACCRUE_PROCESSOR", values["ACCRUE_PROCESSOR"]
    if name is not None and name not in known:
        problems.add(
            key, f"is {readers.shown(name)}, which nobody has registered", _use(name, known)
        )
        values[key] = None
    for endpoint in values["ACCRUE_WEBHOOK_SECRETS"] or {}:
        name = endpoint.partition("/")[0]
        if name not in known:
            found = f"has secrets for {readers.shown(endpoint)}, and nobody has registered that processor"
            problems.add("ACCRUE_WEBHOOK_SECRETS", found, _use(name, known))


def _use(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    choice = ", ".join(repr(each) for each in sorted(known))
    return f"Use one of {choice}, or call accrue.register_processor() before init_app.{meant}"


def _check_stripe_keys(
    config: c.Mapping[str, t.Any], values: c.Mapping[str, t.Any], problems: Problems
) -> None:
    secret = values["ACCRUE_STRIPE_SECRET_KEY"]
    publishable = values["ACCRUE_STRIPE_PUBLISHABLE_KEY"]
    if values["ACCRUE_PROCESSOR"] == "stripe" and config.get("ACCRUE_STRIPE_SECRET_KEY") is None:
        problems.add(
            "ACCRUE_STRIPE_SECRET_KEY",
            "is missing while ACCRUE_PROCESSOR is 'stripe'",
            "Set it to the key from Stripe's dashboard, from the environment rather than in code.",
        )
    if secret and publishable and ("_live_" in secret) != ("_live_" in publishable):
        problems.add(
            "ACCRUE_STRIPE_PUBLISHABLE_KEY",
            "and ACCRUE_STRIPE_SECRET_KEY are of different modes",
            "Use both keys of test mode, or both of live mode.",
        )


def _check_paths(values: c.Mapping[str, t.Any], problems: Problems) -> None:
    taken: dict[str, str] = {}
    for key in ("ACCRUE_WEBHOOK_PATH", "ACCRUE_PORTAL_PATH", "ACCRUE_ADMIN_PATH"):
        path = values[key]
        if path is not None and taken.setdefault(path, key) != key:
            problems.add(key, f"is {path!r}, as {taken[path]} is", "Give each a path of its own.")


def _read_ledger_keys(
    config: c.Mapping[str, t.Any], values: c.Mapping[str, t.Any], problems: Problems
) -> tuple[tuple[LedgerKey, ...], bool]:
    given, processor = values["ACCRUE_LEDGER_KEYS"], values["ACCRUE_PROCESSOR"]
    if given is not None:
        return read_ledger_keys(given, problems), False
    if processor == "fake" and config.get("ACCRUE_STRIPE_SECRET_KEY") is None:
        return derive_ledger_keys(config, problems), True
    if processor is not None:
        report_missing(problems)
    return (), False


def _dunning(key: str, value: t.Any, problems: Problems) -> Dunning:
    found = readers.mapping(
        key, value, problems, example='{"grace_days": 14}', known=("grace_days",)
    )
    days = readers.whole(0, LONGEST_GRACE)(
        f"{key}['grace_days']", found.get("grace_days", Dunning.grace_days), problems
    )
    return Dunning() if days is None else Dunning(grace_days=days)


# -- the table -------------------------------------------------------------------------------------

SETTINGS: t.Final[tuple[Setting, ...]] = (
    Setting(
        "ACCRUE_PROCESSOR",
        "str",
        "fake",
        "The processor of new customers: `fake`, `stripe`, or the name of a registered one.",
        readers.matching(
            r"[a-z][a-z0-9_]{0,31}", "Use 'fake', 'stripe' or the name of a registered one."
        ),
    ),
    Setting(
        "ACCRUE_STRIPE_SECRET_KEY",
        "str",
        None,
        "Stripe's secret key. Test or live mode is read from it.",
        readers.matching(
            r"(sk|rk)_(test|live)_\w+",
            "A secret key begins with sk_test_, sk_live_, rk_test_ or rk_live_.",
            secret=True,
        ),
        secret=True,
    ),
    Setting(
        "ACCRUE_STRIPE_PUBLISHABLE_KEY",
        "str",
        None,
        "Stripe's publishable key, for the card fields in the browser.",
        readers.matching(
            r"pk_(test|live)_\w+",
            "A publishable key begins with pk_test_ or pk_live_.",
            secret=True,
        ),
    ),
    Setting(
        "ACCRUE_STRIPE_API_BASE",
        "str",
        None,
        "Another address for Stripe's API, for tests.",
        readers.address("http", "https"),
    ),
    Setting(
        "ACCRUE_STRIPE_TIMEOUT",
        "seconds",
        20.0,
        "How long a call to Stripe may take, all its tries included.",
        readers.seconds,
    ),
    Setting(
        "ACCRUE_WEBHOOK_SECRETS",
        "mapping of lists",
        None,
        'The secrets of each webhook endpoint: `{"stripe": ["whsec_…"], "stripe/connect": […]}`. '
        "Every one in a list is accepted, so that secrets can be rotated.",
        readers.webhook_secrets,
        secret=True,
    ),
    Setting(
        "ACCRUE_WEBHOOK_SOURCE",
        "`body` or `fetch`",
        "body",
        "Whether a webhook's body is used when that is safe, or its object always fetched.",
        readers.choice("body", "fetch"),
    ),
    Setting(
        "ACCRUE_REDIS_URL",
        "str",
        None,
        "Where RQ lives. Without it, work runs in the web process after the response, and by "
        "`flask accrue tick`.",
        readers.address("redis", "rediss", "unix"),
        secret=True,
    ),
    Setting(
        "ACCRUE_FAKE_STORE",
        "path",
        None,
        "The SQLite file of the Fake; `:memory:` keeps it in this process. Without it: "
        "`accrue-fake.sqlite` in the instance folder, or memory under `TESTING`.",
        readers.file,
    ),
    Setting(
        "ACCRUE_BIND_KEY",
        "str",
        None,
        "The Flask-SQLAlchemy bind of the database that holds Accrue's tables.",
        readers.text,
    ),
    Setting(
        "ACCRUE_LEDGER_KEYS",
        "list of `id:base64`",
        None,
        "The keys of the ledger's HMAC: the first signs, all verify. Required unless the Fake is the "
        "only processor; then one is derived from `SECRET_KEY`.",
        None,
        secret=True,
    ),
    Setting(
        "ACCRUE_ENTITLEMENTS",
        "mapping",
        None,
        "The plans: their prices, features and limits, and what past due and paused mean.",
        None,
    ),
    Setting(
        "ACCRUE_MIRROR_ENTITLEMENTS",
        "bool",
        False,
        "Whether the processor's own summaries of what customers are entitled to are mirrored. They are for "
        "information: no gate goes by them.",
        readers.flag,
    ),
    Setting(
        "ACCRUE_DUNNING",
        "mapping",
        None,
        'What happens while a payment fails: `{"grace_days": 14}`.',
        _dunning,
    ),
    Setting(
        "ACCRUE_WEBHOOK_PATH",
        "path or `False`",
        "/accrue/webhooks",
        "Where webhooks are received.",
        readers.path,
    ),
    Setting(
        "ACCRUE_PORTAL_PATH",
        "path or `False`",
        "/billing",
        "Where the customer portal is mounted.",
        readers.path,
    ),
    Setting(
        "ACCRUE_ADMIN_PATH",
        "path or `False`",
        "/billing/admin",
        "Where the back office is mounted.",
        readers.path,
    ),
    Setting(
        "ACCRUE_ALLOWED_REDIRECT_HOSTS",
        "list of hosts",
        None,
        "Hosts, besides the app's own, that a page may send a customer back to.",
        readers.hosts,
    ),
    Setting(
        "ACCRUE_HOSTED_PAGES",
        "bool",
        True,
        "Whether checkout and portal are the processor's own pages where it has some; else the mounted "
        "ones.",
        readers.flag,
    ),
    Setting(
        "ACCRUE_BRAND_NAME",
        "str",
        "Billing",
        "The name that pages show to customers.",
        readers.text,
    ),
    Setting(
        "ACCRUE_WEBHOOK_RETENTION_DAYS",
        "days",
        14,
        "How long succeeded webhook events are kept.",
        readers.whole(1),
    ),
    Setting(
        "ACCRUE_WEBHOOK_DEAD_RETENTION_DAYS",
        "days",
        90,
        "How long dead webhook events are kept.",
        readers.whole(1),
    ),
)
