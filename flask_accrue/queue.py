"""Waking whoever does the work; it knows no job.

The database is the queue's truth: what is to be done are rows with a state and a next time. A wake-up
only makes it prompt, so losing one loses nothing; the sweeper finds the row.
"""

from __future__ import annotations

import abc
import logging
import time
import typing as t

if t.TYPE_CHECKING:
    import rq
    from redis import Redis

logger = logging.getLogger(__name__)

#: How long a process doesn't wake a queue again that it has just woken, in seconds. Asking Redis at
#: each event would cost a fifth of storing it.
WAKE_WINDOW: t.Final = 0.05
#: How long a wake-up suppresses further ones, in seconds, should its job get lost.
WAKE_SECONDS: t.Final = 30
#: How long a wake-up waits for a worker, in seconds: where none runs they don't pile up.
WAKE_JOB_SECONDS: t.Final = 10 * WAKE_SECONDS
#: How long a web process works on due rows once its response is out, in seconds. A server such as
#: gunicorn kills a process that is silent for 30; what is left waits for the next response or the sweeper.
SECONDS_AFTER_RESPONSE: t.Final = 10.0
#: The dotted name of the job that a wake-up runs, with the queue's name as argument.
WAKE_JOB: t.Final = "flask_accrue.jobs.work"


class Queue(abc.ABC):
    """How the web process tells workers that there are due rows."""

    #: Whether due rows are worked on in this process, after the response.
    in_process: t.ClassVar[bool]

    @abc.abstractmethod
    def wake(self, name: str) -> None:
        """Say that rows of this queue are due. Never raises: the rows are the truth."""

    @abc.abstractmethod
    def awake(self, name: str) -> None:
        """Let the next wake-up through; called by a worker before it looks for rows."""


class InProcessQueue(Queue):
    """No Redis: the front door that stored a row works on it once its response is out."""

    in_process = True

    def wake(self, name: str) -> None:
        """Do nothing: whoever stored the row looks after its response."""

    def awake(self, name: str) -> None:
        """Do nothing."""


class RedisQueue(Queue):
    """One RQ job a queue at a time: guarded by a key that the job deletes before it looks."""

    in_process = False

    def __init__(self, url: str, app_name: str) -> None:
        from redis import Redis

        self.url = url
        self.prefix = f"accrue:{app_name}"
        self.connection: Redis = Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
        self._queue: rq.Queue | None = None
        self._woken: dict[str, float] = {}

    @property
    def queue_name(self) -> str:
        """The name of the RQ queue that workers listen on."""
        return self.prefix.replace(":", "-")

    @property
    def scheduler_prefix(self) -> str:
        """What the names of this app's schedulers begin with, where several apps share a Redis."""
        return f"{self.queue_name}:"

    @property
    def rq_queue(self) -> rq.Queue:
        """The RQ queue that wake-ups go to."""
        if self._queue is None:
            import rq

            self._queue = rq.Queue(self.queue_name, connection=self.connection)
        return self._queue

    def worker_connection(self) -> Redis:
        """Return a connection that may wait as long as a worker does."""
        from redis import Redis

        return Redis.from_url(self.url)

    def wake(self, name: str) -> None:
        """Enqueue one job for this queue unless one is already waiting.

        Not more often than every :data:`WAKE_WINDOW` a process: a worker that was woken goes on looking
        for longer than that, so it sees what was stored meanwhile.
        """
        from redis.exceptions import RedisError

        now = time.monotonic()
        if now < self._woken.get(name, 0.0) + WAKE_WINDOW:
            return
        # Before asking: the window begins no later than the wake-up itself.
        self._woken[name] = now
        try:
            if self.connection.set(self._key(name), 1, nx=True, ex=WAKE_SECONDS):
                self.rq_queue.enqueue(
                    WAKE_JOB, name, ttl=WAKE_JOB_SECONDS, result_ttl=0, failure_ttl=3600
                )
        except RedisError as error:
            self._woken.pop(name, None)
            logger.warning("accrue: queue %s can't be woken, the sweeper will: %s", name, error)

    def awake(self, name: str) -> None:
        """Delete the guard, so that a row stored from now on wakes a worker again."""
        from redis.exceptions import RedisError

        try:
            self.connection.delete(self._key(name))
        except RedisError as error:
            logger.warning("accrue: the guard of queue %s stays until it expires: %s", name, error)

    def _key(self, name: str) -> str:
        return f"{self.prefix}:wake:{name}"
