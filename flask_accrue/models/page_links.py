"""Links to mounted pages: checkout and portal."""

from __future__ import annotations

import datetime
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from .. import clock
from .base import JsonDict, Row
from .checkout import CheckoutSession
from .customers import Customer


class PageLink(Row):
    """A link that leads a customer to a mounted page, for a while.

    :ivar token_hash: SHA-256 of the token that stands in the link; the token itself is nowhere.
    :ivar purpose: ``checkout`` or ``portal``.
    :ivar details: what the page is about, and where it leads afterwards.
    :ivar expires_at: in billing time.
    :ivar used_at: when what it was for was done; it opens nothing from then on.
    """

    __tablename__ = "accrue_page_links"

    token_hash: orm.Mapped[str] = orm.mapped_column(sa.String(64), unique=True)
    purpose: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    checkout_session_id: orm.Mapped[uuid.UUID | None] = orm.mapped_column(
        sa.ForeignKey("accrue_checkout_sessions.id"), index=True
    )
    details: orm.Mapped[JsonDict]
    expires_at: orm.Mapped[datetime.datetime]
    used_at: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    checkout_session: orm.Mapped[CheckoutSession | None] = orm.relationship(viewonly=True)

    @hybrid_property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at <= clock.now()

    @is_expired.inplace.expression
    @classmethod
    def _is_expired(cls) -> sa.ColumnElement[bool]:
        return cls.expires_at <= sa.literal(clock.now(), type_=cls.expires_at.type)
