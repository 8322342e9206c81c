from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import session

from tests.host import Organization, kit, org, running_host
from tests.visitors import Visitor, give_log_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from flask_accrue.testing import Kit

__all__ = ["kit", "org"]


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """Give a host in which a user pays for the organization that has the same id."""
    listed = ["app.host.example"]
    with running_host(database_url, ACCRUE_ALLOWED_REDIRECT_HOSTS=listed) as (app, db, accrue):
        give_log_in(app)

        @accrue.owner_loader
        def owner() -> Organization | None:
            user_id = session.get("_user_id")
            return db.session.get(Organization, int(user_id)) if user_id else None

        yield app


@pytest.fixture
def payer(app: Flask, org: Organization) -> Visitor:
    """Give somebody who pays for the organization."""
    return Visitor(app, str(org.id))


@pytest.fixture
def stranger(app: Flask, kit: Kit) -> Visitor:
    """Give somebody who pays for another one."""
    organization = Organization(name="Zenith", email=None)
    kit.state.db.session.add(organization)
    kit.state.db.session.commit()
    return Visitor(app, str(organization.id))
