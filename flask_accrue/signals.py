"""Blinker signals for the host, sent after the commit of what they tell of."""

from __future__ import annotations

import typing as t

from blinker import NamedSignal, Namespace

_signals = Namespace()

#: A webhook event was finished. Sent with ``event`` (the row).
webhook_processed = _signals.signal("accrue-webhook-processed")

#: A webhook event was given up. Sent with ``event`` (the row). Worth waking someone for.
webhook_dead = _signals.signal("accrue-webhook-dead")

#: Usage was given up, so that it isn't billed. Sent with ``event`` (the row). Worth waking someone for.
usage_report_failed = _signals.signal("accrue-usage-report-failed")

#: A connected account can't do any more what it could: charge, be paid out, or whatever else it had. Sent
#: with ``row``, the account, and ``change``, whose ``before`` and ``after`` tell what it was. Worth waking
#: someone for.
connect_capability_lost = _signals.signal("accrue-connect-capability-lost")

#: A payout to a bank came back. Sent with ``event`` (the row of the webhook event; its ``account`` says
#: whose it was, ``None``: the platform's). Worth waking someone for.
payout_failed = _signals.signal("accrue-payout-failed")

#: Rows were written. Sent with ``changes``, the :class:`~flask_accrue.unit_of_work.Change` objects.
changed = _signals.signal("accrue-changed")

#: A gate refused a request. Sent with ``owner``, ``feature`` and ``plan``.
access_denied = _signals.signal("accrue-access-denied")

#: What is told of a change by its kind and verb, besides that there was one.
OF_CHANGES: t.Final[t.Mapping[tuple[str, str], NamedSignal]] = {
    ("connect_account", "capability_lost"): connect_capability_lost,
}

#: The ledger doesn't verify. Sent with ``findings``. Worth waking someone for.
ledger_broken = _signals.signal("accrue-ledger-broken")
