"""Calls about a customer's numbers at tax offices."""

from __future__ import annotations

from ..answers import Answer, Reference
from ..contract import TaxIdCalls
from . import listing
from .api import segment
from .calls import StripeCalls
from .customers import PATH
from .gathering import alone, deleted


class StripeTaxIds(StripeCalls, TaxIdCalls):
    """Calls about a customer's numbers at tax offices."""

    def list_tax_ids(self, customer: str) -> Answer:
        """Return a customer's numbers at tax offices, oldest first."""
        return listing.tax_ids(self._api, customer)

    def create_tax_id(self, customer: str, *, type: str, value: str, key: str) -> Answer:
        """Add a number at a tax office; Stripe verifies it later, and an event tells."""
        api = self._changing
        path = f"{PATH}/{segment(customer)}/tax_ids"
        reply = api.post(path, {"type": type, "value": value}, key=key)
        return alone(api, "tax_id", reply, path)

    def delete_tax_id(self, customer: str, tax_id: str, *, key: str) -> Answer:
        """Remove a number at a tax office."""
        path = f"{PATH}/{segment(customer)}/tax_ids/{segment(tax_id)}"
        return deleted(self._changing, path, Reference("tax_id", tax_id))
