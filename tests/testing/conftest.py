from __future__ import annotations

from tests.host import app, kit, org

__all__ = ["app", "kit", "org"]
