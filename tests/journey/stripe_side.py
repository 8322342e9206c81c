"""Stripe's part in a journey: it keeps the objects, and tells what happens to them in signed events."""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import copy
import datetime
import time
from typing import TYPE_CHECKING, Any

from werkzeug.serving import make_server

from tests.journey import old_shape
from tests.journey.conftest import raised
from tests.oracles.new_objects import NewObjects
from tests.oracles.webhook_sender import body_of, deliver, signed, webhook_event
from tests.recordings import RecordedEvent
from tests.webhooks.endpoint import STRIPE_CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask

    from tests.journey.conftest import World
    from tests.oracles.stripe_server import ContractServer

Json = dict[str, Any]
News = tuple[Any, ...]

SECRET = STRIPE_CONFIG["ACCRUE_WEBHOOK_SECRETS"]["stripe"][0]
PATIENCE = 20


class Endpoint:
    """The app behind a listening socket, which takes one request at a time and finishes it."""

    def __init__(self, app: Flask) -> None:
        self._server = make_server("127.0.0.1", 0, app)
        self._server.timeout = PATIENCE
        path = f"{app.extensions['accrue'].settings.webhook_path}/stripe"
        self.url = f"http://127.0.0.1:{self._server.server_port}{path}"

    def post(self, event: Json) -> int:
        """Deliver an event over HTTP; return the answer's status when what follows it is done too."""
        payload = body_of(event)
        with concurrent.futures.ThreadPoolExecutor(1) as sender:
            answer = sender.submit(deliver, self.url, payload, signed(payload, SECRET, time.time()))
            # In no context of the test's, as in a server.
            contextvars.Context().run(self._server.handle_request)
            return answer.result()[0]

    def close(self) -> None:
        self._server.server_close()


@contextlib.contextmanager
def telling(
    server: ContractServer,
    version: str,
    url: str,
    folder: Path,
    redis_url: str | None,
    *,
    at_once: bool = False,
    **config: Any,
) -> Iterator[StripeSide]:
    """Set the example up with Stripe, and give Stripe's side of it.

    The parameters are those of :class:`StripeSide` and of :func:`~tests.journey.conftest.raised`.
    """
    config |= {**STRIPE_CONFIG, "ACCRUE_PROCESSOR": "stripe", "ACCRUE_STRIPE_API_BASE": server.url}
    with raised(url, folder, redis_url, **config) as world:
        side = StripeSide(world, server, version, at_once=at_once)
        with contextlib.closing(side.endpoint):
            yield side


class StripeSide:
    """What Stripe knows and tells.

    :param version: of the endpoint: the shape of what is delivered. Whoever asks gets the SDK's shape.
    :param at_once: all that happens in one step happens in one second, as is usual at Stripe, so that
        bodies can't be told apart and the objects have to be fetched.
    """

    def __init__(
        self, world: World, server: ContractServer, version: str, *, at_once: bool
    ) -> None:
        self.world = world
        self.server = server
        self.version = version
        self.at_once = at_once
        self.endpoint = Endpoint(world.app)
        self.told: list[RecordedEvent] = []
        self._new = NewObjects(server.contract, server.clock)
        self._objects: dict[str, Json] = {}

    def make(self, kind: str, **values: Any) -> Json:
        """Return a whole new object, created now."""
        self.server.clock.set(self.now)
        return {**self._new.make(kind), **values}

    def card(self, token: str, customer: str) -> Json:
        """Return the card that a test token stands for, attached."""
        self.server.clock.set(self.now)
        return {**self._new.make_test_card(token), "customer": customer}

    @property
    def now(self) -> int:
        """Billing time, in seconds since the epoch."""
        moment: datetime.datetime = self.world.fake.clock.now()
        return int(moment.timestamp())

    def keep(self, *objects: Json) -> None:
        """Take objects into what is found when somebody asks, without telling of them."""
        for obj in objects:
            self._objects[obj["id"]] = copy.deepcopy(obj)
            self.server.prime(copy.deepcopy(obj))

    def kept(self, kind: str) -> list[Json]:
        """Return copies of the objects of a kind."""
        found = (obj for obj in self._objects.values() if obj["object"] == kind)
        return [copy.deepcopy(obj) for obj in found]

    def tell(self, *news: News) -> None:
        """Let things happen now, one after the other, and deliver the events about them.

        :param news: each the event's type, the object as it is then, and for an update what it was.
        """
        self.keep(*(each[1] for each in news))
        news = tuple(each for each in news if self._is_told(each[1]))
        self.server.clock.set(self.now + (0 if self.at_once else len(news)))
        for number, (kind, obj, *previous) in enumerate(news):
            shown = copy.deepcopy(obj)
            if self.version == old_shape.VERSION:
                shown = old_shape.in_old_shape(obj, self._objects.values())
            event = webhook_event(
                kind,
                shown,
                api_version=self.version,
                created=self.now + (0 if self.at_once else number),
                previous=previous[0] if previous else None,
            )
            self.deliver(RecordedEvent(event))
        self.world.settle()

    def deliver(self, event: RecordedEvent) -> None:
        """Deliver an event, and remember that it was told."""
        assert self.endpoint.post(event.body) == 200
        self.told.append(event)

    def _is_told(self, obj: Json) -> bool:
        return self.version != old_shape.VERSION or obj["object"] not in old_shape.UNTOLD
