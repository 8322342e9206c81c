"""Stripe: its calls, and its webhooks and objects in the shapes of every API version since 2020-03-02."""

from __future__ import annotations

from .processor import StripeProcessor

__all__ = ["StripeProcessor"]
