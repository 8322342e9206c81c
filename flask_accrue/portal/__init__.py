"""Pages for paying customers."""

from __future__ import annotations

from .blueprint import portal_blueprint

__all__ = ["portal_blueprint"]
