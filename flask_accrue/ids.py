"""Identifiers: time-ordered UUIDs and random tokens."""

from __future__ import annotations

import os
import threading
import time
import uuid


class _Counter:
    """The millisecond of the last id, and how many ids of it there are."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.milliseconds = 0
        self.count = 0

    def next(self) -> tuple[int, int]:
        with self.lock:
            now = time.time_ns() // 1_000_000
            if now > self.milliseconds:
                # It starts low, so that there is room for 2,000 more in this millisecond.
                self.milliseconds = now
                self.count = int.from_bytes(os.urandom(2), "big") & 0x7FF
            elif self.count < 0xFFF:
                self.count += 1
            else:
                self.milliseconds, self.count = self.milliseconds + 1, 0
            return self.milliseconds, self.count


_counter = _Counter()


def new_id() -> uuid.UUID:
    """Return a UUID version 7 (RFC 9562): ids made later in this process sort later.

    Real time, not billing time: an id says when a row was made here. Within one millisecond a
    counter of 12 bits keeps the order; when it runs over, the millisecond is borrowed.
    """
    milliseconds, counter = _counter.next()
    tail = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail
    return uuid.UUID(int=value)
