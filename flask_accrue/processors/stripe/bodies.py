"""JSON from Stripe: strictly decoded, and without what nobody here needs to know."""

from __future__ import annotations

import json
import math
import re
import typing as t

from ...errors import InvalidRequest

Raw: t.TypeAlias = dict[str, t.Any]

#: Levels of objects and lists in a body. Stripe's go to about a dozen.
DEEPEST: t.Final = 64

_PLAIN: t.Final = frozenset({int, bool, type(None)})
_SECRET_KEYS: t.Final = frozenset({"client_secret", "secret"})
# Objects whose URL lets in whoever has it.
_LINKS: t.Final = frozenset(
    {"account_link", "billing_portal.session", "identity.verification_session", "login_link"}
)
_SECRET_KEYS_OF_LINKS: t.Final = _SECRET_KEYS | {"url"}
#: A client secret, which may also stand in the middle of a URL, as in next_action.redirect_to_url, and that
#: one within another, where an escape such as ``%3D`` comes before it.
CLIENT_SECRET: t.Final = re.compile(
    r"(?:\b|(?<=%[0-9A-Fa-f]{2})|(?<=%25[0-9A-Fa-f]{2}))(?:pi|seti|cs|src)_\w*secret_\w+",
    re.ASCII,
)
# What a body has where a secret is: the name of a field or of a kind, or the middle of a client secret.
_SECRET_WORDS: t.Final = (
    *(f'"{name}"'.encode() for name in sorted(_SECRET_KEYS | _LINKS)),
    b"secret_",
)
# Escapes for what no database stores: U+0000, and halves of surrogate pairs.
_UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])", re.ASCII)


def decode(payload: bytes | str) -> Raw:
    """Return the object that a body holds.

    What databases don't store (U+0000, a lone surrogate) is replaced by ``\\ufffd`` or ``?``.

    :raises InvalidRequest: when it isn't a JSON object in UTF-8, or holds ``NaN`` or an infinity.
    """
    try:
        text = payload.decode() if isinstance(payload, bytes) else payload
        text.encode()
        body = _DECODER.decode(text)
        if isinstance(body, dict):
            return t.cast(Raw, _storable(body, DEEPEST)) if _UNSTORABLE.search(text) else body
    except (ValueError, RecursionError) as error:
        # The decoder's error holds the whole body, so it isn't chained.
        raise invalid(f"This isn't JSON as Stripe writes it ({type(error).__name__}).") from None
    raise invalid(f"This is a JSON {type(body).__name__} and not an object of Stripe's.")


def without_secrets(body: Raw) -> Raw:
    """Return a copy without client secrets and links that are secrets, at any depth.

    :raises InvalidRequest: for a body of more than :data:`DEEPEST` levels.
    """
    return t.cast(Raw, _without_secrets(body, DEEPEST))


def may_hold_secrets(payload: bytes) -> bool:
    """Tell whether a body has to be looked through for secrets: it costs as much as reading it."""
    return any(word in payload for word in _SECRET_WORDS)


def invalid(message: str, param: str | None = None) -> InvalidRequest:
    """Return the error for a body that isn't as Stripe writes it; it never quotes a value."""
    return InvalidRequest(message, code="body_invalid", param=param)


def _without_secrets(value: t.Any, levels: int) -> t.Any:
    if isinstance(value, str):
        return CLIENT_SECRET.sub("[removed]", value) if "secret_" in value else value
    if isinstance(value, dict):
        _check_depth(levels)
        kind = value.get("object")
        hidden = _SECRET_KEYS_OF_LINKS if isinstance(kind, str) and kind in _LINKS else _SECRET_KEYS
        return {
            # Most of a body says nothing, or a number.
            name: each if type(each) in _PLAIN else _without_secrets(each, levels - 1)
            for name, each in value.items()
            if name not in hidden
        }
    if isinstance(value, list):
        _check_depth(levels)
        return [_without_secrets(each, levels - 1) for each in value]
    return value


def _storable(value: t.Any, levels: int) -> t.Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode(errors="replace").decode()
    if isinstance(value, dict):
        _check_depth(levels)
        return {
            _storable(name, levels): _storable(each, levels - 1) for name, each in value.items()
        }
    if isinstance(value, list):
        _check_depth(levels)
        return [_storable(each, levels - 1) for each in value]
    return value


def _check_depth(levels: int) -> None:
    if levels <= 0:
        raise invalid(f"This body has more than {DEEPEST} levels.")


def _refuse(constant: str) -> t.NoReturn:
    raise ValueError(constant)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


# Made once, because making one costs a tenth of reading a body.
_DECODER: t.Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
