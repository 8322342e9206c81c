"""Other people's accounts, which a platform charges for and pays: ``from flask_accrue import connect``.

Accounts, charges that are shared with them and transfers to them are the platform's own. Inside
``with connect.account("acct_…"):`` everything in :mod:`flask_accrue.billing` is done for that account, with
customers of its own.
"""

from __future__ import annotations

from ..account_scope import account, current_account
from .accounts import (
    create_account,
    fetch_account,
    get_account,
    list_accounts,
    reject_account,
    update_account,
)
from .charges import (
    SeparateCharge,
    destination_charge,
    direct_charge,
    separate_charge_and_transfer,
)
from .fees import platform_fee
from .links import Link, account_link, login_link
from .transfers import list_transfers, reverse_transfer, transfer

__all__ = [
    "Link",
    "SeparateCharge",
    "account",
    "account_link",
    "create_account",
    "current_account",
    "destination_charge",
    "direct_charge",
    "fetch_account",
    "get_account",
    "list_accounts",
    "list_transfers",
    "login_link",
    "platform_fee",
    "reject_account",
    "reverse_transfer",
    "separate_charge_and_transfer",
    "transfer",
    "update_account",
]
