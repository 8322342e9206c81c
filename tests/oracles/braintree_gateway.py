"""The memory of the Braintree stand-in: customers, payment methods and plans."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from typing import Any

from tests.oracles.server_clock import ServerClock

Row = dict[str, Any]

BASIC_PLAN: Row = {
    "id": "basic",
    "name": "Basic",
    "price": "10.00",
    "currency_iso_code": "USD",
    "billing_frequency": 1,
    "trial_period": False,
    "number_of_billing_cycles": None,
    "add_ons": [],
    "discounts": [],
}
NAMES = ("first_name", "last_name", "company", "email", "phone", "website")


class NotFound(Exception):
    """Answered with a 404."""


class Refused(Exception):
    """Answered with a 422: an error of one attribute, or a declined transaction.

    :param path: the object that the attribute belongs to, from the outside in.
    """

    def __init__(
        self,
        message: str,
        *,
        path: tuple[str, ...] = (),
        attribute: str = "base",
        code: str = "",
        params: Row | None = None,
        transaction: Row | None = None,
    ) -> None:
        super().__init__(message)
        errors: Row = {"errors": []}
        node = errors
        for part in path:
            node = node.setdefault(part, {"errors": []})
        if path:
            node["errors"].append({"code": code, "attribute": attribute, "message": message})
        body: Row = {"errors": errors, "params": params or {}, "message": message}
        if transaction is not None:
            body["transaction"] = transaction
        self.body = {"api_error_response": body}


class Vault:
    """What the gateway knows of customers, their payment methods and the plans."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clock = ServerClock()
        self.reset()

    def reset(self) -> None:
        """Forget everything but the one plan."""
        self._numbers = itertools.count(1)
        self.customers: dict[str, Row] = {}
        self.cards: dict[str, Row] = {}
        self.subscriptions: dict[str, Row] = {}
        self.transactions: dict[str, Row] = {}
        self.plans = {"basic": dict(BASIC_PLAN)}
        self.clock.set(None)

    def set_plans(self, plans: list[Row]) -> None:
        """Replace the plans; what a plan doesn't say is as in the basic one."""
        self.plans = {
            plan["id"]: {**BASIC_PLAN, "price": "0.00", "name": plan["id"], **plan}
            for plan in plans
        }

    def now(self) -> dt.datetime:
        """Return the gateway's time, UTC without a zone, as its XML has it."""
        moment = dt.datetime.fromtimestamp(self.clock.now(), dt.UTC)
        return moment.replace(tzinfo=None, microsecond=0)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"

    def customer(self, verb: str, key: str | None, params: Row, action: str | None) -> Row | None:
        """Answer a request about customers."""
        if verb == "POST":
            return self._customer_answer(self._create_customer(params))
        customer = find(self.customers, key)
        if verb == "DELETE":
            del self.customers[customer["id"]]
            for card in self._cards_of(customer["id"]):
                self._delete_card(card["token"])
            return None
        if verb == "PUT":
            changes = {name: value for name, value in params.items() if name in NAMES}
            customer.update(changes, updated_at=self.now())
            if params.get("payment_method_nonce"):
                self.add_card(params["payment_method_nonce"], customer["id"])
        return self._customer_answer(customer)

    def _create_customer(self, params: Row) -> Row:
        customer_id = params.get("id") or self.new_id("cust")
        if customer_id in self.customers:
            raise Refused(
                "Customer ID has already been taken.",
                path=("customer",),
                attribute="id",
                code="91609",
                params=params,
            )
        if params.get("payment_method_nonce"):
            self.add_card(params["payment_method_nonce"], customer_id)
        self.customers[customer_id] = {
            "id": customer_id,
            **{name: params.get(name) for name in NAMES},
            "custom_fields": params.get("custom_fields") or {},
            "created_at": self.now(),
            "updated_at": self.now(),
            "addresses": [],
        }
        return self.customers[customer_id]

    def _customer_answer(self, customer: Row) -> Row:
        return {"customer": {**customer, "credit_cards": self._cards_of(customer["id"])}}

    def _cards_of(self, customer_id: str) -> list[Row]:
        return [card for card in self.cards.values() if card["customer_id"] == customer_id]

    def add_card(self, nonce: str, customer_id: str, *, make_default: bool = True) -> Row:
        """Keep the card of a nonce; a refused or used one is a validation error."""
        if nonce.startswith("fake-processor-declined"):
            path = ("customer", "credit_card")
            raise Refused("Do Not Honor", path=path, attribute="payment_method_nonce", code="81703")
        if nonce == "fake-consumed-nonce":
            raise Refused(
                "Cannot use a payment_method_nonce more than once.",
                path=("credit_card",),
                attribute="payment_method_nonce",
                code="93107",
            )
        others = self._cards_of(customer_id)
        if make_default:
            for other in others:
                other["default"] = False
        token = self.new_id("card")
        self.cards[token] = {
            "token": token,
            "bin": "411111",
            "last_4": "1111",
            "card_type": "Visa",
            "expiration_month": "12",
            "expiration_year": "2034",
            "customer_id": customer_id,
            "default": make_default or not others,
            "expired": False,
            "customer_location": "US",
            "cardholder_name": None,
            "image_url": "https://example.invalid/visa.png",
            "unique_number_identifier": "uni",
            "created_at": self.now(),
            "updated_at": self.now(),
            "subscriptions": [],
            "verifications": [],
        }
        return self.cards[token]

    def payment_method(
        self, verb: str, key: str | None, params: Row, action: str | None
    ) -> Row | None:
        """Answer a request about payment methods, which all are cards here."""
        options = params.get("options") or {}
        if verb == "POST":
            customer = find(self.customers, params["customer_id"])
            default = bool(options.get("make_default", False))
            nonce = params["payment_method_nonce"]
            return {"credit_card": self.add_card(nonce, customer["id"], make_default=default)}
        card = find(self.cards, key)
        if verb == "DELETE":
            self._delete_card(card["token"])
            return None
        if verb == "PUT":
            card.update({name: value for name, value in params.items() if name in card})
            card["updated_at"] = self.now()
            if options.get("make_default"):
                for other in self._cards_of(card["customer_id"]):
                    other["default"] = other is card
        return {"credit_card": card}

    def _delete_card(self, token: str) -> None:
        """Forget a card; as at Braintree, its subscriptions are canceled with it."""
        del self.cards[token]
        for subscription in self.subscriptions.values():
            if subscription["payment_method_token"] == token:
                subscription.update(status="Canceled", updated_at=self.now())


def find(table: dict[str, Row], key: str | None) -> Row:
    """Return a row.

    :raises NotFound: for an id that the table doesn't have.
    """
    if key is None or key not in table:
        raise NotFound
    return table[key]
