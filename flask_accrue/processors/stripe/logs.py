"""What the SDK logs, without what nobody may read in a log."""

from __future__ import annotations

import logging
import typing as t

from .refusals import without_keys

# Of what the SDK says at DEBUG, the whole of a request and of its answer included, what is only useful.
_HARMLESS: t.Final = "message='Dashboard link for request'"
_LEFT_OUT: t.Final = (
    "Left out by Flask-Accrue: the body of a request or of an answer, which may hold client secrets and "
    "links that let in whoever has them. The request is in Stripe's dashboard."
)


class _WithoutSecrets(logging.Filter):
    """Leaves bodies out of the SDK's records, and keys and client secrets out of all others."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        harmless = record.levelno > logging.DEBUG or _HARMLESS in said
        record.msg, record.args = without_keys(said) if harmless else _LEFT_OUT, None
        return True


_FILTER: t.Final = _WithoutSecrets()


def keep_secrets_out() -> None:
    """Let nothing secret through the SDK's logger, whoever listens to it; a second time changes nothing."""
    # A logger adds no filter twice that it has.
    logging.getLogger("stripe").addFilter(_FILTER)
