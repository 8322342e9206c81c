"""What concerns several settings."""

from __future__ import annotations

import collections.abc as c
import difflib
import typing as t

from .. import readers
from ..ledger_keys import LedgerKey, derive_ledger_keys, read_ledger_keys, report_missing
from ..readers import Problems
from .table import SETTINGS

#: The processors that come with the package.
BUILT_IN: t.Final = ("fake", "stripe")
#: What the portal's own pages begin with.
PORTAL_WORDS: t.Final = frozenset({"cards", "checkout", "payments", "portal", "static"})

_PATHS: t.Final = ("ACCRUE_WEBHOOK_PATH", "ACCRUE_PORTAL_PATH", "ACCRUE_ADMIN_PATH")


def find_unknown_keys(config: c.Mapping[str, t.Any], problems: Problems) -> None:
    """Refuse keys that look like settings and are none."""
    known = [setting.key for setting in SETTINGS]
    for key in sorted(key for key in config if key.startswith("ACCRUE_") and key not in known):
        near = readers.nearest(key, known)
        fix = f"Did you mean {near}?" if near else "Remove it."
        problems.add(key, "is no setting of Accrue", fix)


def check_processors(values: dict[str, t.Any], known: set[str], problems: Problems) -> None:
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


def check_stripe_keys(
    config: c.Mapping[str, t.Any], values: c.Mapping[str, t.Any], problems: Problems
) -> None:
    """Refuse Stripe without its key, and keys of two modes."""
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


def check_paths(values: c.Mapping[str, t.Any], problems: Problems) -> None:
    """Refuse one path for two parts, and one below another whose pages would be taken for its own.

    The back office and the webhooks take whatever is below them; of the portal only some words are taken.
    """
    paths = {key: values[key] for key in _PATHS if values[key] is not None}
    for key, path in paths.items():
        for other, above in paths.items():
            if key == other:
                continue
            if path == above:
                # Told once, of the later one.
                if _PATHS.index(key) > _PATHS.index(other):
                    found = f"is {path!r}, as {other} is"
                    problems.add(key, found, "Give each a path of its own.")
                continue
            if not path.startswith(f"{above}/"):
                continue
            word = path.removeprefix(f"{above}/").partition("/")[0]
            if other != "ACCRUE_PORTAL_PATH" or word in PORTAL_WORDS:
                found = f"is {path!r}, below {other} ({above!r}), which has pages there"
                problems.add(key, found, "Give it a path beside that one.")


def choose_ledger_keys(
    config: c.Mapping[str, t.Any], values: c.Mapping[str, t.Any], problems: Problems
) -> tuple[tuple[LedgerKey, ...], bool]:
    """Return the keys of the ledger, and whether they were derived for the Fake's sake."""
    given, processor = values["ACCRUE_LEDGER_KEYS"], values["ACCRUE_PROCESSOR"]
    if given is not None:
        return read_ledger_keys(given, problems), False
    if processor == "fake" and config.get("ACCRUE_STRIPE_SECRET_KEY") is None:
        return derive_ledger_keys(config, problems), True
    if processor is not None:
        report_missing(problems)
    return (), False
