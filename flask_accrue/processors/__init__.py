"""Processors: the contract, what they say, and the three that come with Accrue."""

from __future__ import annotations

from . import objects
from .base import Answer, Capability, Processor, ProcessorEvent, Reference

__all__ = ["Answer", "Capability", "Processor", "ProcessorEvent", "Reference", "objects"]
