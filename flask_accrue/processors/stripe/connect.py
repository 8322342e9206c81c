"""Calls about connected accounts: the accounts, charges for them, and transfers to them."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ...errors import ProcessorError, ProcessorUnavailable
from .. import objects
from ..answers import Answer, Json
from ..contract import ConnectCalls
from . import fields
from .api import Api, Reply, segment
from .calls import StripeCalls
from .customers import check_known, emptied
from .gathering import INTENT_EXPANDED, Gathering, alone, taken_out, unclear
from .paying import INTENTS, ask_bank

_ACCOUNTS: t.Final = "/v1/accounts"
_LINKS: t.Final = "/v1/account_links"
_TRANSFERS: t.Final = "/v1/transfers"

#: A charge with what it cost, and with the transfer that it made.
_INTENT_EXPANDED: t.Final = (*INTENT_EXPANDED, "latest_charge.transfer")

_CHANGEABLE: t.Final = frozenset(
    "email business_type business_profile capabilities default_currency metadata".split()
)
_GIVEN: t.Final = _CHANGEABLE | {"type", "controller", "country"}


class StripeConnect(StripeCalls, ConnectCalls):
    """Calls about connected accounts: the accounts, charges for them, and transfers to them."""

    def create_connect_account(self, given: dict[str, Json], *, key: str) -> Answer:
        """Make an account.

        :raises InvalidRequest: for what an account isn't made with here.
        """
        api = self._changing
        check_known(given, _GIVEN, "connected account")
        asked = dict.fromkeys(given.get("capabilities") or (), True)
        wanted = {**given, "capabilities": _requested(asked)}
        reply = api.post(_ACCOUNTS, _said(wanted), key=key)
        return alone(api, "connect_account", reply, _ACCOUNTS)

    def update_connect_account(self, account: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change an account; ``None`` empties a field.

        :raises InvalidRequest: for a field that can't be changed here.
        """
        api = self._changing
        check_known(changes, _CHANGEABLE, "connected account")
        given: dict[str, Json] = {name: emptied(value) for name, value in changes.items()}
        if "capabilities" in changes:
            given["capabilities"] = _requested(changes["capabilities"])
        reply = api.post(f"{_ACCOUNTS}/{segment(account)}", given, key=key)
        return alone(api, "connect_account", reply, _ACCOUNTS)

    def reject_connect_account(self, account: str, *, reason: str, key: str) -> Answer:
        """Refuse to work for an account any longer."""
        api = self._changing
        reply = api.post(f"{_ACCOUNTS}/{segment(account)}/reject", {"reason": reason}, key=key)
        return alone(api, "connect_account", reply, _ACCOUNTS)

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
        """Make a link to Stripe's onboarding. It opens once."""
        given: dict[str, Json] = {
            "account": account,
            "type": type,
            "refresh_url": refresh_url,
            "return_url": return_url,
        }
        if collect is not None:
            given["collection_options"] = {"fields": collect}
        return _link(account, self._api.post(_LINKS, given, key=key))

    def create_login_link(self, account: str, *, key: str) -> Answer:
        """Make a link to an account's Express dashboard.

        :raises InvalidRequest: for an account with another dashboard, or whose onboarding isn't done.
        """
        path = f"{_ACCOUNTS}/{segment(account)}/login_links"
        return _link(account, self._api.post(path, {}, key=key))

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
        """Charge a card now for an account. The answer holds the payment intent, its charge if the bank was
        asked, and the transfer that the charge made.

        :raises CardError: when the bank refuses; ``answer`` holds the same.
        """
        given: dict[str, Json] = {
            "customer": customer,
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "description": description,
            "application_fee_amount": application_fee,
            "on_behalf_of": on_behalf_of,
            "transfer_group": transfer_group,
            "metadata": metadata,
            "confirm": True,
            # What the bank wants of the customer is for Stripe.js to do, on a page of ours.
            "use_stripe_sdk": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        if destination is not None:
            given["transfer_data"] = _said({"destination": destination, "amount": transfer_amount})
        return ask_bank(self._changing, INTENTS, given, key=key, expanded=_INTENT_EXPANDED)

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
        api = self._changing
        given: dict[str, Json] = {
            "destination": destination,
            "amount": amount,
            "currency": currency,
            "source_transaction": source_charge,
            "transfer_group": transfer_group,
            "description": description,
            "metadata": metadata,
        }
        return alone(api, "transfer", api.post(_TRANSFERS, given, key=key), _TRANSFERS)

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
        """Take back a part of a transfer, or all that is left. The answer holds the transfer."""
        api = self._changing
        path = f"{_TRANSFERS}/{segment(transfer)}"
        given: dict[str, Json] = {
            "amount": amount,
            "refund_application_fee": refund_application_fee,
            "description": description,
            "metadata": metadata,
        }
        reply = api.post(f"{path}/reversals", {**given, "expand": ["transfer"]}, key=key)
        gathering = Gathering(api)
        after = taken_out(reply.body, "transfer")
        if after is None or reply.replayed:
            return _read(api, path)
        gathering.put("transfer", after, reply)
        return gathering.answer()


def _read(api: Api, path: str) -> Answer:
    gathering = Gathering(api)
    try:
        found = api.get(path, {})
    except ProcessorError as error:
        raise unclear(error) from None
    gathering.put("transfer", found.body, found)
    return gathering.answer()


def _link(account: str, reply: Reply) -> Answer:
    url = reply.body.get("url")
    if not isinstance(url, str) or not url:
        raise ProcessorUnavailable("Stripe answered with something else than a link.")
    link = objects.AccountLink(
        processor_id=account,
        url=url,
        created=fields.moment(reply.body, "created"),
        expires_at=fields.moment(reply.body, "expires_at"),
    )
    return Answer(objects=(link,), fresh_from=reply.fresh_from, fresh_to=reply.fresh_to)


def _requested(capabilities: c.Mapping[str, bool]) -> dict[str, Json] | None:
    """Return capabilities as Stripe is asked for them, or to take them back."""
    asked = {name: {"requested": wanted} for name, wanted in capabilities.items()}
    return asked or None


def _said(given: c.Mapping[str, Json]) -> dict[str, Json]:
    """Return what is said at all: a nested ``None`` would be sent as an empty string."""
    return {name: value for name, value in given.items() if value is not None}
