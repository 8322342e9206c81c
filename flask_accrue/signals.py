"""Blinker signals for the host, sent after the commit of what they tell of."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

#: A webhook event was finished. Sent with ``event`` (the row).
webhook_processed = _signals.signal("accrue-webhook-processed")

#: A webhook event was given up. Sent with ``event`` (the row). Worth waking someone for.
webhook_dead = _signals.signal("accrue-webhook-dead")

#: Usage was given up, so that it isn't billed. Sent with ``event`` (the row). Worth waking someone for.
usage_report_failed = _signals.signal("accrue-usage-report-failed")

#: Rows were written. Sent with ``changes``, the :class:`~flask_accrue.unit_of_work.Change` objects.
changed = _signals.signal("accrue-changed")

#: A gate refused a request. Sent with ``owner``, ``feature`` and ``plan``.
access_denied = _signals.signal("accrue-access-denied")

#: The ledger doesn't verify. Sent with ``findings``. Worth waking someone for.
ledger_broken = _signals.signal("accrue-ledger-broken")
