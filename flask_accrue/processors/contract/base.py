"""What all parts of the contract stand on."""

from __future__ import annotations

import typing as t

from ...errors import UnsupportedByProcessor
from ..capabilities import Capability


class Calls:
    """Some of a processor's calls. What isn't overridden, the processor can't do."""

    name: t.ClassVar[str]
    capabilities: t.ClassVar[frozenset[Capability]] = frozenset()

    def can(self, capability: Capability) -> bool:
        """Tell whether this processor is able to do that."""
        return capability in self.capabilities

    def require(self, capability: Capability) -> None:
        """Refuse what this processor can't do.

        :raises UnsupportedByProcessor: always, unless the capability is declared.
        """
        if not self.can(capability):
            self._unsupported(capability)

    def _unsupported(self, capability: Capability) -> t.NoReturn:
        raise UnsupportedByProcessor(
            f"{self.name} can't do this: {capability.value.replace('_', ' ')}."
        )
