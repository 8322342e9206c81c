"""Writing an invoice by hand: the draft and its lines."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

from .. import clock, models
from ..errors import InvalidRequest, InvalidState, NotFound
from ..gateways import gateway_of
from ..metadata import validate_metadata
from ..money import Money
from ..processors import Capability
from .amounts import check_in, check_money, currency_of
from .arguments import check_collection, one_of, only_sent
from .customers import OPERATION_KEY, customer
from .perform import Plan, perform, seen
from .prices import check_quantity, find_price
from .subscriptions import unix

PENDING: t.Final = ("include", "exclude")
TAX_BEHAVIORS: t.Final = ("inclusive", "exclusive")

#: As long as what a subscription sends.
_DAYS_UNTIL_DUE: t.Final = 30


def create_invoice(
    owner: t.Any,
    *,
    subscription: models.Subscription | None = None,
    currency: str | None = None,
    collection_method: str = "charge_automatically",
    due_date: datetime.datetime | None = None,
    days_until_due: int | None = None,
    auto_advance: bool = False,
    automatic_tax: bool = False,
    description: str | None = None,
    pending_items: str = "exclude",
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.Invoice:
    """Draft an invoice for a customer. Nobody owes anything until it's finalized.

    :param subscription: the customer's subscription that it's about.
    :param currency: by default the subscription's or the customer's; needed before anything was billed.
    :param collection_method: ``charge_automatically``, or ``send_invoice`` with a date to pay by.
    :param due_date: until when one that is sent is to be paid, or ``days_until_due`` from now; 30 days.
    :param auto_advance: the processor finalizes it an hour later and collects or sends it by itself.
    :param automatic_tax: the processor reckons the tax by where the customer is.
    :param pending_items: ``include`` takes in what waits for the next invoice, such as prorations.
    :raises InvalidRequest: for another currency than the customer's (``currency_mismatch``), before any
        call, and other wrong arguments.
    :raises NotFound: for somebody else's subscription.
    """
    extra = validate_metadata(metadata or {}, ours=1)
    check_collection(collection_method, days_until_due)
    one_of("pending_items", pending_items, PENDING)
    _check_text("description", description)
    due = _due(collection_method, due_date, days_until_due)
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.INVOICES)
    if automatic_tax:
        gateway.require(Capability.TAX)
    if subscription is not None and subscription.customer_id != payer.id:
        raise NotFound("This customer has no such subscription.", param="subscription")
    said = {
        "subscription": None if subscription is None else subscription.processor_id,
        "currency": currency_of(payer, currency or (subscription and subscription.currency)),
        "collection_method": collection_method,
        **due,
        "auto_advance": bool(auto_advance),
        "automatic_tax": bool(automatic_tax),
        "description": description,
        "pending_items": pending_items,
    }
    processor_id = payer.processor_id

    def request(id: str) -> dict[str, t.Any]:
        # Here, since the date may be over when a request is repeated.
        if due["due_date"] is not None and due["due_date"] <= unix(clock.now()):
            raise _either_date()
        return {"customer": processor_id, **said, "metadata": {**extra, OPERATION_KEY: id}}

    plan: Plan[models.Invoice] = Plan(
        kind="create_invoice",
        subject=f"customer:{payer.id}",
        processor=gateway,
        arguments={**said, "metadata": extra},
        method="create_invoice",
        request=request,
        result="invoice",
        customer_id=payer.id,
        find=("invoice", processor_id),
        seen=seen(subscription),
    )
    return perform(plan, operation_id)


def add_invoice_item(
    invoice: models.Invoice,
    amount: Money | None = None,
    *,
    price: str | None = None,
    quantity: int | None = None,
    description: str | None = None,
    tax_behavior: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.Invoice:
    """Add a line to a draft: an amount, or a one-time price and how many of it.

    :param amount: below 0 it's a credit.
    :param tax_behavior: whether an amount holds its tax (``inclusive``) or it comes on top
        (``exclusive``); a price says so itself.
    :raises InvalidState: with the code ``invoice_not_draft`` for any other invoice.
    :raises InvalidRequest: for another currency than the invoice's (``currency_mismatch``), before any
        call, and other wrong arguments.
    """
    extra = validate_metadata(metadata or {}, ours=1)
    _check_text("description", description)
    if tax_behavior is not None:
        one_of("tax_behavior", tax_behavior, TAX_BEHAVIORS)
    said = {
        **_cost(invoice, amount, price, quantity),
        "description": description,
        "tax_behavior": tax_behavior,
    }
    payer = invoice.customer.processor_id

    def request(id: str, invoice_id: str) -> dict[str, t.Any]:
        return {
            "invoice": invoice_id,
            "customer": payer,
            **said,
            "metadata": {**extra, OPERATION_KEY: id},
        }

    plan = _on_draft(
        "add_invoice_item", invoice, {**said, "metadata": extra}, request, "invoice_item"
    )
    return perform(plan, operation_id)


def remove_invoice_item(
    invoice: models.Invoice,
    item: models.InvoiceItem | str,
    *,
    operation_id: str | None = None,
) -> models.Invoice:
    """Take a line that was added by itself off a draft.

    :param item: the line, or the processor's id of the line or of what was added.
    :raises InvalidState: with the code ``invoice_not_draft`` for any other invoice, and
        ``line_not_removable`` for a line of the subscription itself.
    :raises NotFound: when the invoice has no such line.
    """
    named = item if isinstance(item, str) else str(item.id)

    def request(id: str, invoice_id: str) -> dict[str, t.Any]:
        return {"invoice": invoice_id, "invoice_item": _removable(invoice, named)}

    plan = _on_draft("remove_invoice_item", invoice, {"item": named}, request)
    return perform(plan, operation_id)


def _on_draft(
    kind: str,
    invoice: models.Invoice,
    arguments: c.Mapping[str, t.Any],
    request: c.Callable[[str, str], dict[str, t.Any]],
    find: str | None = None,
) -> Plan[models.Invoice]:
    gateway = gateway_of(invoice)
    gateway.require(Capability.INVOICES)
    invoice_id = invoice.processor_id

    def legal(id: str) -> dict[str, t.Any]:
        if not invoice.is_draft:
            raise InvalidState(
                f"Only a draft has lines that change; this invoice is {invoice.status}.",
                code="invoice_not_draft",
            )
        plan.seen |= seen(invoice, invoice.subscription)
        return request(id, invoice_id)

    plan: Plan[models.Invoice] = Plan(
        kind=kind,
        subject=f"invoice:{invoice.id}",
        processor=gateway,
        arguments=arguments,
        method=kind,
        request=legal,
        result="invoice",
        customer_id=invoice.customer_id,
        find=None if find is None else (find, invoice_id),
        # A repeat is written over what there is, too.
        seen=seen(invoice, invoice.subscription),
    )
    return plan


def _cost(
    invoice: models.Invoice, amount: Money | None, price: str | None, quantity: int | None
) -> dict[str, t.Any]:
    if (amount is None) == (price is None):
        raise InvalidRequest(
            "A line has an amount, such as Money(1999, 'usd'), or a price; give one of them.",
            code="parameter_invalid",
            param="amount",
        )
    if amount is not None:
        check_in(invoice.currency, check_money(amount), "invoice")
        amount.require_payable()
        if quantity is not None:
            raise InvalidRequest(
                "A quantity goes with a price; an amount is that of the whole line.",
                code="parameter_invalid",
                param="quantity",
            )
        return {
            "amount": amount.amount_minor,
            "currency": amount.currency,
            "price": None,
            "quantity": None,
        }
    assert price is not None
    known = find_price(invoice.customer, price)
    if known is not None:
        check_in(invoice.currency, Money(0, known.currency), "invoice", "price")
    number = None if quantity is None else check_quantity(quantity)
    return {"amount": None, "currency": None, "price": price, "quantity": number}


def _removable(invoice: models.Invoice, named: str) -> str:
    for line in invoice.items:
        if named in (str(line.id), line.processor_id, line.invoice_item_processor_id):
            if line.invoice_item_processor_id is None:
                raise InvalidState(
                    "This line is of the subscription itself, and can't be taken off its invoice.",
                    code="line_not_removable",
                )
            return line.invoice_item_processor_id
    raise NotFound("This invoice has no such line.", param="item")


def _due(
    collection_method: str, due_date: datetime.datetime | None, days_until_due: int | None
) -> dict[str, int | None]:
    if collection_method != "send_invoice":
        if due_date is not None:
            raise only_sent("due_date")
        return {"due_date": None, "days_until_due": None}
    if due_date is None:
        days = _DAYS_UNTIL_DUE if days_until_due is None else days_until_due
        return {"due_date": None, "days_until_due": days}
    if days_until_due is not None:
        raise _either_date()
    return {"due_date": unix(due_date), "days_until_due": None}


def _either_date() -> InvalidRequest:
    return InvalidRequest(
        "Give either due_date, which has to be ahead, or days_until_due.",
        code="parameter_invalid",
        param="due_date",
    )


def _check_text(name: str, value: t.Any) -> None:
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(
            f"{name} is a string, not {value!r}.", code="parameter_invalid", param=name
        )
