"""A page is asked for while the one before it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import models, telemetry
from flask_accrue.processors.stripe import api

if TYPE_CHECKING:
    from tests.sync.account import Account


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 2)


def pages(account: Account) -> list[str | None]:
    """Return after whom each page of customers was asked for."""
    asked = account.server.requests_to("GET", "/v1/customers")
    return [each.params.get("starting_after") for each in asked]


def test_the_next_page_is_on_its_way_while_one_is_written(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.prime_customers(5)
    first, second = (account.server.hold(path="/v1/customers$") for _ in range(2))
    first.release()

    def look(reached: str) -> None:
        if reached == "write.before_commit":
            # Asked for one after another, the second would come only after this.
            second.wait_for_arrival()
            second.release()

    monkeypatch.setattr(telemetry, "_observers", [look])
    account.sync("customers")
    assert pages(account) == [None, "cus_4", "cus_2"]
    assert account.count(models.Customer) == 5


def test_a_page_that_failed_on_its_way_is_asked_for_again_when_it_is_wanted(
    account: Account,
) -> None:
    account.prime_customers(5)
    first = account.server.hold(path="/v1/customers$")
    first.release()
    account.server.queue_answer(429, path="/v1/customers$", headers={"Retry-After": "7"})
    account.sync("customers")
    assert account.waited == [7.0]
    assert pages(account) == [None, "cus_4", "cus_4", "cus_2"]
    assert account.count(models.Customer) == 5
