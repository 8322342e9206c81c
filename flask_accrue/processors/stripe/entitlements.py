"""What a customer is entitled to by Stripe's own reckoning, as it stands now."""

from __future__ import annotations

import typing as t

from ..answers import Answer
from .api import Api
from .bodies import without_secrets
from .reading_entitlements import SUMMARY, read_summary

PATH: t.Final = "/v1/entitlements/active_entitlements"


def fetch_summary(api: Api, customer: str, account: str | None) -> Answer:
    """Return a customer's summary, put together from the list: it can't be asked for itself.

    :raises NotFound: when there is no such customer.
    """
    pages = api.pages(PATH, {"customer": customer}, account=account)
    rows, first = next(pages)
    until = first.fresh_to
    for further, page in pages:
        rows, until = [*rows, *further], page.fresh_to
    whole = {**first.body, "data": rows, "has_more": False}
    found = read_summary(
        without_secrets({"object": SUMMARY, "customer": customer, "entitlements": whole})
    )
    return Answer(objects=(found,), fresh_from=first.fresh_from, fresh_to=until)
