"""What happens to a request: key, version, faults, parameters, idempotency, and then the answer."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from tests.oracles.http_listener import ConnectionDropped
from tests.oracles.stripe_backend import ApiCall, Backend
from tests.oracles.stripe_errors import StripeError
from tests.oracles.stripe_form import decode_form
from tests.oracles.stripe_idempotency import IdempotencyKeys, SavedAnswer
from tests.oracles.stripe_rules import PARAM_RULES
from tests.oracles.stripe_validation import check_params

if TYPE_CHECKING:
    import threading

    from tests.oracles.stripe_faults import Fault, FaultQueue

Json = dict[str, Any]

FORM = "application/x-www-form-urlencoded"
SECRET_KEY = re.compile(r"Bearer (?:sk|rk)_(test|live)_\w+|Basic \S+", re.ASCII)


@dataclasses.dataclass
class RecordedRequest:
    """One request, logged when it arrives and completed when it is answered.

    ``status`` stays None while it runs, and for one whose connection was reset.
    """

    at: float
    method: str
    path: str
    query: str
    body: str
    headers: dict[str, str]
    request_id: str
    operation: str | None = None
    ids: dict[str, str] = dataclasses.field(default_factory=dict)
    params: Json = dataclasses.field(default_factory=dict)
    status: int | None = None
    replayed: bool = False
    error: Json | None = None
    returned: tuple[str | None, str | None] = (None, None)

    @property
    def idempotency_key(self) -> str | None:
        return self.headers.get("Idempotency-Key")

    @property
    def account(self) -> str | None:
        """The connected account that the request is made for."""
        return self.headers.get("Stripe-Account")

    def as_json(self) -> Json:
        return dataclasses.asdict(self)


@dataclasses.dataclass
class Answer:
    """What goes back to the client."""

    status: int
    body: Json | str
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class RequestPipeline:
    """Take requests from the wire to the backend and back."""

    def __init__(
        self,
        backend: Backend,
        keys: IdempotencyKeys,
        faults: FaultQueue,
        closing: threading.Event,
        *,
        strict_version: bool,
    ) -> None:
        self._backend = backend
        self._keys = keys
        self._faults = faults
        self._closing = closing
        self._strict_version = strict_version

    def answer(self, request: RecordedRequest, authorization: str) -> Answer:
        """Return the answer to a request, completing its log entry.

        :raises StripeError: for what the API refuses.
        :raises ConnectionDropped: when the connection is to be reset.
        """
        if not SECRET_KEY.fullmatch(authorization):
            message = "Invalid API Key provided: a secret key such as sk_test_… is needed."
            raise StripeError(message, code="api_key_invalid", status=401)
        self._check_version(request)
        fault = self._faults.take(request.method, request.path)
        if fault.precedes_the_api:
            with contextlib.suppress(StripeError):
                self._read(request)  # only for the log: an outage hits wrong requests too
            return self._strike(fault, Answer(200, {}))
        call = self._read(request)
        answer = self._once(request, call, fault)
        if fault.acts:
            return self._strike(fault, answer)
        return Answer(answer.status, answer.body, {**answer.headers, **fault.headers})

    def _check_version(self, request: RecordedRequest) -> None:
        if self._strict_version:
            contract, asked = self._backend.contract, request.headers.get("Stripe-Version")
            if asked != contract.version:
                raise StripeError(
                    f"Stripe-Version is {asked!r} and not {contract.version!r}, the version that "
                    "the installed SDK is made for."
                )

    def _read(self, request: RecordedRequest) -> ApiCall:
        """Return what a request asks for, with its parameters checked."""
        contract = self._backend.contract
        operation, ids = contract.match(request.method.lower(), request.path)
        request.operation, request.ids = f"{operation.verb} {operation.path}", ids
        text = request.query
        if request.method == "POST" and request.body:
            sent_as = request.headers.get("Content-Type", "").partition(";")[0]
            if sent_as != FORM:
                raise StripeError(
                    f"Invalid request (check that your POST content type is {FORM}). The contract "
                    f"server reads nothing else, and was sent {sent_as!r}."
                )
            text = "&".join(part for part in (text, request.body) if part)
        raw = decode_form(parse_qsl(text, keep_blank_values=True))
        params = request.params = check_params(contract, raw, operation.params)
        for rule in PARAM_RULES.get(operation.key, ()):
            if not rule.holds(params):
                raise rule.refusal()
        return ApiCall(operation, ids, params, request.account, request.path)

    def _once(self, request: RecordedRequest, call: ApiCall, fault: Fault) -> Answer:
        """Perform a call, or repeat what its idempotency key got the first time."""
        key = request.idempotency_key if request.method == "POST" else None
        if key is None:
            return self._perform(call, fault)
        content = json.dumps([request.path, call.params], sort_keys=True)
        fingerprint = hashlib.sha256(content.encode()).hexdigest()
        saved = self._keys.claim(call.account, key, fingerprint)
        if saved is not None:
            request.replayed = True
            replay = {"Idempotent-Replayed": "true", "Original-Request": saved.request_id}
            return Answer(saved.status, saved.body, replay)
        try:
            answer = self._perform(call, fault)
        except StripeError as error:
            refused = SavedAnswer(error.status, error.body, request.request_id)
            self._keys.save(call.account, key, refused)
            raise
        except BaseException:
            self._keys.release(call.account, key)
            raise
        done = SavedAnswer(answer.status, answer.body, request.request_id)
        self._keys.save(call.account, key, done)
        return answer

    def _perform(self, call: ApiCall, fault: Fault) -> Answer:
        if not fault.acts:
            fault.wait(self._closing)
        refused = fault.status is not None and fault.remembered
        if not refused or fault.acts:
            body = self._backend.answer(call)
        if refused:
            return Answer(fault.status or 500, fault.body or {})
        return Answer(200, body)

    def _strike(self, fault: Fault, truth: Answer) -> Answer:
        """Return what the client gets in the end of a fault that strikes before or after the act.

        :raises ConnectionDropped: when that is nothing.
        """
        fault.wait(self._closing)
        if fault.reset:
            raise ConnectionDropped
        if fault.status is not None:
            return Answer(fault.status, fault.body or {}, fault.headers)
        return Answer(truth.status, truth.body, {**truth.headers, **fault.headers})
