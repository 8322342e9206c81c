"""Processors: the contract, what they say, and the three that come with Accrue."""

from __future__ import annotations

from . import objects
from .answers import Answer, Page, ProcessorEvent, Reference, RefusedUsage
from .base import Processor
from .capabilities import Capability

__all__ = [
    "Answer",
    "Capability",
    "Page",
    "Processor",
    "ProcessorEvent",
    "Reference",
    "RefusedUsage",
    "objects",
]
