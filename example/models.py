"""Who uses Tidemark: people, their organizations, and who may do what in them."""

from __future__ import annotations

import datetime
import secrets

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy import orm
from werkzeug.security import check_password_hash, generate_password_hash

from flask_accrue import Billable, clock

from .database import db

ROLES = ("owner", "admin", "member")
_NO_PASSWORD = generate_password_hash(secrets.token_urlsafe())


class User(UserMixin, db.Model):
    """Somebody who can log in. ``is_operator`` opens the back office of the whole demo."""

    __tablename__ = "users"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(100))
    email: orm.Mapped[str] = orm.mapped_column(sa.String(254), unique=True)
    password_hash: orm.Mapped[str] = orm.mapped_column(sa.String(255))
    is_operator: orm.Mapped[bool] = orm.mapped_column(default=False)
    joined_at: orm.Mapped[datetime.datetime] = orm.mapped_column(
        sa.DateTime(timezone=True), default=clock.now
    )

    memberships: orm.Mapped[list[Membership]] = orm.relationship(
        back_populates="user", order_by="Membership.joined_at, Membership.organization_id"
    )

    def set_password(self, password: str) -> None:
        """Keep a salted hash of the password."""
        self.password_hash = generate_password_hash(password)

    @classmethod
    def with_password(cls, email: str, password: str) -> User | None:
        """Return the user whose e-mail and password these are, or ``None``.

        An unknown address takes as long as a wrong password, so that nobody learns who has an account.
        """
        user = db.session.scalar(sa.select(cls).where(cls.email == email.strip().lower()))
        matches = check_password_hash(user.password_hash if user else _NO_PASSWORD, password)
        return user if user is not None and matches else None


class Organization(Billable, db.Model):
    """A team, or one person's own place. It is what pays."""

    __tablename__ = "organizations"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(100))
    #: Where receipts go; Accrue reads it as ``billing_email``.
    email: orm.Mapped[str] = orm.mapped_column(sa.String(254))
    #: The site whose visitors are counted.
    domain: orm.Mapped[str] = orm.mapped_column(sa.String(253))
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(
        sa.DateTime(timezone=True), default=clock.now
    )

    memberships: orm.Mapped[list[Membership]] = orm.relationship(
        back_populates="organization", order_by="Membership.joined_at, Membership.user_id"
    )
    invitations: orm.Mapped[list[Invitation]] = orm.relationship(
        back_populates="organization", order_by="Invitation.created_at"
    )


class Membership(db.Model):
    """A user's place in an organization."""

    __tablename__ = "memberships"
    __table_args__ = (sa.CheckConstraint(f"role IN {ROLES}", name="role_is_known"),)

    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("users.id"), primary_key=True)
    organization_id: orm.Mapped[int] = orm.mapped_column(
        sa.ForeignKey("organizations.id"), primary_key=True, index=True
    )
    role: orm.Mapped[str] = orm.mapped_column(sa.String(10))
    joined_at: orm.Mapped[datetime.datetime] = orm.mapped_column(
        sa.DateTime(timezone=True), default=clock.now
    )

    user: orm.Mapped[User] = orm.relationship(back_populates="memberships")
    organization: orm.Mapped[Organization] = orm.relationship(back_populates="memberships")

    @property
    def is_owner(self) -> bool:
        """Whether this member can't be removed by others."""
        return self.role == "owner"

    @property
    def may_manage(self) -> bool:
        """Whether this member may change billing and invite people."""
        return self.role in ("owner", "admin")


class Invitation(db.Model):
    """A link that makes whoever opens it, once logged in, a member. It works once."""

    __tablename__ = "invitations"

    token: orm.Mapped[str] = orm.mapped_column(
        sa.String(43), primary_key=True, default=secrets.token_urlsafe
    )
    organization_id: orm.Mapped[int] = orm.mapped_column(
        sa.ForeignKey("organizations.id"), index=True
    )
    email: orm.Mapped[str] = orm.mapped_column(sa.String(254))
    role: orm.Mapped[str] = orm.mapped_column(sa.String(10))
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(
        sa.DateTime(timezone=True), default=clock.now
    )

    organization: orm.Mapped[Organization] = orm.relationship(back_populates="invitations")


def sign_up(name: str, email: str, password: str) -> User:
    """Add a user with an organization of their own, in the caller's transaction."""
    email = email.strip().lower()
    user = User(name=name.strip(), email=email)
    user.set_password(password)
    add_organization(f"{user.name}'s workspace", user, domain=user.name)
    return user


def add_organization(name: str, owner: User, domain: str | None = None) -> Organization:
    """Add an organization that belongs to ``owner``, in the caller's transaction."""
    domain = domain or name
    if "." not in domain:
        words = "".join(each if each.isalnum() else " " for each in domain.lower()).split()
        domain = f"{'-'.join(words) or 'site'}.example"
    organization = Organization(name=name, email=owner.email, domain=domain)
    db.session.add(Membership(user=owner, organization=organization, role="owner"))
    return organization
