"""Where a page of a list begins: a signed cursor, good for one list, its filters and one scope."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import hashlib
import json
import typing as t
import uuid

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.exceptions import BadRequest

Key: t.TypeAlias = uuid.UUID | int


@dataclasses.dataclass(frozen=True)
class Position:
    """A row's place in the order of its list.

    :ivar moment: its time; ``None`` where the list has no time or the row none.
    """

    moment: datetime.datetime | None
    id: Key


@dataclasses.dataclass(frozen=True)
class Cursor:
    """The rows after a position, or those before it."""

    position: Position
    backwards: bool = False


class Cursors:
    """Writes and reads the cursors of one list as one operator sees it.

    :param place: the list's path within the back office.
    :param values: its filters.
    :param scope: what the operator may see.
    """

    def __init__(self, place: str, values: c.Mapping[str, str], scope: str) -> None:
        bound = json.dumps([place, sorted(values.items()), scope])
        digest = hashlib.sha256(bound.encode()).hexdigest()
        older = current_app.config.get("SECRET_KEY_FALLBACKS") or ()
        keys = [*older, current_app.secret_key]
        # The list is part of the salt, so a cursor of another one has a wrong signature.
        self._serializer = URLSafeSerializer(keys, salt=f"accrue.admin.cursor:{digest}")

    def write(self, cursor: Cursor) -> str:
        """Return the cursor as it stands in a URL."""
        moment, id = cursor.position.moment, cursor.position.id
        return self._serializer.dumps(
            [
                int(cursor.backwards),
                None if moment is None else moment.isoformat(),
                id if isinstance(id, int) else id.hex,
            ]
        )

    def read(self, text: str | None) -> Cursor | None:
        """Return the cursor of a URL, or ``None`` where it has none.

        :raises BadRequest: when it isn't one of ours for this very list.
        """
        if not text:
            return None
        try:
            backwards, moment, id = self._serializer.loads(text)
            return Cursor(
                Position(
                    None if moment is None else datetime.datetime.fromisoformat(moment),
                    id if isinstance(id, int) else uuid.UUID(hex=id),
                ),
                bool(backwards),
            )
        except (BadData, ValueError, TypeError, AttributeError):
            raise BadRequest(
                "This page of the list can't be found: the address was changed, or it belongs to "
                "another list. Begin at its first page."
            ) from None
