"""Usage of two installations that share an account at the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing
from flask_accrue.jobs import run_periodic
from flask_accrue.metering.dead_letters import retry
from flask_accrue.metering.refusals import mark_refused
from flask_accrue.origins import Actor, Origin
from flask_accrue.processors import RefusedUsage
from flask_accrue.unit_of_work import write
from tests.host import kit, org, running_host
from tests.metering.conftest import metered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from tests.host import Organization
    from tests.metering.conftest import Metered

__all__ = ["kit", "metered", "org"]


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """Give a host that has a name where others bill in the same account."""
    with running_host(database_url, ACCRUE_INSTALLATION="staging") as (app, _, _):
        yield app


def sent(metered: Metered) -> list[str]:
    """Return the identifiers that the processor has."""
    with metered.kit.fake._engine.store.connection() as store:
        return [name for (name,) in store.execute("SELECT identifier FROM usage ORDER BY position")]


@pytest.mark.only("sqlite")
def test_usage_is_the_installation_s_own_and_found_again_when_it_s_refused(
    metered: Metered, org: Organization
) -> None:
    for identifier in ("batch:1", "b" * 93):
        billing.report_usage(org, "api_calls", 3, identifier=identifier)
    rows = {row.identifier: row for row in metered.rows()}
    short, long = rows["batch:1"], rows["b" * 93]
    assert sent(metered) == ["staging:batch:1", f"usage:{long.id}:0"]

    refused = [RefusedUsage("staging:batch:1", "Too late.")]
    marked = write(
        lambda uow: mark_refused(uow, "fake", None, refused), origin=Origin(Actor("system"))
    )
    assert marked == [short.id]
    [failed] = [row for row in metered.rows() if row.state == "failed"]
    assert (failed.identifier, failed.last_error) == ("batch:1", "Too late.")
    assert retry([failed.id], Actor("system")) == 1
    assert run_periodic("report_usage") == 1
    assert sent(metered)[-1] == f"usage:{failed.id}:1"
    assert {row.state for row in metered.rows()} == {"reported"}
