"""What one answer holds, gathered from a call's reply and from what has to be read after it.

By then Stripe has done what it was asked, so nothing that goes wrong here may pass for a refusal: whoever
asks again with the same key is given the same answer, and a further look.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import datetime
import logging
import typing as t

from ...clock import real_now
from ...errors import InvalidRequest, NotFound, ProcessorError, ProcessorUnavailable
from .. import objects
from ..answers import Answer, Reference
from . import fetching, fields, reading
from .api import Api, Reply, segment
from .bodies import Raw, without_secrets

logger = logging.getLogger(__name__)

#: What a payment intent is asked for with: its charge, and what that cost.
INTENT_EXPANDED: t.Final = ("latest_charge.balance_transaction",)


class Gathering:
    """The objects of one answer, in the order in which they are put in.

    :ivar client_secret: of the last payment intent, or ``None``.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._objects: list[objects.ProcessorObject] = []
        self._times: list[datetime.datetime] = []
        self.client_secret: str | None = None

    def so_far(self) -> Answer | None:
        """Return what was gathered, if anything."""
        return self.answer() if self._objects else None

    def answer(self) -> Answer:
        """Return what was gathered; all of it was true at some moment from the first reply to the last."""
        return Answer(
            objects=tuple(self._objects),
            fresh_from=min(self._times),
            fresh_to=max(self._times),
            client_secret=self.client_secret,
        )

    def put(self, kind: str, raw: Raw, reply: Reply) -> objects.ProcessorObject:
        """Put in an object that a reply holds.

        :raises ProcessorUnavailable: when it isn't of that kind, or can't be read.
        """
        try:
            name = fields.identifier(raw)
            held = fetching.whole(self._api, kind, _narrowed(reply, raw), name, None)
            found = reading.read(without_secrets(held.body))
        except ProcessorError as error:
            raise unclear(error) from None
        if found is None or found.kind != kind:
            raise ProcessorUnavailable(f"Stripe answered with something else than a {kind}.")
        self._objects.append(found)
        self._times += (reply.fresh_from, reply.fresh_to, held.fresh_to)
        return found

    def put_intent(self, raw: Raw, reply: Reply) -> objects.ProcessorObject:
        """Put in a payment intent, then its charge if that was expanded, and note its secret."""
        charge, secret = taken_out(raw, "latest_charge"), raw.get("client_secret")
        intent = self.put("payment_intent", raw, reply)
        self.client_secret = secret if isinstance(secret, str) else None
        if charge is not None:
            self.put("charge", charge, reply)
        return intent

    def put_invoice(self, raw: Raw, reply: Reply) -> None:
        """Put in an invoice that came with its payments, then its payment intent and charge.

        These are lower than the four levels that Stripe expands, so they are read by a call of their own.
        Of an invoice that is paid nobody waits for them: where they can't be read, events tell of them.
        """
        subscription = taken_out(raw, "parent", "subscription_details", "subscription")
        invoice = t.cast(objects.Invoice, self.put("invoice", raw, reply))
        intent = _payment_intent(invoice)
        if intent is not None:
            nobody_waits = invoice.status == "paid"
            with if_possible() if nobody_waits else contextlib.nullcontext():
                self.read_intent(intent)
        if subscription is not None:
            self.put("subscription", subscription, reply)

    def read_intent(self, processor_id: str) -> None:
        """Put in a payment intent and its charge as they stand, unless it's there already."""
        if any(each.processor_id == processor_id for each in self._objects):
            return
        path = f"/v1/payment_intents/{segment(processor_id)}"
        found = read(self._api, path, INTENT_EXPANDED)
        self.put_intent(found.body, found)


def alone(api: Api, kind: str, reply: Reply, path: str, *expanded: str) -> Answer:
    """Return the answer of a call that is about one object.

    :param path: where it's read, but for its id.
    :param expanded: what comes along.
    """
    gathering = Gathering(api)
    reply = current(api, reply, path, *expanded)
    gathering.put(kind, reply.body, reply)
    return gathering.answer()


def deleted(api: Api, path: str, of: Reference) -> Answer:
    """Delete an object, and answer that it's gone; that it was gone already is no error."""
    try:
        reply = api.delete(path, {})
        fresh_from, fresh_to = reply.fresh_from, reply.fresh_to
    except NotFound:
        fresh_from = fresh_to = real_now().replace(microsecond=0)
    return Answer(objects=(), fresh_from=fresh_from, fresh_to=fresh_to, gone=(of,))


def current(api: Api, reply: Reply, path: str, *expanded: str) -> Reply:
    """Return a call's reply, or how the object stands now where Stripe has only repeated itself.

    What it gives again for a key tells how things stood the first time, maybe hours ago.
    """
    if not reply.replayed:
        return reply
    try:
        return read(api, f"{path}/{segment(identifier(reply))}", expanded)
    except _Gone:
        return reply  # of a detached card, there is nothing newer to say


def read(api: Api, path: str, expanded: c.Sequence[str]) -> Reply:
    """Read an object after a call has changed something.

    :raises ProcessorUnavailable: when it can't be, for whatever reason.
    """
    try:
        return api.get(path, {"expand": list(expanded)} if expanded else {})
    except NotFound as error:
        raise _Gone(unclear(error).message) from None
    except ProcessorError as error:
        raise unclear(error) from None


@contextlib.contextmanager
def if_possible() -> c.Iterator[None]:
    """Do without what is only good to have where it can't be read; events tell of it, too."""
    try:
        yield
    except ProcessorError as error:
        logger.warning("accrue: an answer of Stripe's is told without a part of it: %s", error)


def identifier(reply: Reply) -> str:
    """Return the id of the object that a reply holds.

    :raises ProcessorUnavailable: when it has none.
    """
    try:
        return fields.identifier(reply.body)
    except InvalidRequest as error:
        raise unclear(error) from None


def unclear(error: ProcessorError) -> ProcessorUnavailable:
    """Return the error for a call that Stripe has answered, without its being clear with what."""
    return ProcessorUnavailable(
        f"Stripe did what it was asked, and how things stand since couldn't be read: {error}",
        request_id=error.request_id,
        http_status=error.http_status,
    )


def taken_out(raw: Raw, *path: str) -> Raw | None:
    """Take an expanded object out of another, which is left with its id; ``None``: it isn't there."""
    *holders, name = path
    for holder in holders:
        inner = raw.get(holder)
        if not isinstance(inner, dict):
            return None
        raw = inner
    found = raw.get(name)
    if not isinstance(found, dict):
        return None
    raw[name] = found.get("id")
    return found


class _Gone(ProcessorUnavailable):
    """What was to be read isn't there any more."""


def _narrowed(reply: Reply, raw: Raw) -> Reply:
    return Reply(raw, reply.fresh_from, reply.fresh_to)


def _payment_intent(invoice: objects.Invoice) -> str | None:
    """Return the payment that an invoice is, was or will be paid with, if it has one."""
    if invoice.payments is objects.UNSAID:
        return None
    made = [
        payment
        for payment in invoice.payments
        if payment.payment_intent is not None and payment.status != "canceled"
    ]
    made.sort(key=lambda payment: not payment.is_default)
    return made[0].payment_intent if made else None
