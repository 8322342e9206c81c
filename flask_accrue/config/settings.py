"""The configuration of one app, read and checked as a whole."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ..errors import ConfigError
from ..ledger_keys import LedgerKey
from ..plans import Entitlements, read_entitlements
from ..readers import Problems
from .checks import (
    BUILT_IN,
    check_paths,
    check_processors,
    check_stripe_keys,
    choose_ledger_keys,
    find_unknown_keys,
)
from .table import SETTINGS, Dunning


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration of one app, validated. Secrets don't show in its ``repr``.

    :ivar shows_simulation: whether the Fake's cards and buttons are on the pages: not where nobody chose it,
        outside of debug and testing, since whoever came there would pay with cards that don't exist.
    """

    processor: str
    stripe_secret_key: str | None = dataclasses.field(repr=False)
    stripe_publishable_key: str | None
    stripe_api_base: str | None
    stripe_timeout: float
    webhook_secrets: t.Mapping[str, tuple[str, ...]] = dataclasses.field(repr=False)
    webhook_source: str
    redis_url: str | None = dataclasses.field(repr=False)
    fake_store: str | None
    shows_simulation: bool
    bind_key: str | None
    installation: str | None
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
    find_unknown_keys(config, problems)
    check_processors(values, {*BUILT_IN, *registered}, problems)
    check_stripe_keys(config, values, problems)
    check_paths(values, problems)
    ledger_keys, derived = choose_ledger_keys(config, values, problems)
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
        shows_simulation=debug
        or testing
        or config.get("ACCRUE_PROCESSOR") is not None
        or values["ACCRUE_FAKE_STORE"] is not None,
        bind_key=values["ACCRUE_BIND_KEY"],
        installation=values["ACCRUE_INSTALLATION"] or None,
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
