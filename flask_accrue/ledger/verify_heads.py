"""Holding each chain's head, and each customer's chain, against the entries."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from .. import models
from ..unit_of_work import SYSTEM_CHAINS
from .findings import Kind, Report
from .reading import Unreadable, pages

_ENTRIES: t.Final = t.cast(sa.Table, models.LedgerEntry.__table__)
_HEADS: t.Final = t.cast(sa.Table, models.LedgerChain.__table__)
_CUSTOMERS: t.Final = t.cast(sa.Table, models.Customer.__table__)


def verify_heads(connection: sa.Connection, report: Report) -> None:
    """Note each chain that is shorter or longer than its head says, or that is gone."""
    missing = dict.fromkeys(SYSTEM_CHAINS)
    for page in pages(connection, _statement(), [_HEADS.c.chain]):
        for head in page:
            report.chains += 1
            if isinstance(head, Unreadable):
                report.add(
                    Kind.HEAD, f"it can't be read any more ({head.error})", chain=str(head.key[0])
                )
            else:
                missing.pop(head.chain, None)
                _verify_head(head, report)
    for chain in missing:
        report.add(Kind.MISSING_CHAIN, "each ledger has it, and this one doesn't", chain=chain)
    _verify_customers(connection, report)


def _statement() -> sa.Select[t.Any]:
    # One statement sees one moment, so an entry that comes meanwhile can't part from its head.
    own = _ENTRIES.c.chain == _HEADS.c.chain
    last = sa.select(sa.func.max(_ENTRIES.c.sequence)).where(own).scalar_subquery()
    at_head = (
        sa.select(_ENTRIES.c.hash)
        .where(own, _ENTRIES.c.sequence == _HEADS.c.sequence)
        .order_by(_ENTRIES.c.id)
        .limit(1)
        .scalar_subquery()
    )
    has_customer = sa.exists().where(_CUSTOMERS.c.id == _HEADS.c.customer_id)
    return sa.select(
        _HEADS.c.customer_id,
        _HEADS.c.sequence,
        _HEADS.c.hash,
        _HEADS.c.checkpointed,
        last.label("last"),
        at_head.label("hash_at_head"),
        has_customer.label("has_customer"),
        _HEADS.c.chain,
    )


def _verify_head(head: sa.Row[t.Any], report: Report) -> None:
    if not isinstance(head.sequence, int) or not isinstance(head.checkpointed, int):
        # SQLite keeps whatever it's given.
        report.add(Kind.HEAD, "its sequence is no number", chain=str(head.chain))
        return
    last = head.last if isinstance(head.last, int) else 0
    due = max(head.sequence, head.checkpointed)
    if last < due:
        witness = "the head" if head.sequence == due else "a checkpoint"
        report.add(
            Kind.TRUNCATED,
            f"{witness} says that the chain has {due}",
            chain=head.chain,
            sequence=last + 1,
            last_sequence=due,
        )
    if last > head.sequence:
        report.add(
            Kind.HEAD,
            f"the head says that the chain ends with entry {head.sequence}",
            chain=head.chain,
            sequence=head.sequence + 1,
            last_sequence=last,
        )
    elif last == head.sequence and (head.hash_at_head or "") != head.hash:
        report.add(
            Kind.HEAD,
            "the head and the last entry have different hashes",
            chain=head.chain,
            sequence=last or None,
        )
    if due == 0 and last == 0 and head.has_customer:
        report.add(
            Kind.TRUNCATED,
            "the chain is empty, and each customer's begins with the customer",
            chain=head.chain,
            sequence=1,
        )
    if not _is_named_after_its_owner(head):
        report.add(
            Kind.HEAD, f"it is marked as customer {head.customer_id}'s chain", chain=head.chain
        )


def _is_named_after_its_owner(head: sa.Row[t.Any]) -> bool:
    if head.customer_id is None:
        return head.chain in SYSTEM_CHAINS
    return bool(head.chain == f"customer:{head.customer_id}")


def _verify_customers(connection: sa.Connection, report: Report) -> None:
    has_chain = sa.exists().where(_HEADS.c.customer_id == _CUSTOMERS.c.id)
    statement = sa.select(_CUSTOMERS.c.id).where(~has_chain)
    for page in pages(connection, statement, [_CUSTOMERS.c.id]):
        for customer in page:
            customer_id = customer.key[0] if isinstance(customer, Unreadable) else customer[0]
            report.add(
                Kind.MISSING_CHAIN,
                "the customer is there, and the chain is gone",
                chain=f"customer:{customer_id}",
            )
