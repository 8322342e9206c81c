"""A run that is killed, turned away or taken over goes on where it was."""

from __future__ import annotations

import datetime
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import models, telemetry
from flask_accrue.clock import real_now
from flask_accrue.errors import InvalidRequest, InvalidState, NotFound, ProcessorUnavailable
from flask_accrue.ledger import verify
from flask_accrue.processors.stripe import StripeProcessor, api
from flask_accrue.sync import belongings
from tests.faults.victim import in_a_fork

if TYPE_CHECKING:
    from tests.sync.account import Account


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pages of a tenth of what they hold, so that few customers make several."""
    monkeypatch.setattr(api, "PAGE", 10)
    monkeypatch.setattr(belongings, "_CUSTOMERS", 2)


def die_at_page(account: Account, number: int, moment: str) -> int:
    """Run in a forked process that is killed; return how it ended."""
    account.db.session.remove()

    def run() -> None:
        pages = 0

        def look(reached: str) -> None:
            nonlocal pages
            pages += reached == "sync.page"
            if pages == number and reached == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        telemetry.observe(look)
        with account.app.app_context():
            account.sync()

    return in_a_fork(account.db, run)


@pytest.mark.parametrize(
    # The first page of customers is the sixth; then come two of customers, seven of cards.
    ("page", "moment"),
    [(6, "sync.page"), (6, "write.before_commit"), (10, "write.locked"), (16, "write.committed")],
)
def test_a_run_that_was_killed_goes_on_where_it_was(
    account: Account, page: int, moment: str
) -> None:
    numbers = range(1, 14)
    account.own(*numbers)
    account.prime_rest()
    for number in numbers:
        account.prime(number)
    assert die_at_page(account, page, moment) == -signal.SIGKILL
    here = account.count(models.Customer)
    assert here == (10 if page == 6 else 13)

    report = account.sync()

    assert report.resumed
    lists = account.server.requests_to("GET", "/v1/[a-z_]+")
    first = [each.path for each in lists if "starting_after" not in each.params]
    further = [each.path for each in lists if "starting_after" in each.params]
    # What was done isn't asked for again, but for the one page that it died over, or that was on its way.
    assert (first.count("/v1/products"), first.count("/v1/prices")) == (1, 2)
    assert first.count("/v1/customers") == 1
    again = {(6, "sync.page"): (0, 1), (6, "write.before_commit"): (1,)}.get((page, moment), (0,))
    assert further.count("/v1/customers") - 1 in again
    assert first.count("/v1/subscriptions") == further.count("/v1/subscriptions") == 1
    assert account.count(models.Customer) == account.count(models.Charge) == 13
    counts = {kind: each.get("created") for kind, each in report.counts.items()}
    assert counts["customer"] == counts["payment_method"] == counts["charge"] == 13
    assert verify().findings == []
    whole = account.sync()
    assert not whole.resumed
    assert whole.is_clean


def test_a_run_that_is_asked_for_anew_begins_at_the_beginning(account: Account) -> None:
    account.own(1)
    account.prime_rest()
    account.prime(1)
    account.app.extensions["accrue"].processors["stripe"] = StripeProcessor(
        "sk_test_x", api_base=account.server.url, retries=0
    )
    # As often as the run asks for it.
    account.server.queue_answer(500, path="/v1/invoices", times=8)
    with pytest.raises(ProcessorUnavailable):
        account.sync()
    report = account.sync(anew=True)

    assert not report.resumed
    assert report.counts["product"] == {"seen": 1, "unchanged": 1}
    assert not account.sync().resumed


def test_a_run_that_was_interrupted_days_ago_is_not_gone_on_with(account: Account) -> None:
    account.own(1, 2)
    account.prime_rest()
    account.prime(1)
    account.app.extensions["accrue"].processors["stripe"] = StripeProcessor(
        "sk_test_x", api_base=account.server.url, retries=0
    )
    account.server.queue_answer(500, path="/v1/subscriptions$", times=8)
    with pytest.raises(ProcessorUnavailable):
        account.sync()
    runs: Any = models.SyncRun.__table__
    old = real_now() - datetime.timedelta(hours=25)
    account.db.session.execute(sa.update(runs).values(updated_at=old))
    account.db.session.commit()
    # Who came since is on a page that had been gone through.
    account.prime(2)

    report = account.sync()

    assert not report.resumed
    assert report.counts["subscription"] == {"seen": 2, "created": 2}
    states = account.db.session.scalars(sa.select(models.SyncRun.state).order_by(runs.c.created_at))
    assert states.all() == ["abandoned", "finished"]


def test_a_run_waits_as_long_as_it_is_told_when_it_is_turned_away(account: Account) -> None:
    account.own(1)
    account.prime(1)
    account.server.queue_answer(
        429, path="/v1/subscriptions", headers={"Retry-After": "7"}, times=2
    )
    account.sync()
    assert account.waited == [7.0, 7.0]
    assert account.count(models.Subscription) == 1


def test_a_run_that_another_process_took_over_ends(account: Account) -> None:
    account.own(1, 2)
    account.prime(1)
    account.prime(2)
    taken = []

    def take_over(number: int) -> None:
        session = account.db.session
        [row] = session.scalars(account.db.select(models.SyncRun))
        row.token = row.id
        session.commit()
        taken.append(number)

    account.server.queue_answer(429, path="/v1/subscriptions", headers={"Retry-After": "7"})
    account.waited = taken  # type: ignore[assignment]
    account.wait = take_over  # type: ignore[attr-defined]
    with pytest.raises(InvalidState, match="Another process carries on"):
        account.sync()
    assert account.count(models.Subscription) == 0


@pytest.mark.parametrize("number", [13, 1])
def test_what_cannot_be_read_ends_the_run_with_its_name(account: Account, number: int) -> None:
    account.prime_customers(13)
    account.change(f"cus_{number}", balance="many")

    for _ in range(2):
        with pytest.raises(InvalidRequest, match=f"customer cus_{number}: `balance` should be"):
            account.sync("customers")

    assert account.count(models.Customer) == (10 if number == 1 else 0)
    account.change(f"cus_{number}", balance=0)
    assert account.sync("customers").resumed is (number == 1)
    assert account.count(models.Customer) == 13


def test_a_page_that_is_refused_each_time_ends_the_run(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.prime_customers(13)
    asked: list[str | None] = []
    whole = StripeProcessor.page

    def page(self: StripeProcessor, kind: str, **given: Any) -> Any:
        asked.append(given.get("after"))
        assert len(asked) < 9
        if given.get("after") is not None:
            raise NotFound("No such customer: 'cus_4'", param="starting_after")
        return whole(self, kind, **given)

    monkeypatch.setattr(StripeProcessor, "page", page)
    with pytest.raises(NotFound, match="cus_4"):
        account.sync("customers")
    assert asked.count("0:cus_4") == 2


def test_the_object_to_go_on_after_may_be_gone(account: Account) -> None:
    account.prime_customers(13)

    assert die_at_page(account, 1 + 5, "sync.page") == -signal.SIGKILL
    account.delete("customer", "cus_4")
    account.sync()
    assert account.count(models.Customer) == 13
