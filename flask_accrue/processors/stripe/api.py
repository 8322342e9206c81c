"""Calls of Stripe's API: plain JSON in and out, and how fresh an answer is."""

from __future__ import annotations

import collections.abc as c
import copy
import dataclasses
import datetime
import email.utils
import hashlib
import math
import re
import time
import typing as t
import urllib.parse

import stripe

from ...clock import UTC, real_now
from ...errors import (
    AccrueError,
    AuthenticationError,
    CardError,
    InvalidRequest,
    ProcessorUnavailable,
    RateLimited,
)
from ..answers import Answer
from ..objects import PaymentIntent
from . import fields, reading, refusals, versions
from .bodies import Raw, decode, may_hold_secrets, without_secrets
from .transport import Transport

#: Rows of a list that one call brings; Stripe gives no more.
PAGE: t.Final = 100
#: After how many rows of a page it's tried to begin the next one, while they're gone.
_CURSORS: t.Final = 3

# How far this machine's clock may be off, for an answer that doesn't tell Stripe's time.
_LEEWAY: t.Final = datetime.timedelta(minutes=5)
# What a header can hold. Stripe takes keys of up to 255 characters.
_KEY = re.compile(r"[!-~]{1,255}")

Params: t.TypeAlias = c.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Reply:
    """What a call brought.

    It was true at some moment from ``fresh_from`` to ``fresh_to``, in Stripe's time.

    :ivar replayed: Stripe gave again what it had answered this key before, as things stood then.
    :ivar may_hold_secrets: whether what is kept of it has to be looked through for secrets.
    """

    body: Raw = dataclasses.field(repr=False)
    fresh_from: datetime.datetime
    fresh_to: datetime.datetime
    replayed: bool = False
    may_hold_secrets: bool = True

    def with_rows(self, name: str, rows: list[Raw], until: datetime.datetime) -> Reply:
        """Return the reply with a whole list in place of one that was cut off."""
        held = {**self.body[name], "data": rows, "has_more": False}
        body = {**self.body, name: held}
        return dataclasses.replace(self, body=body, fresh_to=until, may_hold_secrets=True)


class Api:
    """The one client of an app, with a connection pool a thread.

    Network errors, conflicts and 5xx are tried again by the SDK, with the same idempotency key; what Stripe
    turns away because there are too many calls isn't, for it says when to come back.

    :param timeout: seconds that a call may take, all its tries included.
    :param retries: how often a call is tried again.
    :param retry_delay: seconds before each further try; ``None``: as the SDK has it.
    """

    def __init__(
        self,
        key: str,
        *,
        base: str | None,
        timeout: float,
        retries: int,
        retry_delay: float | None = None,
    ) -> None:
        self._transport = Transport(longest=timeout, delay=retry_delay)
        self._timeout = timeout
        self.account: str | None = None
        self._ends: float | None = None
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": base.rstrip("/")} if base else {},
            stripe_version=versions.PINNED,
            max_network_retries=retries,
            http_client=self._transport,
        )

    def of_account(self, account: str | None) -> Api:
        """Return the same client, whose calls are made for a connected account; ``None``: the own one."""
        other = copy.copy(self)
        other.account = account
        return other

    def in_one_time(self) -> Api:
        """Return the same client, all of whose calls together take about as long as one may."""
        other = copy.copy(self)
        other._ends = time.monotonic() + self._timeout
        return other

    def get(self, path: str, params: Params, *, account: str | None = None) -> Reply:
        """Read an object or a list.

        :param path: with its ids made safe by :func:`segment`.
        :param account: the connected account whose it is, or ``None``.
        :raises ProcessorError: when Stripe refuses or can't be reached.
        """
        return self._call("get", path, params, account)

    def post(self, path: str, params: Params, *, key: str, account: str | None = None) -> Reply:
        """Make or change an object, once for each key.

        :raises ProcessorError: as :meth:`get`. When it wasn't the first try that was turned away, what
            became of the ones before isn't known, and the error says so.
        """
        return self._call("post", path, params, account, key=key)

    def ask(self, path: str, params: Params) -> Reply:
        """Ask what would be, which Stripe wants as a POST although nothing is made or changed by it.

        :raises ProcessorError: as :meth:`get`.
        """
        return self._call("post", path, params, None)

    def delete(self, path: str, params: Params, *, account: str | None = None) -> Reply:
        """End an object. Stripe takes no key for that: a second time there is nothing left to end.

        :raises ProcessorError: as :meth:`post`.
        """
        return self._call("delete", path, params, account)

    def pages(
        self,
        path: str,
        params: Params,
        *,
        account: str | None = None,
        after: str | None = None,
    ) -> c.Iterator[tuple[list[Raw], Reply]]:
        """Yield the rows of each page of a list, and the reply that they came in.

        The row after which a page begins may be gone by then. Then it begins after the one before that, so
        that no row is left out and none comes twice.

        :param after: the id of the row after which the first page begins.
        :raises NotFound: when that row is gone.
        :raises ProcessorUnavailable: when too many rows of a page are gone before the next one is asked for.
        """
        page = self._page_after(path, params, account, after)
        while True:
            found = fields.rows(page.body, "data") or []
            yield found, page
            if not found or not fields.flag(page.body, "has_more"):
                return
            page = self._next_page(path, params, account, found)

    def _next_page(self, path: str, params: Params, account: str | None, rows: list[Raw]) -> Reply:
        for row in rows[: -_CURSORS - 1 : -1]:
            try:
                return self._page_after(path, params, account, fields.identifier(row))
            except InvalidRequest as error:
                # Stripe says of it what it says of an object that isn't there, and whoever asked for the list
                # would take it for theirs.
                if error.param != "starting_after":
                    raise
        raise ProcessorUnavailable("A list at Stripe changed while it was read.")

    def _page_after(
        self, path: str, params: Params, account: str | None, after: str | None
    ) -> Reply:
        cursor = {} if after is None else {"starting_after": after}
        return self.get(path, {**params, "limit": PAGE, **cursor}, account=account)

    def list_all(
        self, path: str, params: Params, *, account: str | None = None
    ) -> tuple[list[Raw], datetime.datetime]:
        """Return all rows of a list, and until when the last page of them was true."""
        pages = list(self.pages(path, params, account=account))
        return [row for rows, _ in pages for row in rows], pages[-1][1].fresh_to

    def _call(
        self, method: str, path: str, params: Params, account: str | None, key: str | None = None
    ) -> Reply:
        options: dict[str, str] = {}
        if account or self.account:
            options["stripe_account"] = t.cast(str, account or self.account)
        if key is not None:
            options["idempotency_key"] = _header(key)
        self._transport.end_by(self._ends)
        began = time.monotonic()
        try:
            payload, code, headers = self._send(method, path, params, options)
        except stripe.StripeError as error:
            raise self._refusal(method, error, time.monotonic() - began) from None
        except (AttributeError, TypeError):
            # The SDK takes any JSON with an "error" for its API's, and trips over a proxy's.
            raise ProcessorUnavailable("Stripe's answer isn't as its API writes it.") from None
        took = time.monotonic() - began
        try:
            body = decode(payload)
        except InvalidRequest:
            raise ProcessorUnavailable(
                "Stripe's answer isn't JSON as its API writes it.",
                request_id=headers.get("Request-Id"),
                http_status=code,
            ) from None
        return Reply(
            body,
            *interval(headers.get("Date"), took),
            replayed=headers.get("Idempotent-Replayed") == "true",
            may_hold_secrets=may_hold_secrets(payload),
        )

    def _send(
        self, method: str, path: str, params: Params, options: dict[str, str]
    ) -> tuple[bytes, int, c.Mapping[str, str]]:
        """Send by the SDK, and return what came.

        Not by its ``raw_request``: that parses the whole answer in a way of its own, which costs more than
        all that's read of it here, and takes parameters called ``usage`` or ``base`` for its own.
        """
        requestor: t.Any = self._client._requestor
        mode = "V2" if path.startswith("/v2/") else "V1"
        payload, code, headers = requestor.request_raw(
            method,
            path,
            params=dict(params),
            options=options,
            base_address="api",
            api_mode=mode,
            usage=["raw_request"],
        )
        if not 200 <= code < 300:
            requestor._interpret_response(payload, code, headers, mode)
        return payload, code, headers

    def _refusal(self, method: str, error: stripe.StripeError, took: float) -> AccrueError:
        refusal = refusals.translated(error)
        if isinstance(refusal, CardError):
            refusal.answer = _failed_payment(error, took)
        tried_before = method != "get" and self._transport.tries > 1
        if tried_before and isinstance(refusal, RateLimited | AuthenticationError):
            return ProcessorUnavailable(
                f"Stripe didn't answer, and when it was asked again, it said: {refusal}",
                request_id=refusal.request_id,
                http_status=refusal.http_status,
            )
        return refusal


def _failed_payment(error: stripe.StripeError, took: float) -> Answer | None:
    """Return the payment intent that a refusal tells of, if it does."""
    intent = refusals.said(error).get("payment_intent")
    if not isinstance(intent, dict):
        return None
    try:
        found = reading.read(without_secrets(intent))
    except InvalidRequest:
        return None
    if not isinstance(found, PaymentIntent):
        return None
    fresh_from, fresh_to = interval((error.headers or {}).get("Date"), took)
    return Answer(objects=(found,), fresh_from=fresh_from, fresh_to=fresh_to)


def _header(key: str) -> str:
    """Return an idempotency key as a header can carry it: an operation's id may be of any letters."""
    if _KEY.fullmatch(key):
        return key
    return "accrue_" + hashlib.sha256(key.encode(errors="replace")).hexdigest()


def segment(processor_id: str) -> str:
    """Return an id as a segment of a path, so that it can't lead anywhere else.

    :raises InvalidRequest: for what can't be an id.
    """
    if not processor_id.strip(".") or len(processor_id) > 255:
        raise InvalidRequest("This can't be an id at Stripe.", param="processor_id")
    return urllib.parse.quote(processor_id, safe="")


def interval(date: str | None, took: float) -> tuple[datetime.datetime, datetime.datetime]:
    """Return when an answer was true: from its ``Date`` less the call's duration to its ``Date``.

    ``Date`` says in whole seconds when the answer left, and the object was read at some moment of the call.

    :param took: the call's duration in seconds.
    """
    duration = datetime.timedelta(seconds=math.ceil(took))
    try:
        left = email.utils.parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError:
        now = real_now().replace(microsecond=0)
        return now - duration - _LEEWAY, now + _LEEWAY
    return left - duration, left
