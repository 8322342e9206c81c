"""Reporting what customers used, and adding it up."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t
import uuid

from .. import metering, models
from ..errors import InvalidRequest
from ..gateways import gateway_of
from ..metering import UsageSummary
from ..processors import Capability
from ..state import current_state
from .customers import customer as customer_of
from .customers import get_customer


@dataclasses.dataclass(frozen=True)
class Usage:
    """One piece of usage for :func:`report_usage_in_bulk`, with the arguments of :func:`report_usage`."""

    customer: t.Any
    event_name: str
    value: int = 1
    identifier: str | None = None
    timestamp: datetime.datetime | None = None


def report_usage(
    customer: t.Any,
    event_name: str,
    value: int = 1,
    identifier: str | None = None,
    timestamp: datetime.datetime | None = None,
) -> models.MeterEvent:
    """Report that a customer used something.

    The row is committed as ``pending`` before the processor is called, so that nothing is lost, and then says
    what came of it: ``is_reported``; ``is_failed`` with ``last_error``, when the processor refused it; or
    still ``is_waiting``, when it couldn't be reached, and it's tried again in the background. None of that
    raises. Nothing is written to the ledger: the rows are the record.

    :param event_name: what the meter at the processor is called.
    :param value: an integer. A negative one corrects what was reported too much; a period's sum below 0 is
        billed as 0 (https://docs.stripe.com/billing/subscriptions/usage-based/meters/configure).
    :param identifier: names this piece of usage: the same one again gives the same row, and is reported
        once. By default it comes from the request's, job's or ``accrue.operation``'s id, else it's random.
    :param timestamp: when it was used, from 35 days ago to 5 minutes ahead; by default now.
    :raises InvalidRequest: for an argument that is wrong; nothing is stored.
    :raises IdempotencyConflict: when the identifier was used for other usage.
    :raises UnsupportedByProcessor: when the processor has no meters.

    ::

        billing.report_usage(org, "api_calls", 250, identifier=f"batch:{batch.id}")
    """
    payer = customer_of(customer)
    gateway_of(payer).require(Capability.METERING)
    accepted = metering.accept(payer, event_name, value, identifier, timestamp)
    row, lease = metering.store(accepted)
    if lease is not None:
        metering.report_now(lease)
        current_state().db.session.refresh(row)
    return row


def report_usage_in_bulk(usage: c.Iterable[Usage]) -> int:
    """Store any number of pieces of usage in one transaction; they are reported in the background.

    Those that are known by their identifiers already are left as they are. Customers have to exist.

    :returns: how many are new.
    :raises InvalidRequest: for an argument that is wrong; none is stored.
    :raises IdempotencyConflict: when an identifier was used for other usage; none is stored.
    :raises UnsupportedByProcessor: when a processor has no meters.

    ::

        billing.report_usage_in_bulk(
            Usage(org, "api_calls", line.calls, identifier=f"log:{line.id}") for line in lines
        )
    """
    payers: dict[int, tuple[t.Any, models.Customer]] = {}
    accepted = []
    for each in usage:
        if id(each.customer) not in payers:
            # The owner is kept too, so that no other one gets its id.
            payers[id(each.customer)] = (each.customer, _existing(each.customer))
        _, payer = payers[id(each.customer)]
        accepted.append(
            metering.accept(payer, each.event_name, each.value, each.identifier, each.timestamp)
        )
    for name in {each.processor for each in accepted}:
        current_state().processor(name).require(Capability.METERING)
    return metering.store_all(accepted)


def usage_summary(
    customer: t.Any,
    event_name: str,
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
) -> UsageSummary:
    """Add up what a customer used from ``since`` to before ``until``. Never calls the processor.

    :raises InvalidRequest: for a time without a zone.
    """
    payer = get_customer(customer)
    customer_id: uuid.UUID | None = None if payer is None else payer.id
    return metering.summarize(customer_id, event_name, since, until)


def _existing(owner: t.Any) -> models.Customer:
    found = get_customer(owner)
    if found is None:
        raise InvalidRequest(
            f"{owner!r} is no customer yet, so nothing can be reported in bulk. Call "
            "billing.customer() first.",
            code="customer_missing",
            param="customer",
        )
    return found
