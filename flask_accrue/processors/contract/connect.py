"""Calls about other people's accounts: the accounts, charges for them, and transfers to them.

All of them are the platform's own. What an account does itself are the other calls, made by the processor
that :meth:`~flask_accrue.processors.base.Processor.of_account` returns.
"""

from __future__ import annotations

from ..answers import Answer, Json
from ..capabilities import Capability
from .base import Calls


class ConnectCalls(Calls):
    """Calls about other people's accounts."""

    def create_connect_account(self, given: dict[str, Json], *, key: str) -> Answer:
        """Make an account.

        ``given`` may hold ``type`` or ``controller``, ``country``, ``email``, ``business_type``,
        ``business_profile``, ``capabilities`` (a list of those that are asked for), ``default_currency``
        and ``metadata``.
        """
        self._unsupported(Capability.CONNECT)

    def update_connect_account(self, account: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change ``email``, ``business_type``, ``business_profile``, ``capabilities`` (by name, whether each
        is asked for), ``default_currency`` or ``metadata`` of an account."""
        self._unsupported(Capability.CONNECT)

    def reject_connect_account(self, account: str, *, reason: str, key: str) -> Answer:
        """Refuse to work for an account any longer."""
        self._unsupported(Capability.CONNECT)

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
        """Make a link to the pages where an account tells what is missing of it."""
        self._unsupported(Capability.CONNECT)

    def create_login_link(self, account: str, *, key: str) -> Answer:
        """Make a link to the pages where an account sees its own money."""
        self._unsupported(Capability.CONNECT)

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
        """Charge a card now for an account; the answer holds what a charge's does, then the transfer that it
        made, if any.

        :param destination: the account that gets it, less ``application_fee``, or of which it gets
            ``transfer_amount``; ``None``: nobody gets any of it by this.
        :param on_behalf_of: the account in whose name, and country, it's charged.
        :raises CardError: when the bank refuses; ``answer`` then holds the intent and the charge.
        """
        self._unsupported(Capability.CONNECT)

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
        """Move money to an account: of a charge, once that is available, or of the platform's balance."""
        self._unsupported(Capability.CONNECT)

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
        """Take back a part of a transfer, or with ``None`` all that is left; the answer holds the
        transfer."""
        self._unsupported(Capability.CONNECT)
