"""Calls that make Stripe's own pages: checkout and the customer portal."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ...errors import InvalidRequest, UnsupportedByProcessor
from .. import objects
from ..answers import Answer, Json
from . import fields
from .api import Reply, segment
from .bodies import without_secrets
from .customers import check_known
from .gathering import Gathering, alone, current, unclear
from .mounted_checkout import StripeMountedCheckout

PATH: t.Final = "/v1/checkout/sessions"
_PORTAL: t.Final = "/v1/billing_portal"

# What is sent as it's given.
_PLAIN: t.Final = frozenset(
    "success_url cancel_url return_url expires_at customer_update payment_method_collection currency locale "
    "client_reference_id billing_address_collection".split()
)
_FLAGS: t.Final = ("automatic_tax", "tax_id_collection")
_OPTIONS: t.Final = _PLAIN | frozenset(
    "embedded trial_end coupon promotion_code allow_promotion_codes automatic_tax tax_id_collection "
    "description made_metadata mounted".split()
)
# Where the metadata of what comes of a session stand.
_MADE: t.Final[t.Mapping[str, str]] = {
    "subscription": "subscription_data",
    "payment": "payment_intent_data",
    "setup": "setup_intent_data",
}
#: The types of flows, and what each wants to be told beside its type.
_FLOWS: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "payment_method_update": (),
    "customer_update": (),
    "subscription_cancel": ("subscription",),
    "subscription_pause": ("subscription",),
    "subscription_update": ("subscription",),
    "subscription_update_confirm": ("subscription", "items"),
}
_CONFIGURED: t.Final = frozenset(
    "return_url headline terms_of_service_url privacy_policy_url metadata".split()
)


class StripeCheckout(StripeMountedCheckout):
    """Calls that make Stripe's own pages."""

    def create_checkout_session(
        self,
        customer: str,
        *,
        mode: str,
        items: list[dict[str, Json]],
        options: dict[str, Json],
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make a page of Stripe's. The secret of one that is embedded stands beside the answer.

        :raises InvalidRequest: for an option that there isn't.
        """
        api = self._changing
        check_known(options, _OPTIONS, "checkout session")
        if options.get("mounted"):
            return self._mounted_session(customer, mode, items, options, metadata, key)
        given: dict[str, Json] = {
            "customer": customer,
            "mode": mode,
            "metadata": metadata,
            **{name: options[name] for name in _PLAIN & options.keys()},
        }
        if items:
            given["line_items"] = [dict(item) for item in items]
        if options.get("embedded"):
            given["ui_mode"] = "embedded_page"
        for name in _FLAGS:
            if options.get(name):
                given[name] = {"enabled": True}
        discount = {
            name: options[name] for name in ("coupon", "promotion_code") if options.get(name)
        }
        if discount:
            given["discounts"] = [discount]
        if options.get("allow_promotion_codes"):
            given["allow_promotion_codes"] = True
        made = {
            there: options[here]
            for here, there in (
                ("trial_end", "trial_end"),
                ("description", "description"),
                ("made_metadata", "metadata"),
            )
            if options.get(here) is not None
        }
        if made:
            given[_MADE[mode]] = made
        reply = current(api, api.post(PATH, given, key=key), PATH)
        secret = reply.body.get("client_secret")
        gathering = Gathering(api)
        gathering.put("checkout_session", reply.body, reply)
        gathering.client_secret = secret if isinstance(secret, str) else None
        return gathering.answer()

    def expire_checkout_session(self, session: str, *, key: str) -> Answer:
        """Let nobody pay on an open page any more."""
        api = self._changing
        return alone(
            api,
            "checkout_session",
            api.post(f"{PATH}/{segment(session)}/expire", {}, key=key),
            PATH,
        )

    def type_promotion_code(self, session: str, *, promotion_code: str | None, key: str) -> Answer:
        """Refuse it: codes are typed on Stripe's page."""
        raise UnsupportedByProcessor("Promotion codes are typed on Stripe's own page alone.")

    def complete_checkout_session(
        self, session: str, *, payment_method: str | None, operation: str, key: str
    ) -> Answer:
        """Refuse it: a session of Stripe's is completed on Stripe's page alone."""
        raise UnsupportedByProcessor("A session of Stripe's is completed on Stripe's page alone.")

    def create_portal_session(
        self,
        customer: str,
        *,
        return_url: str,
        flow: dict[str, Json] | None,
        configuration: str | None,
        locale: str | None,
        key: str,
    ) -> Answer:
        """Make a link to Stripe's portal, which opens without a log-in for a few minutes.

        :raises InvalidRequest: for a flow that there isn't, or that lacks what it's about.
        """
        api = self._changing
        given = {
            "customer": customer,
            "return_url": return_url,
            "configuration": configuration,
            "locale": locale,
            "flow_data": None if flow is None else _flow(flow, return_url),
        }
        reply = api.post(f"{_PORTAL}/sessions", given, key=key)
        try:
            made = objects.PortalSession(
                **_unmirrored(reply),
                customer=fields.required_reference(reply.body, "customer"),
                url=fields.required_text(reply.body, "url"),
            )
        except InvalidRequest as error:
            raise unclear(error) from None
        return Answer(objects=(made,), fresh_from=reply.fresh_from, fresh_to=reply.fresh_to)

    def create_portal_configuration(
        self, *, features: dict[str, Json], options: dict[str, Json], key: str
    ) -> Answer:
        """Make a configuration of Stripe's portal; ``features`` as Stripe writes them.

        :raises InvalidRequest: for an option that there isn't.
        """
        api = self._changing
        check_known(options, _CONFIGURED, "portal configuration")
        profile = {
            name: options[name]
            for name in ("headline", "terms_of_service_url", "privacy_policy_url")
            if options.get(name)
        }
        given: dict[str, Json] = {"features": features}
        if profile:
            given["business_profile"] = profile
        if options.get("return_url"):
            given["default_return_url"] = options["return_url"]
        if options.get("metadata"):
            given["metadata"] = options["metadata"]
        reply = api.post(f"{_PORTAL}/configurations", given, key=key)
        try:
            made = objects.PortalConfiguration(
                **_unmirrored(reply),
                active=fields.flag(reply.body, "active", default=True),
                is_default=fields.flag(reply.body, "is_default"),
            )
        except InvalidRequest as error:
            raise unclear(error) from None
        return Answer(objects=(made,), fresh_from=reply.fresh_from, fresh_to=reply.fresh_to)


def _unmirrored(reply: Reply) -> fields.Common:
    """Return what every object has, of one whose raw body nobody may keep: a link stands in it."""
    return fields.Common(
        processor_id=fields.identifier(reply.body),
        created=fields.moment(reply.body, "created"),
        deleted=False,
        metadata=fields.metadata(without_secrets(reply.body)),
        raw={},
    )


def _flow(flow: c.Mapping[str, Json], return_url: str) -> dict[str, Json]:
    """Return a flow as Stripe takes it; what ends one leads back to the host, at once or by a message."""
    kind = flow.get("type")
    if not isinstance(kind, str) or kind not in _FLOWS:
        raise InvalidRequest(
            f"A flow is one of {', '.join(sorted(_FLOWS))}, not {kind!r}.",
            code="parameter_invalid",
            param="flow",
        )
    told = {name: flow[name] for name in _FLOWS[kind] if flow.get(name)}
    missing = [name for name in _FLOWS[kind] if name not in told]
    if missing:
        raise InvalidRequest(
            f"The flow {kind!r} has to say its {missing[0]}.",
            code="parameter_missing",
            param="flow",
        )
    if flow.get("retention_coupon"):
        told["retention"] = {
            "type": "coupon_offer",
            "coupon_offer": {"coupon": flow["retention_coupon"]},
        }
    if flow.get("discounts"):
        told["discounts"] = [dict(each) for each in flow["discounts"]]
    data: dict[str, Json] = {"type": kind, "after_completion": _completed(flow, return_url)}
    return {**data, kind: told} if told else data


def _completed(flow: c.Mapping[str, Json], return_url: str) -> dict[str, Json]:
    if flow.get("message"):
        return {
            "type": "hosted_confirmation",
            "hosted_confirmation": {"custom_message": flow["message"]},
        }
    return {"type": "redirect", "redirect": {"return_url": return_url}}
