"""Everything that Accrue raises.

::

    AccrueError
    ├── ConfigError                 settings are wrong; lists every problem at once
    ├── SignatureError              a webhook isn't from the processor
    ├── LedgerImmutable             somebody tried to change the ledger
    ├── StaleRecord                 the row was changed since it was read
    ├── InvalidState                the command isn't legal now
    │   ├── NotAttached             the card belongs to nobody, or to another customer
    │   ├── NoDefaultPaymentMethod  a charge needs a card and there is none
    │   └── MultiItemSubscription   the item has to be named
    ├── UnsupportedByProcessor      the processor can't do this at all
    ├── DiscountMappingInvalid      a local code has no discount at the processor
    ├── IdempotencyConflict         one operation id, two different requests
    ├── OperationInProgress         the same operation runs elsewhere at this moment
    ├── OperationUnknown            what the processor did can't be found out by a machine
    ├── ActionRequired              the customer must confirm the payment
    └── ProcessorError              the processor refused or failed
        ├── CardError               the bank said no
        ├── InvalidRequest          the processor refused the arguments
        │   └── NotFound            the processor has no such object
        ├── AuthenticationError     the processor refused the key
        ├── RateLimited             too many calls
        └── ProcessorUnavailable    no answer, or a 5xx: the outcome is unknown

Each has a ``code`` that never changes with the wording. No message holds a secret, a card number
or a payload.
"""

from __future__ import annotations

import typing as t


class AccrueError(Exception):
    """The root of all errors here."""

    code = "accrue_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class ConfigError(AccrueError):
    """Settings are missing or wrong; ``problems`` has one sentence for each of them."""

    code = "config_invalid"

    def __init__(self, problems: str | t.Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (
            (problems,) if isinstance(problems, str) else tuple(problems)
        )
        if len(self.problems) == 1:
            message = self.problems[0]
        else:
            listed = "\n".join(
                f"  {number}. {line}" for number, line in enumerate(self.problems, 1)
            )
            message = f"Accrue's configuration has {len(self.problems)} problems:\n{listed}"
        super().__init__(message)


class SignatureError(AccrueError):
    """A webhook's signature is missing, wrong or too old."""

    code = "signature_invalid"


class LedgerImmutable(AccrueError):
    """The ledger can only be appended to."""

    code = "ledger_immutable"


class StaleRecord(AccrueError):
    """The row was changed by somebody else since the caller read it."""

    code = "stale_record"


class InvalidState(AccrueError):
    """The command isn't legal for the row as it is now."""

    code = "invalid_state"


class NotAttached(InvalidState):
    """The payment method doesn't belong to this customer."""

    code = "not_attached"


class NoDefaultPaymentMethod(InvalidState):
    """A charge needs a card: none was named and the customer has no default."""

    code = "no_default_payment_method"


class MultiItemSubscription(InvalidState):
    """The subscription has several items, so the item has to be named."""

    code = "multi_item_subscription"


class UnsupportedByProcessor(AccrueError):
    """The processor can't do this; raised before any remote call."""

    code = "unsupported_by_processor"


class DiscountMappingInvalid(AccrueError):
    """A local code has no valid discount at the processor."""

    code = "discount_mapping_invalid"


class IdempotencyConflict(AccrueError):
    """The operation id was used before with other arguments."""

    code = "idempotency_conflict"


class OperationInProgress(AccrueError):
    """The same operation is being carried out elsewhere at this moment."""

    code = "operation_in_progress"


class OperationUnknown(AccrueError):
    """The processor's answer was lost and it's too late to ask again; a human has to look."""

    code = "operation_unknown"


class ActionRequired(AccrueError):
    """The customer has to confirm the payment; nothing was granted yet.

    :ivar row: the subscription, invoice or payment intent as it was stored.
    :ivar client_secret: what the processor's own JavaScript needs, or ``None``. Never stored.
    :ivar url: path of the mounted page where the customer can confirm, or ``None``.
    """

    code = "action_required"

    def __init__(
        self, message: str, *, row: t.Any, client_secret: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(message)
        self.row = row
        self.client_secret = client_secret
        self.url = url


class ProcessorError(AccrueError):
    """The processor refused or failed.

    :ivar request_id: the processor's own id of the request, for its support.
    :ivar http_status: what it answered, or ``None`` when it didn't.
    :ivar definite: whether the answer is final: asking again with the same key gives it again.
    :ivar answer: what the processor did all the same (a failed payment intent, say), as a
        :class:`~flask_accrue.processors.base.Answer`, or ``None``. It's mirrored like any other.
    """

    code = "processor_error"
    definite = True
    answer: t.Any = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        request_id: str | None = None,
        http_status: int | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.request_id = request_id
        self.http_status = http_status
        self.param = param


class CardError(ProcessorError):
    """The bank declined; ``decline_code`` says why, where the bank said it.

    :ivar row: the row that stands although the payment failed, or ``None``.
    """

    code = "card_declined"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        decline_code: str | None = None,
        request_id: str | None = None,
        http_status: int | None = 402,
        param: str | None = None,
        row: t.Any = None,
    ) -> None:
        super().__init__(
            message, code=code, request_id=request_id, http_status=http_status, param=param
        )
        self.decline_code = decline_code
        self.row = row


class InvalidRequest(ProcessorError):
    """The processor refused the arguments; ``param`` names the one, where it said so."""

    code = "invalid_request"


class NotFound(InvalidRequest):
    """The processor has no such object."""

    code = "resource_missing"


class AuthenticationError(ProcessorError):
    """The processor refused the key."""

    code = "authentication_failed"


class RateLimited(ProcessorError):
    """Too many calls, and nothing was done; ``retry_after`` is in seconds, or ``None``.

    A processor raises it for a first try alone. When it was turned away only on asking again, what became
    of the first isn't known: that is a :class:`ProcessorUnavailable`.
    """

    code = "rate_limited"

    def __init__(
        self, message: str, *, retry_after: float | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message, request_id=request_id, http_status=429)
        self.retry_after = retry_after


class ProcessorUnavailable(ProcessorError):
    """No answer, or a 5xx: whether the processor acted isn't known."""

    code = "processor_unavailable"
    definite = False
