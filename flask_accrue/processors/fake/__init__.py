"""The Fake: a simulated processor with its own storage, clock, test cards and outbox.

It behaves as Stripe's documentation says Stripe does. Where to look:

* ``processor`` carries out the contract; ``controls`` is the other side, for tests and tools
* ``engine`` runs calls and time; ``transaction`` is one step of it; ``store``, ``schema``, ``clock``,
  ``documents`` keep what there is, ``rules`` holds the account's settings
* ``lifecycle`` is what happens by itself, ``agenda`` when
* ``subscriptions``, ``changes``, ``item_changes``, ``endings``, ``standing``, ``items`` are a
  subscription's life; ``calendar`` and ``proration`` its arithmetic
* ``invoices``, ``drafts``, ``totals``, ``taxes``, ``collection``, ``payments``, ``charging``,
  ``refunds``, ``disputes`` are the money
* ``customers``, ``payment_methods``, ``cards``, ``tax_ids``, ``catalog``, ``labels`` are who and what
* ``outbox`` posts events, ``reading`` reads them
* ``idempotency``, ``faults``, ``refusals`` are what calls meet
"""

from __future__ import annotations

from .clock import FakeClock
from .outbox import OutboxEvent
from .processor import FakeProcessor
from .rules import Rules

__all__ = ["FakeClock", "FakeProcessor", "OutboxEvent", "Rules"]
