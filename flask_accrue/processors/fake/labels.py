"""Metadata as a processor takes it, Accrue's own keys included."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ...metadata import LONGEST_KEY, LONGEST_VALUE, merge_metadata
from .refusals import refused


def merged(old: c.Mapping[str, str], new: t.Any) -> dict[str, str]:
    """Lay new metadata over old; an empty value deletes its key.

    :raises InvalidRequest: for what isn't strings, too long or too much; ``param`` names the key.
    """
    if not isinstance(new, c.Mapping):
        raise refused("Metadata is a mapping of strings.", "metadata", "metadata_invalid")
    for key, value in new.items():
        if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY:
            raise refused(
                f"A metadata key has 1 to {LONGEST_KEY} characters.", "metadata", "metadata_invalid"
            )
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            raise refused(
                f"A metadata value is a string of at most {LONGEST_VALUE} characters.",
                f"metadata[{key}]",
                "metadata_invalid",
            )
    return merge_metadata(old, new)
