"""Every setting, once: its key, type, default and sentence."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .. import readers
from ..plans import LONGEST_GRACE
from ..readers import Problems, Reader


@dataclasses.dataclass(frozen=True)
class Dunning:
    """How long a failing customer keeps access under ``past_due_grace = "dunning"``."""

    grace_days: int = 14

    @property
    def grace(self) -> datetime.timedelta:
        """The same as a span of time, from the first failure on."""
        return datetime.timedelta(days=self.grace_days)


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


def settings_table() -> str:
    """Render the table of settings for the docs, in Markdown."""
    lines = ["| Key | Type | Default | What it is |", "| --- | --- | --- | --- |"]
    for setting in SETTINGS:
        kind = f"{setting.type}, secret" if setting.secret else setting.type
        default = "" if setting.default is None else f"`{setting.default!r}`"
        lines.append(f"| `{setting.key}` | {kind} | {default} | {setting.sentence} |")
    return "\n".join(lines) + "\n"


def _dunning(key: str, value: t.Any, problems: Problems) -> Dunning:
    found = readers.mapping(
        key, value, problems, example='{"grace_days": 14}', known=("grace_days",)
    )
    days = readers.whole(0, LONGEST_GRACE)(
        f"{key}['grace_days']", found.get("grace_days", Dunning.grace_days), problems
    )
    return Dunning() if days is None else Dunning(grace_days=days)


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
        "ACCRUE_INSTALLATION",
        "str",
        None,
        "A name for this app and its database, such as `live`. Two that share an account at the processor, "
        "as staging beside production may, need one each, or they take each other's customers for their own.",
        readers.matching(
            r"([a-z0-9][a-z0-9_-]{0,31})?",
            "Use 1 to 32 lower-case letters, digits, '-' and '_', such as 'live', or remove it.",
        ),
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
