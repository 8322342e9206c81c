"""Which lines of a bill a credit note lowers, and by how much in all."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from .. import models
from ..errors import InvalidRequest, NotFound
from ..money import Money, payable_step
from .amounts import check_in, check_money
from .prices import check_quantity

#: How much of each line, named by the processor's id or the row: an amount, a quantity, or with ``None`` all.
Lines: t.TypeAlias = c.Mapping[t.Any, "Money | int | None"]


class Sum(t.NamedTuple):
    """What a note comes to, tax included, as closely as it's known: processors round parts themselves."""

    amount: int
    within: int = 0

    @property
    def least(self) -> int:
        """What it comes to at least."""
        return max(0, self.amount - self.within)

    @property
    def most(self) -> int:
        """What it comes to at most."""
        return self.amount + self.within


@dataclasses.dataclass(frozen=True)
class CreditedLine:
    """A line of a bill, and how much of it is credited: so many, or an amount before discount and tax.

    :ivar discounts: how many discounts its bill has at most for it; ``taxes``: how many taxes come on top.
    """

    line: models.InvoiceItem
    quantity: int | None = None
    amount: int | None = None
    discounts: int = 1
    taxes: int = 1

    def told(self) -> dict[str, t.Any]:
        """Return it as it's sent."""
        return {
            "line": self.line.processor_id,
            "quantity": self.quantity,
            "amount": self.amount,
        }

    def sum(self) -> Sum:
        """Return what it comes to."""
        line = self.line
        if self.amount is not None:
            part, whole = self.amount, line.amount
        else:
            part, whole = t.cast(int, self.quantity), t.cast(int, line.quantity)
        full = Money(line.amount - line.discount + line.tax, line.currency)
        within = 0 if part == whole else self._rounded() * payable_step(line.currency)
        return Sum(full.share(part, whole, payable=True).amount_minor, within)

    def _rounded(self) -> int:
        """Return how many parts of the sum a processor rounds, each by itself."""
        taken_off = self.discounts if self.line.discount else 0
        on_top = self.taxes if self.line.tax else 0
        return (self.amount is None) + taken_off + on_top


def credited_lines(invoice: models.Invoice, lines: t.Any) -> list[CreditedLine]:
    """Return the lines that are credited.

    :raises NotFound: for a line that isn't the bill's.
    :raises InvalidRequest: for more than there is of a line, for one that is a credit or costs nothing, for
        one that is named twice, and for anything that isn't lines with an amount, a quantity or ``None``.
    """
    if not isinstance(lines, c.Mapping) or not lines:
        raise _wrong(
            "Lines are named with how much of each is credited, such as {line: Money(500, 'usd')}, "
            f"{{line: 2}} or {{line: None}} for all of it, not {type(lines).__name__}.",
        )
    made = [_line(invoice, named, much) for named, much in lines.items()]
    ids = [each.line.id for each in made]
    if len(set(ids)) < len(ids):
        raise _wrong("A line is named twice; name it once, with how much is credited in all.")
    return made


def summed(lines: c.Iterable[CreditedLine]) -> Sum:
    """Return what lines come to together.

    :raises InvalidRequest: when that is nothing.
    """
    sums = [each.sum() for each in lines]
    total = Sum(sum(each.amount for each in sums), sum(each.within for each in sums))
    if total.most < 1:
        raise _wrong("Nothing was billed for these lines, so nothing can be credited.")
    return total


def _line(invoice: models.Invoice, named: t.Any, much: t.Any) -> CreditedLine:
    wanted = str(named.id) if isinstance(named, models.InvoiceItem) else named
    line = next(
        (each for each in invoice.items if wanted in (str(each.id), each.processor_id)), None
    )
    if line is None or line.processor_id is None:
        raise NotFound("This invoice has no such line.", param="lines")
    if line.amount <= 0:
        raise _wrong(
            f"The line {_name(line)} is {Money(line.amount, line.currency)}: only what was billed can be "
            "credited."
        )
    if much is None:
        return CreditedLine(line, amount=line.amount)
    discounts = max(1, len(invoice.discount_amounts))
    taxes = max(1, sum(not each["inclusive"] for each in invoice.total_taxes))
    if isinstance(much, Money):
        amount = _amount(invoice, line, much)
        return CreditedLine(line, amount=amount, discounts=discounts, taxes=taxes)
    return CreditedLine(line, quantity=_quantity(line, much), discounts=discounts, taxes=taxes)


def _amount(invoice: models.Invoice, line: models.InvoiceItem, much: Money) -> int:
    check_in(invoice.currency, check_money(much, "lines"), "invoice", "lines")
    if not 1 <= much.amount_minor <= line.amount:
        most = Money(line.amount, line.currency)
        raise InvalidRequest(
            f"Of the line {_name(line)} up to {most} can be credited, before discount and tax, not {much}.",
            code="amount_too_large" if much.amount_minor > line.amount else "amount_invalid",
            param="lines",
        )
    much.require_payable()
    return much.amount_minor


def _quantity(line: models.InvoiceItem, much: t.Any) -> int:
    if isinstance(much, bool) or not isinstance(much, int):
        raise _wrong(
            f"Of a line an amount, a quantity or None (all of it) is credited, not {much!r}."
        )
    check_quantity(much, least=1)
    if line.quantity is None or much > line.quantity:
        has = "no quantity" if line.quantity is None else f"the quantity {line.quantity}"
        raise _wrong(f"The line {_name(line)} has {has}, so {much} of it can't be credited.")
    return much


def _name(line: models.InvoiceItem) -> str:
    return repr(line.description or line.processor_id)


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="parameter_invalid", param="lines")
