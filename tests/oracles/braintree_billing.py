"""The billing of the Braintree stand-in: subscriptions, transactions and searches.

No money is computed except the price of a subscription. Amounts from 2000.00 to 2999.99 are
declined by the processor with that code, as in the sandbox. Nothing renews by itself.
"""

from __future__ import annotations

import base64
import calendar
import datetime as dt
import json
from decimal import Decimal
from typing import NamedTuple

from tests.oracles.braintree_gateway import NotFound, Refused, Row, Vault, find

ACTIONS = {
    "void": "voided",
    "submit_for_settlement": "submitted_for_settlement",
    "settle": "settled",
    "settlement_decline": "settlement_declined",
}
PAGE_SIZE = 50


class SearchPage(NamedTuple):
    """Rows found by a search, which are written without a list's type."""

    name: str
    row_name: str
    rows: list[Row]


class Gateway(Vault):
    """Everything that a request may be about."""

    def route(self, verb: str, path: str, tree: Row) -> Row | SearchPage | None:
        """Answer a request to a path below the merchant's.

        :raises NotFound: for an unknown path or id.
        :raises Refused: for what the gateway refuses.
        """
        kind, *rest = path.split("/")
        if kind == "client_token":
            return client_token()
        if kind == "plans":
            plans = list(self.plans.values())
            return {"plan": find(self.plans, rest[0])} if rest else {"plans": plans}
        tables = {
            "customers": (self.customers, self.customer),
            "subscriptions": (self.subscriptions, self.subscription),
            "transactions": (self.transactions, self.transaction),
            "payment_methods": (self.cards, self.payment_method),
        }
        if kind not in tables:
            raise NotFound
        table, answer = tables[kind]
        if rest and rest[0].startswith("advanced_search"):
            wanted = tree.get("search") or {}
            rows = [row for row in table.values() if fits(row, wanted)]
            if rest[0] == "advanced_search_ids":
                ids = [row["id"] for row in rows]
                return {"search_results": {"page_size": PAGE_SIZE, "ids": ids}}
            name = "credit_card_transactions" if kind == "transactions" else kind
            return SearchPage(name, kind[:-1], rows)
        rest = rest[1:] if rest[:1] == ["any"] else rest
        key, action = [*rest, None, None][:2]
        params = next((value for value in tree.values() if isinstance(value, dict)), {})
        return answer(verb, key, params, action)

    def subscription(
        self, verb: str, key: str | None, params: Row, action: str | None
    ) -> Row | None:
        """Answer a request about subscriptions."""
        if verb == "POST":
            return {"subscription": self._subscribe(params)}
        subscription = find(self.subscriptions, key)
        if verb == "PUT" and subscription["status"] == "Canceled":
            again = action == "cancel"
            raise Refused(
                f"Subscription {'has already been canceled' if again else 'is canceled'}.",
                path=("subscription",),
                attribute="status" if again else "base",
                code="81905" if again else "81901",
            )
        if action == "cancel":
            subscription.update(status="Canceled", updated_at=self.now())
        elif action == "make_past_due":
            price = subscription["price"]
            subscription.update(status="Past Due", days_past_due=1, balance=price)
        elif verb == "PUT":
            self._update(subscription, params)
        return {"subscription": subscription}

    def _subscribe(self, params: Row) -> Row:
        plan = self.plans.get(params.get("plan_id", ""))
        if plan is None:
            raise unknown_plan(params)
        token = params.get("payment_method_token")
        if token not in self.cards and not params.get("payment_method_nonce"):
            raise Refused(
                "Payment method token is invalid.",
                path=("subscription",),
                attribute="payment_method_token",
                code="91903",
                params=params,
            )
        subscription_id = params.get("id") or self.new_id("sub")
        if subscription_id in self.subscriptions:
            message = "Subscription ID is already in use."
            raise Refused(message, path=("subscription",), attribute="id", code="81902")
        trial = bool(params.get("trial_period", plan.get("trial_period", False)))
        days = params.get("trial_duration") or plan.get("trial_duration") or 0
        start = self.now().date() + dt.timedelta(days=days if trial else 0)
        renewal = months_later(start, plan["billing_frequency"])
        last_day = None if trial else renewal - dt.timedelta(days=1)
        price = str(params.get("price") or plan["price"])
        status = {"status": "Active", "balance": "0.00", "price": price}
        source = {"user": "api", "subscription_source": "api"}
        first = {"amount": price, "payment_method_token": token}
        self.subscriptions[subscription_id] = {
            "id": subscription_id,
            "plan_id": plan["id"],
            "payment_method_token": token,
            **status,
            "next_billing_period_amount": price,
            "merchant_account_id": "default",
            "first_billing_date": start,
            "next_billing_date": start if trial else renewal,
            "billing_period_start_date": None if trial else start,
            "billing_period_end_date": last_day,
            "paid_through_date": last_day,
            "billing_day_of_month": start.day,
            "current_billing_cycle": 0 if trial else 1,
            "days_past_due": None,
            "failure_count": 0,
            "never_expires": True,
            "number_of_billing_cycles": None,
            "trial_period": trial,
            "trial_duration": days if trial else None,
            "trial_duration_unit": "day" if trial else None,
            "add_ons": [],
            "discounts": [],
            "created_at": self.now(),
            "updated_at": self.now(),
            "status_history": [{"timestamp": self.now(), **status, **source}],
            "transactions": [] if trial else [self.charge(first, subscription_id)],
        }
        return self.subscriptions[subscription_id]

    def _update(self, subscription: Row, params: Row) -> None:
        if params.get("plan_id"):
            plan = self.plans.get(params["plan_id"])
            if plan is None:
                raise unknown_plan(params)
            subscription["price"] = str(params.get("price") or plan["price"])
        fixed = ("id", "add_ons", "discounts")
        changes = {name: value for name, value in params.items() if name in subscription}
        subscription.update({name: changes[name] for name in changes if name not in fixed})
        price = str(subscription["price"])
        subscription.update(price=price, next_billing_period_amount=price, updated_at=self.now())

    def charge(self, params: Row, subscription_id: str | None = None) -> Row:
        """Make a transaction, declined where its amount says so."""
        amount = Decimal(str(params["amount"]))
        text, declined = f"{amount:.2f}", Decimal(2000) <= amount < Decimal(3000)
        options = params.get("options") or {}
        card = self.cards.get(params.get("payment_method_token") or "")
        if declined:
            status = "processor_declined"
        elif subscription_id or options.get("submit_for_settlement"):
            status = "submitted_for_settlement"
        else:
            status = "authorized"
        history = {"timestamp": self.now(), "status": status, "amount": text, "user": "api"}
        transaction_id = self.new_id("txn")
        self.transactions[transaction_id] = {
            "id": transaction_id,
            "type": params.get("type", "sale"),
            "amount": text,
            "currency_iso_code": "USD",
            "status": status,
            "order_id": params.get("order_id"),
            "merchant_account_id": "default",
            "subscription_id": subscription_id,
            "plan_id": None,
            "refunded_transaction_id": params.get("refunded"),
            "refund_ids": [],
            "tax_amount": None,
            "custom_fields": params.get("custom_fields") or {},
            "processor_response_code": str(int(amount)) if declined else "1000",
            "processor_response_text": "Do Not Honor" if declined else "Approved",
            "processor_response_type": "soft_declined" if declined else "approved",
            "gateway_rejection_reason": None,
            "payment_instrument_type": "credit_card",
            "credit_card": card or {"token": None, "last_4": "1111", "card_type": "Visa"},
            "customer": {"id": params.get("customer_id") or (card or {}).get("customer_id")},
            "created_at": self.now(),
            "updated_at": self.now(),
            "status_history": [{**history, "transaction_source": "api"}],
            "add_ons": [],
            "discounts": [],
            "disputes": [],
        }
        return self.transactions[transaction_id]

    def transaction(
        self, verb: str, key: str | None, params: Row, action: str | None
    ) -> Row | None:
        """Answer a request about transactions."""
        if verb == "POST" and action is None:
            if not params.get("amount"):
                raise refused_transaction("Amount is required.", "81502", "amount", params)
            made = self.charge(params, params.get("subscription_id"))
            if made["status"] == "processor_declined":
                raise Refused("Do Not Honor", transaction=made, params=params)
            return {"transaction": made}
        transaction = find(self.transactions, key)
        if action == "refund":
            return {"transaction": self._refund(transaction, params)}
        if action == "void" and transaction["status"] in ("settled", "voided"):
            raise refused_transaction(
                "Transaction can only be voided if status is authorized, submitted_for_settlement, "
                "or settlement_pending.",
                "91504",
            )
        if action in ACTIONS:
            transaction.update(status=ACTIONS[action], updated_at=self.now())
        return {"transaction": transaction}

    def _refund(self, transaction: Row, params: Row) -> Row:
        if transaction["status"] not in ("settled", "settling"):
            message = "Cannot refund a transaction unless it is settled."
            raise refused_transaction(message, "91506")
        amount = Decimal(str(params.get("amount") or transaction["amount"]))
        earlier = [Decimal(self.transactions[key]["amount"]) for key in transaction["refund_ids"]]
        if amount + sum(earlier) > Decimal(transaction["amount"]):
            raise refused_transaction("Refund amount is too large.", "91521", "amount")
        options = {"submit_for_settlement": True}
        wanted = {"amount": amount, "type": "credit", "refunded": transaction["id"]}
        refund = self.charge({**wanted, "options": options})
        transaction["refund_ids"].append(refund["id"])
        return refund


def months_later(day: dt.date, months: int) -> dt.date:
    """Return the same day some months later, or that month's last one."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def unknown_plan(params: Row) -> Refused:
    return Refused(
        "Plan ID is invalid.",
        path=("subscription",),
        attribute="plan_id",
        code="91904",
        params=params,
    )


def refused_transaction(
    message: str, code: str, attribute: str = "base", params: Row | None = None
) -> Refused:
    path = ("transaction",)
    return Refused(message, path=path, attribute=attribute, code=code, params=params)


def client_token() -> Row:
    token = {
        "version": 2,
        "environment": "development",
        "authorizationFingerprint": "fingerprint",
        "clientApiUrl": "http://127.0.0.1",
    }
    return {"client_token": {"value": base64.b64encode(json.dumps(token).encode()).decode()}}


def fits(row: Row, wanted: Row) -> bool:
    """Tell whether a row is one that a search asks for."""
    for name, wish in wanted.items():
        value = row.get("id" if name == "ids" else name, "")
        if isinstance(wish, list):
            if value not in wish:
                return False
        elif isinstance(wish, dict) and not all(
            compare(str(value), operator, text) for operator, text in wish.items()
        ):
            return False
    return True


def compare(value: str, operator: str, wish: str) -> bool:
    match operator:
        case "is":
            return value == wish
        case "is_not":
            return value != wish
        case "contains":
            return wish in value
        case "starts_with":
            return value.startswith(wish)
        case "ends_with":
            return value.endswith(wish)
    return True
