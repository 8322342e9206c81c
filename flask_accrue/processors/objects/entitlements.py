"""What a processor says itself that a customer may use: it's for information, and decides nothing."""

from __future__ import annotations

import dataclasses

from .base import ProcessorObject


@dataclasses.dataclass(frozen=True, kw_only=True)
class EntitlementSummary(ProcessorObject):
    """The features that a customer is entitled to, by the processor's own reckoning.

    It has no id of its own: ``processor_id`` is the customer's.

    :ivar lookup_keys: what the features are called in the host's own words, in the order of the alphabet.
    :ivar features: the processor's ids of the features, in the order of their lookup keys.
    """

    kind = "entitlement_summary"

    customer: str
    lookup_keys: tuple[str, ...]
    features: tuple[str, ...]
