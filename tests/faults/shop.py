"""A host that bills with Stripe, and what there is at both of them."""

from __future__ import annotations

import collections
import typing as t

import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.ledger import verify
from flask_accrue.processors.stripe import StripeProcessor
from flask_accrue.state import current_state
from tests.host import Organization

if t.TYPE_CHECKING:
    from tests.faults.operation_table import Operation
    from tests.oracles.stripe_server import ContractServer

#: What we call otherwise than Stripe does.
NAMES: t.Final = {"account": "connect_account"}


class Shop:
    """An organization with a card, and Stripe as the contract server plays it.

    :ivar account: the connected account whose customer the organization is; ``None``: the platform's.
    """

    def __init__(
        self, org: Organization, server: ContractServer, account: str | None = None
    ) -> None:
        self.org = org
        self.server = server
        self.account = account

    @property
    def payer(self) -> models.Customer:
        """The organization's customer."""
        return self.only(models.Customer)

    @property
    def subscription(self) -> models.Subscription:
        """The organization's subscription."""
        return self.only(models.Subscription)

    def card(self, last4: str = "4242") -> models.PaymentMethod:
        """Return the card, attached or not any more, that ends so."""
        card = models.PaymentMethod
        return current_state().db.session.scalars(sa.select(card).filter_by(last4=last4)).one()

    def again(self) -> Shop:
        """Return the same, its organization read anew."""
        session = current_state().db.session
        return Shop(session.get_one(Organization, 1), self.server, self.account)

    def prime(self, obj: dict[str, t.Any]) -> None:
        """Put an object into Stripe, where the organization is a customer."""
        self.server.prime(obj, self.account)

    def newcomer(self) -> Organization:
        """Return another organization, without a customer until it's given one."""
        session = current_state().db.session
        found = session.get(Organization, 2) or Organization(id=2, name="Globex")
        session.add(found)
        session.commit()
        return found

    def only(self, model: type[t.Any]) -> t.Any:
        """Return the one row of a model."""
        return current_state().db.session.scalars(sa.select(model)).one()

    def line(self) -> str:
        """Return the id of what the draft was given as its first line, there or not any more."""
        made = next(each for each in self.server.requests if each.path == "/v1/invoiceitems")
        assert made.returned is not None
        return str(made.returned[1])

    def told(self) -> list[str]:
        """Return the types of the ledger's entries, the oldest first."""
        entry = models.LedgerEntry
        return list(current_state().db.session.scalars(sa.select(entry.type).order_by(entry.id)))

    def objects(self) -> collections.Counter[str]:
        """Count the objects of each kind at Stripe, by our names of them."""
        return collections.Counter(
            NAMES.get(each["object"], str(each["object"]).replace(".", "_"))
            for store in self.server.objects().values()
            for each in store
        )

    def rows(self) -> collections.Counter[str]:
        """Count the rows of each kind."""
        session = current_state().db.session
        return collections.Counter(
            {
                kind: session.scalar(sa.select(sa.func.count()).select_from(model)) or 0
                for kind, model in models.MIRRORED.items()
            }
        )

    def give_up_at_once(self, *, retries: int = 0, timeout: float = 5.0) -> None:
        """Let the app give up at the first failure, or after so many more tries at once."""
        stripe = StripeProcessor(
            "sk_test_oracle",
            api_base=self.server.url,
            retries=retries,
            retry_delay=0.0,
            timeout=timeout,
        )
        t.cast("dict[str, t.Any]", current_state().processors)["stripe"] = stripe


class Before:
    """What there is before an operation, to say afterwards what it has done."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.objects, self.rows, self.told = shop.objects(), shop.rows(), shop.told()

    def check_done(self, operation: Operation) -> None:
        """Check that the operation was done once."""
        more = collections.Counter(operation.makes)
        there = collections.Counter(self.objects)
        there.update(operation.beside)
        assert self.shop.objects() == +there + more
        assert +self.shop.rows() == +(self.rows + more)
        assert self.shop.told() == [*self.told, *operation.tells]
        assert verify().findings == []

    def check_untouched(self) -> None:
        """Check that nothing was done at all."""
        assert (self.shop.objects(), self.shop.rows()) == (self.objects, self.rows)
        assert self.shop.told() == self.told


@pytest.fixture
def shop(payer: models.Customer, org: Organization, stripe_server: ContractServer) -> Shop:
    """Give the host whose organization has a card."""
    return Shop(org, stripe_server)
