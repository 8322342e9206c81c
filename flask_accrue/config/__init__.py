"""The settings of an app, which :func:`read_settings` reads all at once, reporting every problem at once.

Each stands in one table, from which that of the docs is rendered.
"""

from __future__ import annotations

from .settings import Settings, read_settings
from .table import SETTINGS, Dunning, Setting, settings_table

__all__ = ["SETTINGS", "Dunning", "Setting", "Settings", "read_settings", "settings_table"]
