"""Parts of a price for parts of a period, to the second, in integers."""

from __future__ import annotations

import datetime

from ...clock import to_unix
from ...money import Money


def unused(
    amount: Money,
    start: datetime.datetime,
    end: datetime.datetime,
    moment: datetime.datetime,
) -> Money:
    """Return the part of an amount for ``start`` to ``end`` that falls after ``moment``.

    The used part is rounded half to even and the unused one is what is left, so that both add up to the
    amount. Before the start all of it is unused, from the end on none.
    """
    if moment <= start:
        return amount
    if moment >= end:
        return Money(0, amount.currency)
    elapsed, left = to_unix(moment) - to_unix(start), to_unix(end) - to_unix(moment)
    return amount.split([elapsed, left], payable=True)[1]
