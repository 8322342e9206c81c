"""Whose a customer is that the processor has and we don't: as somebody says, never by a guess."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from .. import installation, mirror
from ..billable import billable_types, owner_reference
from ..errors import UnsupportedByProcessor
from ..processors import Processor, objects
from ..state import current_state
from .report import Unlinked

Owner: t.TypeAlias = tuple[str, str]


def owner_of(gateway: Processor, customer: objects.Customer, *, by_email: bool) -> Owner | Unlinked:
    """Return the owner that the metadata name, else the host's function, else the e-mail; or why nobody.

    A customer of another installation is nobody's, whoever says what.
    """
    reason = installation.reason_against(customer.metadata)
    if reason is not None:
        return _nobody(customer, reason)
    named = mirror.named_owner(customer)
    if named is not None:
        return named
    linker = current_state().customer_linker
    owner = linker(customer) if linker is not None else None
    if owner is not None:
        return owner_reference(owner)
    if not by_email:
        return _nobody(customer, "no accrue_owner in its metadata names a billable here")
    if not customer.email:
        return _nobody(customer, "it has no e-mail address")
    owners = _owners_with(customer.email)
    if len(owners) != 1:
        has = "nobody here has" if not owners else "several here have"
        return _nobody(customer, f"{has} its e-mail address")
    try:
        others = gateway.page("customer", email=customer.email).answer.objects
    except UnsupportedByProcessor:
        return _nobody(
            customer,
            f"{gateway.name} can't tell here who else has its e-mail address in another spelling",
        )
    if any(other.processor_id != customer.processor_id for other in others):
        return _nobody(customer, f"several customers at {gateway.name} have its e-mail address")
    return owners[0]


def _owners_with(email: str) -> list[Owner]:
    """Return the billables with an e-mail address, two at most."""
    session = current_state().db.session
    found: list[Owner] = []
    for model in set(billable_types().values()):
        column = sa.inspect(model).columns.get("email")
        if column is None:
            continue
        same = sa.func.lower(column) == email.lower()
        owners = session.scalars(sa.select(model).where(same).limit(2)).unique()
        found += [owner_reference(each) for each in owners if each not in found]
    return found[:2]


def _nobody(customer: objects.Customer, reason: str) -> Unlinked:
    return Unlinked(customer.processor_id, customer.email, reason)
