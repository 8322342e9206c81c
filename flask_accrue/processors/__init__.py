"""Processors: the contract, what they say, and the three that come with Accrue."""

from __future__ import annotations

from . import objects
from .base import Answer, Capability, Page, Processor, ProcessorEvent, Reference

__all__ = ["Answer", "Capability", "Page", "Processor", "ProcessorEvent", "Reference", "objects"]
