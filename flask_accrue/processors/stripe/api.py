"""Calls of Stripe's API: plain JSON in and out, and how fresh an answer is."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import email.utils
import math
import time
import typing as t
import urllib.parse

import stripe

from ...clock import UTC, real_now
from ...errors import InvalidRequest, ProcessorUnavailable
from . import fields, versions
from .bodies import Raw, decode
from .refusals import translated

#: Rows of a list that one call brings; Stripe gives no more.
PAGE: t.Final = 100

# How far this machine's clock may be off, for an answer that doesn't tell Stripe's time.
_LEEWAY: t.Final = datetime.timedelta(minutes=5)


@dataclasses.dataclass(frozen=True)
class Reply:
    """What a call brought.

    It was true at some moment from ``fresh_from`` to ``fresh_to``, in Stripe's time.
    """

    body: Raw = dataclasses.field(repr=False)
    fresh_from: datetime.datetime
    fresh_to: datetime.datetime

    def with_rows(self, name: str, rows: list[Raw], until: datetime.datetime) -> Reply:
        """Return the reply with a whole list in place of one that was cut off."""
        held = {**self.body[name], "data": rows, "has_more": False}
        return dataclasses.replace(self, body={**self.body, name: held}, fresh_to=until)


class Api:
    """The one client of an app, with a connection pool a thread.

    Network errors, conflicts and 5xx are tried again by the SDK, with the same idempotency key.

    :param timeout: seconds to connect, and seconds between two bytes of an answer, of each try.
    :param retries: how often a call is tried again.
    """

    def __init__(self, key: str, *, base: str | None, timeout: float, retries: int) -> None:
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": base.rstrip("/")} if base else {},
            stripe_version=versions.PINNED,
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout),
        )

    def get(self, path: str, params: c.Mapping[str, t.Any], *, account: str | None = None) -> Reply:
        """Read an object or a list.

        :param path: with its ids made safe by :func:`segment`.
        :param account: the connected account whose it is, or ``None``.
        :raises ProcessorError: when Stripe refuses or can't be reached.
        """
        options = {"stripe_account": account} if account else {}
        began = time.monotonic()
        try:
            response = self._client.raw_request("get", path, **params, **options)
        except stripe.StripeError as error:
            raise translated(error) from None
        except (AttributeError, TypeError):
            # The SDK takes any JSON with an "error" for its API's, and trips over a proxy's.
            raise ProcessorUnavailable("Stripe's answer isn't as its API writes it.") from None
        took = time.monotonic() - began
        try:
            body = decode(response.body)
        except InvalidRequest:
            raise ProcessorUnavailable(
                "Stripe's answer isn't JSON as its API writes it.",
                request_id=response.request_id,
                http_status=response.code,
            ) from None
        return Reply(body, *interval(response.headers.get("Date"), took))

    def list_all(
        self, path: str, params: c.Mapping[str, t.Any], *, account: str | None = None
    ) -> tuple[list[Raw], datetime.datetime]:
        """Return all rows of a list, and until when the last page of them was true."""
        rows: list[Raw] = []
        after: dict[str, str] = {}
        while True:
            page = self.get(path, {**params, "limit": PAGE, **after}, account=account)
            found = fields.rows(page.body, "data") or []
            rows += found
            if not found or not fields.flag(page.body, "has_more"):
                return rows, page.fresh_to
            after = {"starting_after": fields.identifier(found[-1])}


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
