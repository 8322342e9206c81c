"""Several apps that share an account: none takes another's customers for its own."""

from __future__ import annotations

import contextlib
import shutil
import typing as t

import pytest

from flask_accrue import billing
from flask_accrue.errors import IdempotencyConflict
from tests.host import Organization, running_host
from tests.processors.stripe.stripe_host import LEDGER_KEY

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.oracles.stripe_server import ContractServer

    Host = Callable[[str | None], contextlib.AbstractContextManager[Organization]]


@pytest.fixture
def host(database_url: str, stripe_server: ContractServer) -> Host:
    """Give what runs an installation with a database of its own, and its first organization."""
    empty = database_url.removeprefix("sqlite:///")

    @contextlib.contextmanager
    def run(installation: str | None) -> Iterator[Organization]:
        config: dict[str, t.Any] = {
            "ACCRUE_PROCESSOR": "stripe",
            "ACCRUE_STRIPE_SECRET_KEY": "sk_test_oracle",
            "ACCRUE_STRIPE_API_BASE": stripe_server.url,
            "ACCRUE_LEDGER_KEYS": [LEDGER_KEY],
        }
        if installation is not None:
            config["ACCRUE_INSTALLATION"] = installation
        file = shutil.copyfile(empty, f"{empty}.{installation}")
        with running_host(f"sqlite:///{file}", **config) as (app, db, _), app.app_context():
            org = Organization(name=f"Acme of {installation}")
            db.session.add(org)
            db.session.commit()
            yield org

    return run


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("second", ["staging", None])
def test_each_installation_makes_customers_of_its_own(
    host: Host, stripe_server: ContractServer, second: str | None
) -> None:
    made = []
    for name in ("live", second):
        with host(name) as org:
            assert billing.get_customer(org) is None
            row = billing.customer(org)
            assert billing.customer(org) is row
            made.append((row.processor_id, row.name))

    assert [name for _, name in made] == ["Acme of live", f"Acme of {second}"]
    assert len({id for id, _ in made}) == 2
    sent = stripe_server.requests_to("POST", "/v1/customers")
    marks = [each.params["metadata"].get("accrue_installation") for each in sent]
    assert marks == ["live", second]
    assert len({each.idempotency_key for each in sent}) == 2


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("second", ["staging", None])
def test_one_operation_id_in_two_installations_links_no_customer_of_the_other(
    host: Host, stripe_server: ContractServer, second: str | None
) -> None:
    with host("live") as org:
        billing.customer(org, operation_id="signup")

    with host(second) as org:
        stripe_server.queue_reset(method="POST", path="^/v1/customers$", acts=False)
        for _ in range(3):
            with pytest.raises(IdempotencyConflict):
                billing.customer(org, operation_id="signup")
            assert billing.get_customer(org) is None
