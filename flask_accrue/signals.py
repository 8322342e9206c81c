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

#: A connected account can't do any more what it could: charge, be paid out, or whatever else it had. Sent with
#: ``row``, the account, and ``lost``, names such as ``transfers``. Worth waking someone for.
connect_capability_lost = _signals.signal("accrue-connect-capability-lost")

#: A payout to a bank came back. Sent with ``event`` (the row of the webhook event, whose ``account`` says whose
#: it was, ``None`` for the platform's own). Worth waking someone for.
payout_failed = _signals.signal("accrue-payout-failed")

#: Rows were written. Sent with ``changes``, the :class:`~flask_accrue.unit_of_work.Change` objects.
changed = _signals.signal("accrue-changed")

#: A gate refused a request. Sent with ``owner``, ``feature`` and ``plan``.
access_denied = _signals.signal("accrue-access-denied")

#: The ledger doesn't verify. Sent with ``findings``. Worth waking someone for.
ledger_broken = _signals.signal("accrue-ledger-broken")
