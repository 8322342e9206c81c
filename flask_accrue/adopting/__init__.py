"""Customers whose ids a host has stored already: linked to their owners, without a word to the processor."""

from __future__ import annotations

from .adoption import Adoption, Conflict, adopt
from .claims import Claim, claims_of_csv, claims_of_dj_stripe, claims_of_model

__all__ = [
    "Adoption",
    "Claim",
    "Conflict",
    "adopt",
    "claims_of_csv",
    "claims_of_dj_stripe",
    "claims_of_model",
]
