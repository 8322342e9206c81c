"""Calls about connected accounts: the accounts, charges for them, and transfers to them."""

from __future__ import annotations

from ....money import Money
from ...answers import Answer, Json
from ...contract import ConnectCalls
from .. import accounts, charging, payments, transfers
from .base import FakeCalls


class FakeConnect(FakeCalls, ConnectCalls):
    """Calls about connected accounts: the accounts, charges for them, and transfers to them."""

    def create_connect_account(self, given: dict[str, Json], *, key: str) -> Answer:
        """Make an account, which can do nothing yet."""
        return self._engine.call(
            "create_connect_account",
            key,
            {"given": given},
            lambda tx: [accounts.create(tx, given)],
        )

    def update_connect_account(self, account: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change an account."""
        return self._engine.call(
            "update_connect_account",
            key,
            {"account": account, "changes": changes},
            lambda tx: [accounts.update(tx, account, changes)],
        )

    def reject_connect_account(self, account: str, *, reason: str, key: str) -> Answer:
        """Turn an account away."""
        return self._engine.call(
            "reject_connect_account",
            key,
            {"account": account, "reason": reason},
            lambda tx: [accounts.reject(tx, account, reason)],
        )

    def create_account_link(
        self,
        account: str,
        *,
        type: str,
        refresh_url: str,
        return_url: str,
        collect: str | None,
        key: str,
    ) -> Answer:
        """Make a link that leads nowhere."""
        given: dict[str, Json] = {
            "type": type,
            "refresh_url": refresh_url,
            "return_url": return_url,
            "collect": collect,
        }
        return self._engine.call(
            "create_account_link",
            key,
            {"account": account, **given},
            lambda tx: [accounts.link(tx, account, type, (refresh_url, return_url))],
        )

    def create_login_link(self, account: str, *, key: str) -> Answer:
        """Make a link that leads nowhere, for an account with the Express dashboard."""
        return self._engine.call(
            "create_login_link",
            key,
            {"account": account},
            lambda tx: [accounts.login_link(tx, account)],
        )

    def create_connect_charge(
        self,
        customer: str,
        *,
        amount: int,
        currency: str,
        payment_method: str,
        description: str | None,
        destination: str | None,
        transfer_amount: int | None,
        application_fee: int | None,
        on_behalf_of: str | None,
        transfer_group: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Charge a card now; what it's shared into is moved once it has succeeded."""
        split: dict[str, Json] = {
            "destination": destination,
            "transfer_amount": transfer_amount,
            "application_fee": application_fee,
            "on_behalf_of": on_behalf_of,
            "transfer_group": transfer_group,
        }
        given: dict[str, Json] = {
            "customer": customer,
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "description": description,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_connect_charge",
            key,
            {**given, **split},
            lambda tx: charging.charge(
                tx,
                customer,
                Money(amount, currency),
                payment_method,
                payments.Terms(description=description, metadata=metadata),
                confirm=True,
                split=transfers.check_split(tx, amount, **split),
            ),
        )

    def create_transfer(
        self,
        destination: str,
        *,
        amount: int,
        currency: str,
        source_charge: str | None,
        transfer_group: str | None,
        description: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Move money to an account."""
        given: dict[str, Json] = {
            "destination": destination,
            "amount": amount,
            "currency": currency,
            "source_charge": source_charge,
            "transfer_group": transfer_group,
            "description": description,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_transfer", key, given, lambda tx: [transfers.create(tx, **given)]
        )

    def reverse_transfer(
        self,
        transfer: str,
        *,
        amount: int | None,
        refund_application_fee: bool,
        description: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Take back a part of a transfer, or all that is left."""
        given: dict[str, Json] = {
            "amount": amount,
            "refund_application_fee": refund_application_fee,
            "description": description,
            "metadata": metadata,
        }
        return self._engine.call(
            "reverse_transfer",
            key,
            {"transfer": transfer, **given},
            lambda tx: [transfers.reverse(tx, transfer, **given)],
        )
