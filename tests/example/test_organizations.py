from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from example.database import db
from example.models import Invitation, Membership, Organization

if TYPE_CHECKING:
    import flask

    from .conftest import Visitor


def organization_of(app: flask.Flask, name: str) -> int:
    with app.app_context():
        found = db.session.scalar(
            sa.select(Organization.id).where(Organization.name == f"{name}'s workspace")
        )
        assert found is not None
        return found


def join(app: flask.Flask, name: str, user_id: int, role: str) -> int:
    """Make a user a member of another's organization."""
    organization = organization_of(app, name)
    with app.app_context():
        db.session.add(Membership(user_id=user_id, organization_id=organization, role=role))
        db.session.commit()
    return organization


def test_another_organization_is_a_404(app: flask.Flask, visitor: Visitor, other: Visitor) -> None:
    visitor.sign_up("Mara")
    other.sign_up("Ole")
    hers = organization_of(app, "Mara")
    assert other.post(f"/organizations/{hers}/activate").status_code == 404
    assert other.post("/organizations/999/activate").status_code == 404
    assert "Ole&#39;s workspace" in other.get("/settings/billing").text


def test_a_member_works_for_the_organization_that_they_chose(
    app: flask.Flask, visitor: Visitor, other: Visitor
) -> None:
    visitor.sign_up("Mara")
    hers = join(app, "Mara", other.sign_up("Ole").id, "member")
    other.post(f"/organizations/{hers}/activate")
    assert "invoices of Mara&#39;s workspace" in other.get("/settings/billing").text


def test_membership_is_checked_on_every_request(
    app: flask.Flask, visitor: Visitor, other: Visitor
) -> None:
    visitor.sign_up("Mara")
    user = other.sign_up("Ole")
    hers = join(app, "Mara", user.id, "admin")
    other.post(f"/organizations/{hers}/activate")
    visitor.post(f"/team/members/{user.id}/remove")
    assert "invoices of Ole&#39;s workspace" in other.get("/settings/billing").text


@pytest.mark.parametrize("path", ["plan", "seats", "cancel", "resume", "pay", "cards"])
def test_a_plain_member_may_look_at_billing_but_not_change_it(
    app: flask.Flask, visitor: Visitor, other: Visitor, path: str
) -> None:
    visitor.sign_up("Mara")
    hers = join(app, "Mara", other.sign_up("Ole").id, "member")
    other.post(f"/organizations/{hers}/activate")
    page = other.get("/settings/billing")
    assert page.status_code == 200
    assert "Only owners and admins change the plan." in page.text
    answer = other.post(f"/settings/billing/{path}", plan="pro", token="tok_visa", seats="2")
    assert answer.status_code == 403


def test_the_owner_stays(app: flask.Flask, visitor: Visitor, other: Visitor) -> None:
    owner = visitor.sign_up("Mara")
    hers = join(app, "Mara", other.sign_up("Ole").id, "admin")
    other.post(f"/organizations/{hers}/activate")
    assert "be removed" in other.post(f"/team/members/{owner.id}/remove").text
    assert "Mara&#39;s workspace" in visitor.get("/settings/billing").text


def test_nobody_is_invited_beyond_the_seats(app: flask.Flask, visitor: Visitor) -> None:
    visitor.sign_up("Mara")
    answer = visitor.post("/team", email="ole@example.com", role="member")
    assert "Every seat is taken." in answer.text
    with app.app_context():
        assert db.session.scalar(sa.select(Invitation)) is None


def test_an_invitation_works_once(app: flask.Flask, visitor: Visitor, other: Visitor) -> None:
    visitor.sign_up("Mara")
    visitor.post("/settings/billing/cards", token="tok_visa")
    visitor.post("/settings/billing/plan", plan="team")
    visitor.post("/settings/billing/seats", seats="2")
    visitor.post("/team", email="ole@example.com", role="member")
    with app.app_context():
        token = db.session.scalars(sa.select(Invitation.token)).one()
    other.sign_up("Ole")
    assert "Welcome to Mara" in other.post(f"/join/{token}").text
    assert other.get(f"/join/{token}").status_code == 404


def test_another_organizations_invitation_is_a_404(
    app: flask.Flask, visitor: Visitor, other: Visitor
) -> None:
    visitor.sign_up("Mara")
    hers = organization_of(app, "Mara")
    with app.app_context():
        db.session.add(
            Invitation(token="hers", organization_id=hers, email="x@example.com", role="member")
        )
        db.session.commit()
    other.sign_up("Ole")
    assert other.post("/team/invitations/hers/withdraw").status_code == 404
    assert visitor.post("/team/invitations/hers/withdraw").status_code == 200
