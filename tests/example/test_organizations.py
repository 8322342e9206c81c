from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from example.database import db
from example.models import Invitation, Membership, Organization
from flask_accrue import billing
from flask_accrue.plans import Limit
from tests.example.conftest import PASSWORD, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import flask
    from werkzeug.test import TestResponse

    Post = Callable[[], TestResponse]


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


def team_of(app: flask.Flask, name: str, seats: int) -> Visitor:
    """Give somebody a Team plan with that many seats."""
    visitor = Visitor(app.test_client())
    visitor.sign_up(name)
    visitor.post("/settings/billing/cards", token="tok_visa")
    visitor.post("/settings/billing/plan", plan="team")
    visitor.post("/settings/billing/seats", seats=str(seats))
    return visitor


@contextlib.contextmanager
def meanwhile(act: Post, answers: list[TestResponse]) -> Iterator[None]:
    """Let ``act`` begin when the request inside has counted the seats and is about to fill one.

    It may have to wait for that request, so it's given a second to show that it doesn't.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        begun: list[concurrent.futures.Future[TestResponse]] = []

        def begin(session: Any, *_: Any) -> None:
            fills = any(isinstance(each, Invitation | Membership) for each in session.new)
            if fills and not begun:
                begun.append(threads.submit(act))
                concurrent.futures.wait(begun, timeout=1)

        sa.event.listen(db.session, "before_flush", begin)
        try:
            yield
        finally:
            sa.event.remove(db.session, "before_flush", begin)
        answers += [each.result() for each in begun]


def test_two_invitations_at_once_take_one_seat(app_on_either: flask.Flask) -> None:
    visitor = team_of(app_on_either, "Mara", 2)
    twin = Visitor(app_on_either.test_client())
    twin.post("/login", email="mara@example.com", password=PASSWORD)
    answers: list[TestResponse] = []
    with meanwhile(lambda: twin.post("/team", email="b@example.com", role="member"), answers):
        answers.append(visitor.post("/team", email="a@example.com", role="member"))
    assert [answer.status_code for answer in answers] == [200, 200]
    told = [("Every seat is taken." in each.text, "works once." in each.text) for each in answers]
    assert sorted(told) == [(False, True), (True, False)]
    with app_on_either.app_context():
        assert len(db.session.scalars(sa.select(Invitation)).all()) == 1


def test_an_invitation_that_two_open_at_once_makes_one_member(app_on_either: flask.Flask) -> None:
    visitor = team_of(app_on_either, "Mara", 3)
    visitor.post("/team", email="ole@example.com", role="member")
    with app_on_either.app_context():
        token = db.session.scalars(sa.select(Invitation.token)).one()
    people = [Visitor(app_on_either.test_client()) for _ in range(2)]
    for person, name in zip(people, ("Ole", "Ida"), strict=True):
        person.sign_up(name)
    answers: list[TestResponse] = []
    with meanwhile(lambda: people[1].post(f"/join/{token}"), answers):
        answers.append(people[0].post(f"/join/{token}"))
    assert sorted(answer.status_code for answer in answers) == [200, 404]
    hers = organization_of(app_on_either, "Mara")
    with app_on_either.app_context():
        members = sa.select(Membership).where(Membership.organization_id == hers)
        assert len(db.session.scalars(members).all()) == 2


def test_two_who_join_at_once_take_the_last_seat_once(app_on_either: flask.Flask) -> None:
    visitor = team_of(app_on_either, "Mara", 3)
    people = [Visitor(app_on_either.test_client()) for _ in range(2)]
    for person, name in zip(people, ("Ole", "Ida"), strict=True):
        visitor.post("/team", email=f"{name.lower()}@example.com", role="member")
        person.sign_up(name)
    hers = organization_of(app_on_either, "Mara")
    with app_on_either.app_context():
        # In the portal or the back office nobody knows of invitations.
        subscription = billing.subscription(db.session.get_one(Organization, hers))
        billing.update_quantity(subscription, 2, proration="none")
        tokens = db.session.scalars(sa.select(Invitation.token)).all()
    answers: list[TestResponse] = []
    with meanwhile(lambda: people[1].post(f"/join/{tokens[1]}"), answers):
        answers.append(people[0].post(f"/join/{tokens[0]}"))
    told = sorted("Every seat there is taken." in each.text for each in answers)
    assert told == [False, True]
    with app_on_either.app_context():
        members = sa.select(Membership).where(Membership.organization_id == hers)
        assert len(db.session.scalars(members).all()) == 2


def test_a_plan_without_a_limit_has_a_seat_for_everybody(
    app: flask.Flask, visitor: Visitor
) -> None:
    state = app.extensions["accrue"]
    held = state.settings.entitlements
    unlimited = dataclasses.replace(held.plans["pro"], limits={"seats": Limit(max=None)})
    entitlements = dataclasses.replace(held, plans={**held.plans, "pro": unlimited})
    state.settings = dataclasses.replace(state.settings, entitlements=entitlements)
    visitor.sign_up("Mara")
    visitor.post("/settings/billing/cards", token="tok_visa")
    visitor.post("/settings/billing/plan", plan="pro")
    for name in ("a", "b", "c"):
        answer = visitor.post("/team", email=f"{name}@example.com", role="member")
        assert "works once." in answer.text
    assert "Seats: 4, and as many more as you like." in visitor.get("/team").text


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
