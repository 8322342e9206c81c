"""Stripe.js, in the release that goes with the API's version."""

from __future__ import annotations

from ..browser import InBrowser
from . import versions


def in_browser(key: str | None) -> InBrowser:
    """Return what a page with Stripe.js needs.

    The hosts are those of https://docs.stripe.com/security/guide#content-security-policy, less what only
    the Address Element needs. Stripe wants its script loaded from its own host.

    :param key: the publishable key.
    """
    release = versions.PINNED.partition(".")[2]
    return InBrowser(
        key=key,
        setting="ACCRUE_STRIPE_PUBLISHABLE_KEY",
        script=f"https://js.stripe.com/{release}/stripe.js",
        scripts=("https://js.stripe.com", "https://*.js.stripe.com"),
        frames=("https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"),
        connects=("https://api.stripe.com",),
    )
