"""What processors say themselves that customers may use."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from .base import JsonList, Mirrored
from .customers import Customer


class EntitlementSummary(Mirrored):
    """The features that a customer is entitled to by the processor's own reckoning.

    For information: no gate reads it. It's mirrored where ``ACCRUE_MIRROR_ENTITLEMENTS`` says so. The
    processor has no id for it, so ``processor_id`` is the customer's there.

    :ivar lookup_keys: what the features are called in the host's own words, in the order of the alphabet.
    :ivar feature_processor_ids: the processor's ids of the features, in the order of their lookup keys.
    """

    __tablename__ = "accrue_entitlement_summaries"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    lookup_keys: orm.Mapped[JsonList]
    feature_processor_ids: orm.Mapped[JsonList]

    customer: orm.Mapped[Customer] = orm.relationship(
        back_populates="entitlement_summary", viewonly=True
    )
