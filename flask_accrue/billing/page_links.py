"""Links to mounted pages: made, opened by their customer alone, and used up."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import hashlib
import secrets
import typing as t
import uuid

import sqlalchemy as sa
from flask import current_app, has_request_context, url_for

from .. import account_scope, clock, models
from ..errors import ConfigError
from ..state import current_state
from ..unit_of_work import settle_session
from .customers import get_customer

#: How long a link opens its page, in billing time.
OPEN_FOR: t.Final = datetime.timedelta(minutes=30)


@dataclasses.dataclass(frozen=True)
class Link:
    """A link that was just made. ``url`` is a secret: it's told this once and kept nowhere."""

    id: uuid.UUID
    url: str = dataclasses.field(repr=False)


def make_link(
    purpose: str,
    customer: models.Customer,
    details: c.Mapping[str, t.Any],
    *,
    until: datetime.datetime | None = None,
    session: models.CheckoutSession | None = None,
) -> Link:
    """Make a link for a customer; any older one to the same checkout opens nothing any more.

    :param until: when what it leads to is over, if that is sooner.
    :raises ConfigError: when the portal is switched off.
    """
    if current_state().settings.portal_path is None:
        raise ConfigError(
            "The portal is switched off (ACCRUE_PORTAL_PATH is False), so there is no page to lead to."
        )
    token = secrets.token_urlsafe(32)
    settle_session()
    db = current_state().db.session
    now, ends = clock.now(), clock.now() + OPEN_FOR
    row = models.PageLink(
        token_hash=hashed(token),
        purpose=purpose,
        customer_id=customer.id,
        checkout_session_id=None if session is None else session.id,
        details=dict(details),
        expires_at=ends if until is None else min(ends, until),
    )
    links = models.PageLink
    if session is not None:
        db.execute(
            sa.update(links)
            .where(links.checkout_session_id == session.id, links.used_at.is_(None))
            .values(used_at=now)
        )
    db.execute(sa.delete(links).where(links.expires_at < now - datetime.timedelta(days=1)))
    db.add(row)
    db.commit()
    return Link(row.id, _url(purpose, token))


def open_link(purpose: str, token: str, owner: t.Any) -> models.PageLink | None:
    """Return the link of a token, for the owner of its customer alone; ``None`` for anybody else, and once
    its time is over.

    A checkout that is complete, or waits for its payment to be confirmed, leads on even then.
    """
    if owner is None:
        return None
    links = models.PageLink
    found = current_state().db.session.scalar(
        sa.select(links)
        .where(links.token_hash == hashed(token), links.purpose == purpose)
        .execution_options(populate_existing=True)
    )
    if found is None or (found.is_expired and not _leads_on(found)):
        return None
    # Whoever opens it acts outside any account's block, and is a customer of the account's in it.
    with account_scope.account(found.customer.account):
        payer = get_customer(owner, found.customer.processor)
    return found if payer is not None and payer.id == found.customer_id else None


def _leads_on(link: models.PageLink) -> bool:
    session = link.checkout_session
    return session is not None and (session.is_complete or (session.is_open and session.waits))


def use_up(link: models.PageLink) -> None:
    """Let a link open nothing more: what it was for was done."""
    if link.used_at is None:
        link.used_at = clock.now()
        current_state().db.session.commit()


def hashed(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _url(purpose: str, token: str) -> str:
    """Return a page's path, with what the app is mounted under."""
    if has_request_context():
        return url_for(f"accrue_portal.{purpose}", token=token)
    mounted: str = current_app.config["APPLICATION_ROOT"]
    path = current_state().settings.portal_path
    return f"{mounted.rstrip('/')}{path}/{purpose}/{token}"
