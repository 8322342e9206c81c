"""Linking customers to their owners, as the host has it stored: what is in doubt is told and left alone."""

from __future__ import annotations

import collections
import collections.abc as c
import dataclasses
import itertools
import time
import typing as t

import sqlalchemy as sa

from .. import installation, mirror, models
from ..billable import billable_types, load_owner
from ..errors import NotFound
from ..mirror import Source
from ..origins import Actor, Origin
from ..processors import Answer, Processor, objects
from ..state import current_state
from ..sync import patiently
from ..unit_of_work import UnitOfWork, settle_session, write
from .claims import Claim

_ORIGIN: t.Final = Origin(Actor("system", "adopt"))
#: How many are linked in one transaction.
_TOGETHER: t.Final = 100
_LONGEST_ID: t.Final = 255


@dataclasses.dataclass(frozen=True)
class Conflict:
    """A claim that wasn't followed, and why."""

    claim: Claim
    reason: str


@dataclasses.dataclass
class Adoption:
    """What became of some claims.

    :ivar adopted: how many customers were linked, or would be.
    :ivar unchanged: how many were linked so before.
    :ivar conflicts: the others.
    """

    adopted: int = 0
    unchanged: int = 0
    conflicts: list[Conflict] = dataclasses.field(default_factory=list)


def adopt(
    claims: c.Iterable[Claim],
    *,
    processor: str | None = None,
    dry_run: bool = False,
    fetch: bool = False,
    moved: c.Callable[[int], None] = lambda number: None,
    wait: c.Callable[[float], None] = time.sleep,
) -> Adoption:
    """Make the rows of customers that the processor has, linked to the owners that are claimed to have them.

    Nothing is written at the processor, and without ``fetch`` nothing is asked of it either: a row then says
    no more than whose the customer is, until an event or a sync tells the rest. A claim that contradicts
    another, or what is here, is left alone and told. Ledger: ``customer.created`` by ``system``, ``adopt``.

    :param dry_run: write nothing, and tell what would be.
    :param fetch: ask the processor for each customer: one that it hasn't got is a conflict.
    :param moved: is told how many claims were gone through since the last time.
    :param wait: waits for some seconds when the processor has had too many calls.
    """
    settle_session()
    gateway = current_state().processor(processor)
    every = list(dict.fromkeys(claims))
    result = Adoption()
    plausible = _without_contradictions(every, result)
    moved(len(every) - len(plausible))
    for first in range(0, len(plausible), _TOGETHER):
        some = plausible[first : first + _TOGETHER]
        told = _fetched(gateway, some, result, wait) if fetch else dict.fromkeys(some)
        current_state().db.session.rollback()
        if dry_run:
            part = _judged(current_state().db.session.execute, gateway.name, list(told))
            current_state().db.session.rollback()
            _count(result, part)
        else:
            _count(result, write(lambda uow, told=told: _link(uow, gateway, told), origin=_ORIGIN))  # type: ignore[misc]
        moved(len(some))
    return result


def _without_contradictions(claims: c.Sequence[Claim], result: Adoption) -> list[Claim]:
    """Return the claims that make sense, and don't contradict one another."""
    owners = collections.defaultdict(set)
    customers = collections.defaultdict(set)
    for claim in claims:
        owners[claim.customer].add((claim.owner_type, claim.owner_id))
        customers[claim.owner_type, claim.owner_id].add(claim.customer)
    types = billable_types()
    plausible = []
    for claim in claims:
        owner = (claim.owner_type, claim.owner_id)
        reason = None
        if claim.owner_type not in types:
            known = ", ".join(sorted(types)) or "none"
            reason = f"no billable of this app is called {claim.owner_type}; there is {known}"
        elif not 0 < len(claim.customer) <= _LONGEST_ID or not claim.customer.isprintable():
            reason = "this can't be a customer's id"
        elif len(owners[claim.customer]) > 1:
            others = sorted(mirror.owner_key(*each) for each in owners[claim.customer] - {owner})
            reason = f"it's also stored as the customer of {', '.join(others)}"
        elif len(customers[owner]) > 1:
            others = sorted(customers[owner] - {claim.customer})
            reason = f"{mirror.owner_key(*owner)} is also stored with {', '.join(others)}"
        elif load_owner(*owner) is None:
            reason = f"there is no {mirror.owner_key(*owner)} here"
        if reason is None:
            plausible.append(claim)
        else:
            result.conflicts.append(Conflict(claim, reason))
    current_state().db.session.rollback()
    return list({claim[:3]: claim for claim in plausible}.values())


def _fetched(
    gateway: Processor,
    claims: c.Sequence[Claim],
    result: Adoption,
    wait: c.Callable[[float], None],
) -> dict[Claim, Answer | None]:
    """Return the processor's answers about the customers that it has."""
    found: dict[Claim, Answer | None] = {}
    for claim in claims:
        try:
            answer = patiently(lambda id=claim.customer: gateway.fetch("customer", id), wait)  # type: ignore[misc]
        except NotFound:
            answer = None
        if answer is None or answer.main.deleted:
            reason = f"{gateway.name} has no such customer, or has it no longer"
            result.conflicts.append(Conflict(claim, reason))
            continue
        assert isinstance(answer.main, objects.Customer)
        elsewhere = installation.reason_against(answer.main.metadata)
        if elsewhere is not None:
            result.conflicts.append(Conflict(claim, elsewhere))
            continue
        named = mirror.named_owner(answer.main)
        if named is not None and named != (claim.owner_type, claim.owner_id):
            reason = f"its metadata at {gateway.name} says that it's {mirror.owner_key(*named)}'s"
            result.conflicts.append(Conflict(claim, reason))
            continue
        found[claim] = answer
    return found


#: What is to become of a claim: it's followed, it was before, or why it isn't.
_Verdict: t.TypeAlias = t.Literal["adopt", "unchanged"] | Conflict


def _judged(
    execute: c.Callable[[t.Any], sa.Result[t.Any]], processor: str, claims: c.Sequence[Claim]
) -> dict[Claim, _Verdict]:
    """Compare claims with the customers that are here."""
    customers = models.Customer
    told = (customers.processor_id, customers.owner_type, customers.owner_id)
    rows: t.Any = execute(
        sa.select(*told, customers.deleted_at).where(
            customers.processor == processor,
            customers.processor_id.in_([claim.customer for claim in claims]),
        )
    ).all()
    here = {row[0]: ([row[1], row[2]], row[3]) for row in rows}
    keys = [mirror.owner_key(claim.owner_type, claim.owner_id) for claim in claims]
    living = dict(
        map(
            tuple,
            execute(
                sa.select(customers.owner_key, customers.processor_id).where(
                    customers.processor == processor, customers.owner_key.in_(keys)
                )
            ).all(),
        )
    )
    verdicts: dict[Claim, _Verdict] = {}
    for claim, key in zip(claims, keys, strict=True):
        owner, deleted = here.get(claim.customer, (None, None))
        if owner is not None and owner != [claim.owner_type, claim.owner_id]:
            verdicts[claim] = Conflict(claim, f"here it's {mirror.owner_key(*owner)}'s")
        elif deleted is not None:
            verdicts[claim] = Conflict(claim, "here it's deleted")
        elif owner is not None:
            verdicts[claim] = "unchanged"
        elif key in living:
            verdicts[claim] = Conflict(claim, f"{key} has another customer here, {living[key]}")
        else:
            verdicts[claim] = "adopt"
    return verdicts


def _link(
    uow: UnitOfWork, gateway: Processor, told: c.Mapping[Claim, Answer | None]
) -> dict[Claim, _Verdict]:
    verdicts = _judged(uow.execute, gateway.name, list(told))
    wanted = [claim for claim, verdict in verdicts.items() if verdict == "adopt"]
    mirror.read_owners_ahead(uow, gateway.name, [claim[:2] for claim in wanted])
    with mirror.gathered(uow):
        for claim in wanted:
            answer, owner = told[claim], (claim.owner_type, claim.owner_id)
            if answer is None:
                mirror.claim_customer(uow, gateway.name, claim.customer, *owner)
            else:
                source = Source.of_answer(answer)
                found = t.cast(objects.Customer, answer.main)
                mirror.adopt_customer(uow, gateway.name, found, source, *owner)
    return verdicts


def _count(result: Adoption, verdicts: c.Mapping[Claim, _Verdict]) -> None:
    for verdict, several in itertools.groupby(verdicts.values()):
        if verdict == "adopt":
            result.adopted += len(list(several))
        elif verdict == "unchanged":
            result.unchanged += len(list(several))
        else:
            result.conflicts += t.cast("c.Iterable[Conflict]", several)
