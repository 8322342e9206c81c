"""What is written as it's said: objects from which nothing else follows here."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from .. import models
from ..ids import new_id
from ..processors import objects
from ..unit_of_work import UnitOfWork
from .changes import Draft, draft, record, said
from .freshness import Source


@dataclasses.dataclass(frozen=True)
class _Plain:
    """How the objects of a kind are written.

    :ivar same: columns that are called as the object's fields are.
    :ivar renamed: other columns, with the field that each is from.
    :ivar statuses: what happened when the status became this; else it's ``updated``.
    """

    same: tuple[str, ...]
    renamed: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    statuses: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


_PLAIN: t.Final[t.Mapping[str, _Plain]] = {
    "checkout_session": _Plain(
        (
            "mode",
            "status",
            "payment_status",
            "currency",
            "amount_total",
            "client_reference_id",
            "expires_at",
            "url",
        ),
        {
            "subscription_processor_id": "subscription",
            "payment_intent_processor_id": "payment_intent",
            "setup_intent_processor_id": "setup_intent",
            "invoice_processor_id": "invoice",
        },
        {"complete": "completed", "expired": "expired"},
    ),
    "coupon": _Plain(
        (
            "name",
            "amount_off",
            "currency",
            "percent_off",
            "duration",
            "duration_in_months",
            "max_redemptions",
            "times_redeemed",
            "redeem_by",
            "is_valid",
            "currency_options",
        ),
        {"product_processor_ids": "products"},
    ),
    "credit_note": _Plain(
        (
            "number",
            "status",
            "currency",
            "subtotal",
            "total",
            "pre_payment_amount",
            "post_payment_amount",
            "out_of_band_amount",
            "reason",
            "memo",
            "voided_at",
        ),
        {"invoice_processor_id": "invoice", "refund_processor_ids": "refunds"},
        {"void": "voided"},
    ),
    "dispute": _Plain(
        ("status", "amount", "currency", "reason", "is_charge_refundable", "evidence_due_by"),
        {"charge_processor_id": "charge", "payment_intent_processor_id": "payment_intent"},
        {
            "won": "won",
            "lost": "lost",
            "under_review": "answered",
            "warning_under_review": "answered",
            "warning_closed": "closed",
            "prevented": "closed",
        },
    ),
    "entitlement_summary": _Plain(("lookup_keys",), {"feature_processor_ids": "features"}),
    "promotion_code": _Plain(
        (
            "code",
            "is_active",
            "expires_at",
            "max_redemptions",
            "times_redeemed",
            "first_time_transaction",
            "minimum_amount",
            "minimum_amount_currency",
            "currency_options",
        ),
        {"coupon_processor_id": "coupon", "only_for_processor_id": "only_for"},
    ),
    "setup_intent": _Plain(
        ("status", "usage", "error_code", "error_decline_code", "cancellation_reason"),
        {"payment_method_processor_id": "payment_method"},
        {
            "succeeded": "succeeded",
            "canceled": "canceled",
            "requires_action": "action_required",
            "requires_payment_method": "failed",
        },
    ),
    "subscription_schedule": _Plain(
        (
            "status",
            "end_behavior",
            "phases",
            "current_phase_start",
            "current_phase_end",
            "canceled_at",
            "completed_at",
            "released_at",
        ),
        {
            "subscription_processor_id": "subscription",
            "default_payment_method_processor_id": "default_payment_method",
        },
        {
            "active": "started",
            "completed": "completed",
            "released": "released",
            "canceled": "canceled",
        },
    ),
    "tax_id": _Plain(("type", "value", "country", "verification_status")),
}


def is_plain(kind: str) -> bool:
    """Tell whether objects of a kind are written by :func:`write_plain`."""
    return kind in _PLAIN


def write_plain(
    uow: UnitOfWork,
    processor: str,
    obj: objects.ProcessorObject,
    source: Source,
    customer: models.Customer | None = None,
    account: str | None = None,
) -> models.Mirrored:
    """Write an object, of a customer whose chain is locked, or of none when its system chain is.

    :param account: the connected account whose it is, of what belongs to no customer.
    """
    plain = _PLAIN[obj.kind]
    model = models.MIRRORED[obj.kind]
    row = uow.find(model, processor, obj.processor_id, account)
    fields = {**{name: name for name in plain.same}, **plain.renamed}
    values = {
        column: said(_stored(getattr(obj, field)), getattr(row, column, None))
        for column, field in fields.items()
    }
    identity: dict[str, t.Any] = {"id": new_id()}
    if customer is not None:
        identity["customer_id"] = customer.id
    if issubclass(model, models.CatalogRow):
        identity["account_key"] = account or ""
    made = draft(uow, model, processor, obj, source, values, row=row, **identity)
    if made.is_change:
        record(uow, obj.kind, _verb(plain, made, obj), made, customer)
    return made.row


def _stored(value: t.Any) -> t.Any:
    """Return a value as a column of JSON holds it; any other as it is."""
    if isinstance(value, objects.SchedulePhase):
        return {
            "start": value.start.isoformat(),
            "end": None if value.end is None else value.end.isoformat(),
            "trial_end": None if value.trial_end is None else value.trial_end.isoformat(),
            "items": [
                {"price": item.price, "quantity": item.quantity}
                | ({"terms": item.terms} if item.terms else {})
                for item in value.items
            ],
            "discounts": [dataclasses.asdict(each) for each in value.discounts],
            "automatic_tax": value.automatic_tax,
            "metadata": dict(value.metadata),
            "terms": value.terms,
            "proration": value.proration,
            "beginning": value.beginning,
        }
    return [_stored(each) for each in value] if isinstance(value, tuple) else value


def _verb(plain: _Plain, made: Draft[t.Any], obj: objects.ProcessorObject) -> str:
    if obj.deleted:
        return "deleted"
    if made.created:
        return "created"
    changes: c.Mapping[str, t.Any] = made.after
    return plain.statuses.get(changes.get("status", ""), "updated")
