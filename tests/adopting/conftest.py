from __future__ import annotations

from tests.sync.conftest import account

__all__ = ["account"]
