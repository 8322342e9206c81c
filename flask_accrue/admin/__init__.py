"""The back office: one list machine, one detail machine, one action machine, and what they show.

A new thing to show is a :class:`~.resource.Resource` in a file of its own in :mod:`.resources`; a new
thing to do is an :class:`~.actions.Action` of it.
"""

from __future__ import annotations

from .blueprint import admin_blueprint

__all__ = ["admin_blueprint"]
