"""The Fake's calls, a file a noun."""

from __future__ import annotations

from .charges import FakeCharges
from .checkout import FakeCheckout
from .connect import FakeConnect
from .credit_notes import FakeCreditNotes
from .customers import FakeCustomers
from .discounts import FakeDiscounts
from .invoices import FakeInvoices
from .payment_intents import FakePaymentIntents
from .payment_methods import FakePaymentMethods
from .schedules import FakeSchedules
from .setup_intents import FakeSetupIntents
from .subscriptions import FakeSubscriptions
from .tax_ids import FakeTaxIds
from .usage import FakeUsage

__all__ = [
    "FakeCharges",
    "FakeCheckout",
    "FakeConnect",
    "FakeCreditNotes",
    "FakeCustomers",
    "FakeDiscounts",
    "FakeInvoices",
    "FakePaymentIntents",
    "FakePaymentMethods",
    "FakeSchedules",
    "FakeSetupIntents",
    "FakeSubscriptions",
    "FakeTaxIds",
    "FakeUsage",
]
