"""The processor's own portal: links to it, and how it's configured. Neither is mirrored."""

from __future__ import annotations

import dataclasses

from .base import ProcessorObject


@dataclasses.dataclass(frozen=True, kw_only=True)
class PortalSession(ProcessorObject):
    """A link to the portal. ``url`` opens it without a log-in, so it's neither stored nor logged."""

    kind = "portal_session"

    customer: str
    url: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PortalConfiguration(ProcessorObject):
    """What customers may do in the portal."""

    kind = "portal_configuration"

    active: bool = True
    is_default: bool = False
