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
}

#: What a processor forgets when it's deleted, and whose list is in one order: what of it isn't listed is
#: gone. Anything else stays listed for ever.
VANISHING: t.Final = frozenset({"customer", "invoice", "product", "coupon"})


def object_kinds(names: c.Collection[str]) -> list[str]:
    """Return the kinds of objects behind some names, in order; none: everything.

    :raises InvalidRequest: for a name that isn't one.
    """
    wrong = sorted(set(names) - {*KINDS, "everything"})
    if wrong:
        known = ", ".join([*KINDS, "everything"])
        raise InvalidRequest(
            f"There is nothing called {', '.join(map(repr, wrong))} to sync. There is: {known}.",
            param="kinds",
        )
    every = not names or "everything" in names
    return [kind for name, kinds in KINDS.items() if every or name in names for kind in kinds]
