"""What the Fake's calls stand on."""

from __future__ import annotations

from ...contract.base import Calls
from ..engine import Engine


class FakeCalls(Calls):
    """Some of the Fake's calls; each is a transaction of its engine."""

    _engine: Engine
