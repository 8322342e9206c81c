"""Charges that a bank takes back."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..money import Money
from .base import Mirrored, soft_reference
from .charges import Charge
from .customers import Customer


class Dispute(Mirrored):
    """A charge that the customer's bank takes back, for now or for good.

    :ivar evidence_due_by: until when the merchant may answer.
    """

    __tablename__ = "accrue_disputes"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    charge_processor_id: orm.Mapped[str] = orm.mapped_column(index=True)
    payment_intent_processor_id: orm.Mapped[str | None]
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    amount: orm.Mapped[int]
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    reason: orm.Mapped[str]
    is_charge_refundable: orm.Mapped[bool] = orm.mapped_column(default=False)
    evidence_due_by: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    charge: orm.Mapped[Charge | None] = orm.relationship(
        primaryjoin=soft_reference("Charge", "charge_processor_id").format(self="Dispute"),
        viewonly=True,
    )

    @property
    def money(self) -> Money:
        """What the bank takes back."""
        return Money(self.amount, self.currency)

    @hybrid_property
    def is_closed(self) -> bool:
        """Whether it's decided."""
        return self.status in _DECIDED

    @is_closed.inplace.expression
    @classmethod
    def _is_closed(cls) -> sa.ColumnElement[bool]:
        return cls.status.in_(_DECIDED)

    @hybrid_property
    def is_lost(self) -> bool:
        """Whether the money is gone."""
        return self.status == "lost"

    @hybrid_property
    def needs_response(self) -> bool:
        """Whether the merchant can still answer."""
        return self.status in _UNANSWERED

    @needs_response.inplace.expression
    @classmethod
    def _needs_response(cls) -> sa.ColumnElement[bool]:
        return cls.status.in_(_UNANSWERED)


_DECIDED: t.Final = ("won", "lost", "warning_closed", "prevented")
_UNANSWERED: t.Final = ("needs_response", "warning_needs_response", "appeal_needs_response")
