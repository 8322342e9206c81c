"""What can be asked for, and in which order it's gone through.

Whatever an object's row is made from comes before it: a customer before all that's its own, invoices before
the subscription that has from them until when it's paid. The other way about, each subscription would be
written twice, with two entries.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from ..errors import InvalidRequest

#: By the name that an operator says, the kinds of objects.
KINDS: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "catalog": ("product", "price", "coupon", "promotion_code"),
    "customers": ("customer",),
    "payment_methods": ("payment_method",),
    "invoices": ("invoice", "credit_note"),
    "subscriptions": ("subscription", "subscription_schedule"),
    "charges": ("payment_intent", "charge", "dispute"),
    "refunds": ("refund",),
    "tax_ids": ("tax_id",),
    "checkout_sessions": ("checkout_session",),
    "accounts": ("connect_account",),
    "transfers": ("transfer",),
}

#: What a platform has with its accounts, which have none themselves; whoever isn't one may not even ask.
OF_PLATFORMS: t.Final = frozenset({"connect_account", "transfer"})

#: What a processor forgets when it's deleted, and whose list is in one order: what of it isn't listed is
#: gone. Anything else stays listed for ever.
VANISHING: t.Final = frozenset({"customer", "invoice", "product", "coupon", "connect_account"})


def object_kinds(names: c.Collection[str], account: str | None = None) -> list[str]:
    """Return the kinds of objects behind some names, in order; none: everything.

    :param account: the connected account that is gone through, ``None``: the platform's.
    :raises InvalidRequest: for a name that isn't one, or of what a connected account has none.
    """
    wrong = sorted(set(names) - {*KINDS, "everything"})
    if wrong:
        known = ", ".join([*KINDS, "everything"])
        raise InvalidRequest(
            f"There is nothing called {', '.join(map(repr, wrong))} to sync. There is: {known}.",
            param="kinds",
        )
    every = not names or "everything" in names
    left_out = frozenset() if account is None else OF_PLATFORMS
    found = []
    for name, kinds in KINDS.items():
        there = [kind for kind in kinds if kind not in left_out]
        if name in names and not there:
            raise InvalidRequest(
                f"The {name} are the platform's own: there are none in the account {account}.",
                param="kinds",
            )
        found += there if every or name in names else []
    return found
