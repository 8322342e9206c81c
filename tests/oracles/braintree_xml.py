"""XML the way Braintree's gateway writes and reads it."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET
from typing import Any
from xml.sax.saxutils import escape

Tree = dict[str, Any]


def to_xml(name: str, value: Any) -> str:
    """Return a value as an element: dashes in the tag, the type as an attribute.

    Keys that begin with ``_`` are the gateway's own and aren't written.
    """
    tag, kind = name.replace("_", "-"), ""
    match value:
        case list():
            kind, body = ' type="array"', "".join(to_xml(singular(name), row) for row in value)
        case dict():
            fields = (item for item in value.items() if not item[0].startswith("_"))
            body = "".join(to_xml(field, part) for field, part in fields)
        case None:
            kind, body = ' nil="true"', ""
        case bool():
            kind, body = ' type="boolean"', str(value).lower()
        case int():
            kind, body = ' type="integer"', str(value)
        case dt.datetime():
            kind, body = ' type="datetime"', value.strftime("%Y-%m-%dT%H:%M:%SZ")
        case dt.date():
            kind, body = ' type="date"', value.isoformat()
        case _:
            body = escape(str(value))
    return f"<{tag}{kind}>{body}</{tag}>"


def singular(name: str) -> str:
    """Return the tag of a list's rows."""
    name = re.sub(r"ies$", "ys", name)
    return name[:-1] if name.endswith("s") else "item"


def read_xml(body: bytes) -> Tree:
    """Return a request's body as nested dicts; an empty one is an empty dict."""
    if not body.strip():
        return {}
    root = ET.fromstring(body)  # noqa: S314 - written by the SDK in the same test
    return {root.tag.replace("-", "_"): _value(root)}


def _value(node: ET.Element) -> Any:
    kind, text = node.get("type"), node.text or ""
    if kind == "array":
        return [_value(child) for child in node]
    if len(node):
        return {child.tag.replace("-", "_"): _value(child) for child in node}
    if kind == "boolean":
        return text == "true"
    return int(text) if kind == "integer" else text
