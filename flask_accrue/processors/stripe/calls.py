"""What Stripe's calls stand on: the client."""

from __future__ import annotations

from ...errors import ConfigError
from ..contract.base import Calls
from .api import Api


class StripeCalls(Calls):
    """Some of Stripe's calls.

    :param api: ``None`` where only webhooks are received.
    """

    def __init__(self, api: Api | None) -> None:
        self._given_api = api

    @property
    def _api(self) -> Api:
        if self._given_api is None:
            raise ConfigError(
                "ACCRUE_STRIPE_SECRET_KEY is missing, so nothing can be asked of Stripe. Set it to the "
                "key from Stripe's dashboard, from the environment rather than in code."
            )
        return self._given_api

    @property
    def _changing(self) -> Api:
        """The client for one change, with the looks at its outcome that follow."""
        return self._api.in_one_time()
