"""Connected accounts: made, completed, turned away; what they may do follows from what they have told."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ...money import Money
from .. import objects
from . import labels
from .refusals import check_known, check_texts, refused
from .transaction import Transaction, missing

TYPES: t.Final[t.Mapping[str, str]] = {"custom": "none", "express": "express", "standard": "full"}
DASHBOARDS: t.Final = frozenset({"express", "full", "none"})
REASONS: t.Final = (
    "credit",
    "fraud_no_intent_to_fulfill",
    "fraud_other",
    "fraud_payment_method_casher",
    "fraud_payment_method_tester",
    "other",
    "terms_of_service",
)
LINK_TYPES: t.Final = ("account_onboarding", "account_update")

_CHANGEABLE: t.Final = frozenset(
    "email business_type business_profile capabilities default_currency metadata".split()
)
_GIVEN: t.Final = _CHANGEABLE | {"type", "controller", "country"}
#: What an account that can do anything has told, and by what of it that is known at once.
_WANTED: t.Final = (
    "business_profile.mcc",
    "business_profile.url",
    "business_type",
    "external_account",
    "representative.first_name",
    "representative.last_name",
    "tos_acceptance.date",
    "tos_acceptance.ip",
)
_LINK_LIVES: t.Final = datetime.timedelta(minutes=5)


def create(tx: Transaction, given: c.Mapping[str, t.Any]) -> objects.ConnectAccount:
    """Make an account; it can do nothing until it has told what is wanted."""
    check_known(given, _GIVEN, "connected account")
    kind, controller = given.get("type"), given.get("controller")
    if kind is not None and controller is not None:
        raise refused("An account has a type or a controller, not both.", "type")
    if kind is not None and kind not in TYPES:
        raise refused(f"The type of an account is one of {', '.join(TYPES)}.", "type")
    dashboard = TYPES[kind or "standard"]
    if controller is not None:
        dashboard = (controller.get("stripe_dashboard") or {}).get("type", "full")
        if dashboard not in DASHBOARDS:
            raise refused(
                f"A dashboard is one of {', '.join(sorted(DASHBOARDS))}.",
                "controller[stripe_dashboard][type]",
            )
    account = objects.ConnectAccount(
        processor_id=f"acct_{tx.random_word(16)}",
        created=tx.now,
        type=kind or ("none" if controller is not None else "standard"),
        country=_country(given.get("country")),
        dashboard=dashboard,
        default_currency="usd",
    )
    account = _with(tx, account, {**given, "capabilities": _all_of(given.get("capabilities"))})
    account = tx.save(account)
    tx.aside(account.processor_id)["wanted"] = [*_WANTED]
    return tx.save(_standing(tx, account, given))


def update(
    tx: Transaction, account_id: str, changes: c.Mapping[str, t.Any]
) -> objects.ConnectAccount:
    """Change an account."""
    check_known(changes, _CHANGEABLE, "connected account")
    account = connected(tx, account_id)
    changed = _with(tx, account, changes)
    return tx.save(_standing(tx, changed, changes), "account.updated")


def reject(tx: Transaction, account_id: str, reason: str) -> objects.ConnectAccount:
    """Turn an account away: it can neither charge nor be paid any more."""
    if reason not in REASONS:
        raise refused(f"The reason of a rejection is one of {', '.join(REASONS)}.", "reason")
    account = connected(tx, account_id)
    what = "fraud" if reason.startswith("fraud") else reason
    rejected = "terms_of_service" if what == "terms_of_service" else what
    if what == "credit":
        rejected = "other"
    tx.aside(account_id)["rejected"] = f"rejected.{rejected}"
    return _tell(tx, account, _standing(tx, account, {}))


def connected(tx: Transaction, account_id: t.Any, param: str = "account") -> objects.ConnectAccount:
    """Return an account that the platform may act for.

    :raises NotFound: otherwise.
    """
    account = tx.get(objects.ConnectAccount, account_id, param)
    if account.deleted:
        raise missing(objects.ConnectAccount, account_id, param)
    return account


def link(tx: Transaction, account_id: str, type: str, urls: c.Iterable[str]) -> objects.AccountLink:
    """Make a link that leads nowhere: :meth:`.Controls.complete_account` is what would happen behind it."""
    account = connected(tx, account_id)
    if type not in LINK_TYPES:
        raise refused(f"The type of an account link is one of {', '.join(LINK_TYPES)}.", "type")
    if type == "account_update" and account.dashboard != "none":
        raise refused(
            "Only an account without a dashboard is updated by a link.",
            "type",
        )
    for url in urls:
        if not url.startswith(("https://", "http://")):
            raise refused(f"Not a valid URL: {url[:80]!r}.", "return_url", "url_invalid")
    return objects.AccountLink(
        processor_id=account_id,
        created=tx.now,
        url=f"https://connect.fake.invalid/setup/{account_id}/{tx.random_word(24)}",
        expires_at=tx.now + _LINK_LIVES,
    )


def login_link(tx: Transaction, account_id: str) -> objects.AccountLink:
    """Make a link to a dashboard that isn't there."""
    account = connected(tx, account_id)
    if account.dashboard != "express":
        raise refused("Only an account with the Express dashboard has login links.", "account")
    if not account.details_submitted:
        raise refused("This account hasn't completed its onboarding yet.", "account")
    return objects.AccountLink(
        processor_id=account_id,
        created=tx.now,
        url=f"https://connect.fake.invalid/express/{account_id}/{tx.random_word(24)}",
    )


# -- what accounts do themselves -----------------------------------------------------------------------


def complete(tx: Transaction, account_id: str) -> objects.ConnectAccount:
    """Let an account tell all that was wanted."""
    account, aside = connected(tx, account_id), tx.aside(account_id)
    aside["wanted"], aside["submitted"] = [], True
    return _tell(tx, account, _standing(tx, account, {}))


def want(tx: Transaction, account_id: str, names: c.Iterable[str]) -> objects.ConnectAccount:
    """Let the processor want more of an account, which can do nothing until it has told that."""
    account, aside = connected(tx, account_id), tx.aside(account_id)
    aside["wanted"] = sorted({*aside["wanted"], *names})
    return _tell(tx, account, _standing(tx, account, {}))


def deauthorize(tx: Transaction, account_id: str) -> objects.ConnectAccount:
    """Let an account's owner take the platform's access away."""
    account = connected(tx, account_id)
    gone = tx.save(dataclasses.replace(account, deleted=True))
    tx.emit("account.application.deauthorized", gone)
    return gone


def fail_payout(tx: Transaction, account_id: str, amount: Money, code: str) -> objects.Payout:
    """Let a payout to an account's bank come back."""
    connected(tx, account_id)
    payout = objects.Payout(
        processor_id=tx.new_id("po"),
        created=tx.now,
        status="failed",
        amount=amount.amount_minor,
        currency=amount.currency,
        failure_code=code,
    )
    tx.emit("payout.failed", payout, account=account_id)
    return payout


# -- how an account stands -------------------------------------------------------------------------------


def _standing(
    tx: Transaction, account: objects.ConnectAccount, told: c.Mapping[str, t.Any]
) -> objects.ConnectAccount:
    """Return an account with what follows from what it has told."""
    aside = tx.aside(account.processor_id)
    profile = told.get("business_profile") or {}
    known = {f"business_profile.{name}" for name in profile} | set(told)
    wanted = aside["wanted"] = [name for name in aside["wanted"] if name not in known]
    rejected: str | None = aside.get("rejected")
    able = not wanted and rejected is None
    capabilities = dict.fromkeys(account.capabilities, "active" if able else "inactive")
    return dataclasses.replace(
        account,
        capabilities=capabilities,
        currently_due=tuple(wanted),
        past_due=tuple(wanted) if aside.get("submitted") else (),
        details_submitted=bool(aside.get("submitted")),
        charges_enabled=able and (not capabilities or "card_payments" in capabilities),
        payouts_enabled=able,
        disabled_reason=rejected or ("requirements.past_due" if wanted else None),
    )


def _tell(
    tx: Transaction, before: objects.ConnectAccount, after: objects.ConnectAccount
) -> objects.ConnectAccount:
    tx.save(after, "account.updated")
    if before.capabilities != after.capabilities:
        tx.emit("capability.updated", after)
    return after


def _with(
    tx: Transaction, account: objects.ConnectAccount, given: c.Mapping[str, t.Any]
) -> objects.ConnectAccount:
    texts = {
        name: given[name]
        for name in ("email", "business_type", "default_currency")
        if name in given
    }
    check_texts(texts)
    profile = given.get("business_profile")
    if profile is not None and "name" in profile:
        check_texts({"business_profile[name]": profile["name"]})
        texts["business_name"] = profile["name"]
    capabilities = dict(account.capabilities)
    for name, wanted in (given.get("capabilities") or {}).items():
        if wanted:
            capabilities.setdefault(name, "inactive")
        else:
            capabilities.pop(name, None)
    return dataclasses.replace(
        account,
        **texts,
        capabilities=capabilities,
        metadata=labels.merged(account.metadata, given.get("metadata") or {}),
    )


def _all_of(names: t.Any) -> dict[str, bool]:
    return dict.fromkeys(names or (), True)


def _country(code: t.Any) -> str:
    if code is None:
        return "US"
    if not (isinstance(code, str) and len(code) == 2 and code.isalpha() and code.isupper()):
        raise refused(
            "A country is a code of two capital letters.", "country", "country_code_invalid"
        )
    return code
