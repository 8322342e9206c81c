"""Pages on which the processor's own script does what nobody else may see: cards, and what banks ask."""

from __future__ import annotations

import typing as t

from flask import abort, jsonify
from werkzeug.wrappers import Response

from ..errors import AccrueError, ProcessorError
from ..pages import allow
from ..processors.browser import InBrowser
from ..state import current_state
from .explaining import words_for


def script_of(processor: str) -> InBrowser | None:
    """Return the processor's script for the browser, or ``None`` where it has none or no key for it."""
    found = current_state().processors[processor].in_browser
    return None if found is None or found.key is None else found


def lacks_key(processor: str) -> bool:
    """Tell whether the processor's script can't be used because nobody has configured its key."""
    found = current_state().processors[processor].in_browser
    return found is not None and found.key is None


def admit(script: InBrowser | None) -> None:
    """Let this response load the script, and what that needs."""
    if script is not None:
        allow(scripts=script.scripts, frames=script.frames, connects=script.connects)


def hand_over(processor: str, ask: t.Callable[[], tuple[str | None, str]]) -> Response:
    """Answer the page's script with a fresh client secret, which goes nowhere else.

    :param ask: asks the processor for it, and says where to return to; without a secret there is nothing
        left to do, which the page that's returned to says.
    """
    if script_of(processor) is None:
        abort(404)
    try:
        secret, onward = ask()
    except ProcessorError as error:
        if not error.definite:
            return _refused(
                "The payment provider doesn't answer. Nothing was done; please try again in a minute.",
                503,
            )
        return _refused(_text(error), 409)
    except AccrueError as error:
        return _refused(_text(error), 409)
    return jsonify(client_secret=secret, onward=onward)


def _text(error: AccrueError) -> str:
    return words_for(error, undone="Nothing was charged.", unknown="whether anything was done").text


def _refused(text: str, status: int) -> Response:
    answer = jsonify(error=text)
    answer.status_code = status
    return answer
