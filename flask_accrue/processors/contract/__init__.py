"""The calls that a processor carries out, a file a noun.

Arguments of calls are JSON (strings, integers, booleans, ``None``, lists, dicts), because a request
is frozen in its ``operations`` row before it's sent and may be sent again, byte for byte, after
a crash. So times on this edge are Unix seconds and amounts are integers of minor units. ``key`` is the
idempotency key: the same key and arguments give the same answer, the same key with others is refused.

All calls raise :class:`~flask_accrue.errors.ProcessorError` or one of its kinds. A call that the
processor can't do raises :class:`~flask_accrue.errors.UnsupportedByProcessor` before anything is sent.
"""

from __future__ import annotations

from .charges import ChargeCalls
from .checkout import CheckoutCalls
from .connect import ConnectCalls
from .credit_notes import CreditNoteCalls
from .customers import CustomerCalls
from .discounts import DiscountCalls
from .invoices import InvoiceCalls
from .payment_intents import PaymentIntentCalls
from .payment_methods import PaymentMethodCalls
from .schedules import ScheduleCalls
from .setup_intents import SetupIntentCalls
from .subscriptions import SubscriptionCalls
from .tax_ids import TaxIdCalls
from .usage import UsageCalls

__all__ = [
    "ChargeCalls",
    "CheckoutCalls",
    "ConnectCalls",
    "CreditNoteCalls",
    "CustomerCalls",
    "DiscountCalls",
    "InvoiceCalls",
    "PaymentIntentCalls",
    "PaymentMethodCalls",
    "ScheduleCalls",
    "SetupIntentCalls",
    "SubscriptionCalls",
    "TaxIdCalls",
    "UsageCalls",
]
