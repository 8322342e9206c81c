"""Tax, where it's reckoned automatically: a small table of rates, to the minor unit, in integers.

The rates are those of one year, and only so that something is reckoned: whoever bills for real lets the
processor say. A country that isn't in the table has no tax; where a customer is isn't looked up by its
address on the internet.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ...money import Money, payable_step
from .. import objects
from .refusals import refused
from .transaction import Transaction

#: In hundredths of a percent, by country, or by country and state.
RATES: t.Final[t.Mapping[str, int]] = {
    "AT": 2000,
    "BE": 2100,
    "CH": 810,
    "DE": 1900,
    "DK": 2500,
    "ES": 2100,
    "FR": 2000,
    "GB": 2000,
    "HU": 2700,
    "IE": 2300,
    "IS": 2400,
    "IT": 2200,
    "JP": 1000,
    "NL": 2100,
    "PL": 2300,
    "SE": 2500,
    "US-CA": 725,
    "US-NY": 400,
    "US-TX": 625,
}
_WHOLE: t.Final = 10_000

#: The members of the European Union.
EU: t.Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
)
#: Whose numbers at tax offices begin otherwise than its code.
_GREECE: t.Final = {"EL": "GR"}

EXEMPTIONS: t.Final = ("none", "exempt", "reverse")

#: Codes that ISO 3166 will never give to a country.
_NOWHERE: t.Final = ("AA", "QM", "XX", "ZZ")

COMPLETE: t.Final = "complete"
#: Nobody knows where the customer is.
NO_LOCATION: t.Final = "requires_location_inputs"

BEHAVIORS: t.Final = ("inclusive", "exclusive")
#: The stable code of what can't be taxed.
INVALID_LOCATION: t.Final = "customer_tax_location_invalid"

Taxed: t.TypeAlias = tuple[
    tuple[objects.InvoiceLine, ...], tuple[objects.TaxAmount, ...], str | None
]


def taxed(
    tx: Transaction, invoice: objects.Invoice, lines: c.Sequence[objects.InvoiceLine]
) -> Taxed:
    """Return the lines with their tax, the tax by whether the prices hold it, and how it stands."""
    if not tx.aside(invoice.processor_id).get("automatic_tax"):
        return tuple(lines), (), None
    return reckoned(tx, tx.get(objects.Customer, invoice.customer), lines)


def reckoned(
    tx: Transaction, customer: objects.Customer, lines: c.Sequence[objects.InvoiceLine]
) -> Taxed:
    """Return the lines with the tax that a customer has to pay on them, as :func:`taxed` does.

    Who pays none, or pays it itself, is charged what the lines say: no tax comes on top, and what a price
    holds isn't taken off.
    """
    rate, reason = _rate(customer), _untaxed(tx, customer)
    charged = rate if rate and reason is None else 0
    if reason is None:
        reason = "standard_rated" if rate else "not_collecting"
    every = tuple(_with_tax(line, charged, _is_inclusive(tx, line)) for line in lines)
    parts = tuple(
        objects.TaxAmount(
            amount=sum(line.inclusive_tax if inclusive else line.tax for line in within),
            inclusive=inclusive,
            taxable_amount=sum(line.amount - line.discount - line.inclusive_tax for line in within)
            if charged
            else 0,
            reason=reason,
        )
        for inclusive in (False, True)
        if (within := [line for line in every if _is_inclusive(tx, line) == inclusive])
    )
    return every, () if rate is None else parts, NO_LOCATION if rate is None else COMPLETE


def is_automatic(tx: Transaction, subscription: str | None) -> bool:
    """Tell whether the tax of a subscription's invoices is reckoned automatically."""
    found = tx.peek(objects.Subscription, subscription)
    return found is not None and found.automatic_tax is True


def is_located(customer: objects.Customer) -> bool:
    """Tell whether it's known where a customer is, as far as tax goes by it."""
    return _rate(customer) is not None


def require_location(customer: objects.Customer) -> None:
    """Refuse to reckon the tax of a customer of whom nobody knows where it is.

    :raises InvalidRequest: with the code ``customer_tax_location_invalid``.
    """
    if not is_located(customer):
        raise refused(
            "Tax can't be reckoned: nobody knows where this customer is.",
            "automatic_tax",
            INVALID_LOCATION,
        )


def check_location(address: t.Any) -> None:
    """Check that a place can be told from an address, as far as tax goes by it.

    :raises InvalidRequest: with the code ``customer_tax_location_invalid`` otherwise.
    """
    told = address if isinstance(address, c.Mapping) else {}
    country = told.get("country") or ""
    known = len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()
    if not known or country in _NOWHERE or (country == "US" and not told.get("postal_code")):
        raise refused(
            "The customer's location isn't recognized. Give a country as two letters such as 'DE', and in "
            "the USA also the postal code.",
            "address",
            INVALID_LOCATION,
        )


def _untaxed(tx: Transaction, customer: objects.Customer) -> str | None:
    """Return why a customer is charged no tax, in Stripe's words; ``None``: it is.

    A number makes a business, as at Stripe, which goes by how that is written and not by whether it was
    verified (https://docs.stripe.com/tax/zero-tax).
    """
    if customer.tax_exempt == "exempt":
        return "customer_exempt"
    seller, country = tx.rules.tax_country, customer.address.get("country")
    crosses = country in EU and seller is not None and seller != country
    is_business = crosses and any(
        _GREECE.get(number.country or "", number.country) == country
        for number in tx.all(objects.TaxId, customer.processor_id)
        if number.type == "eu_vat" and not number.deleted
    )
    return "reverse_charge" if is_business or customer.tax_exempt == "reverse" else None


def _rate(customer: objects.Customer) -> int | None:
    country, state = customer.address.get("country"), customer.address.get("state")
    if not country:
        return None
    return RATES.get(country, RATES.get(f"{country}-{state}", 0))


def _with_tax(line: objects.InvoiceLine, rate: int, inclusive: bool) -> objects.InvoiceLine:
    unit = payable_step(line.currency)
    # Money rounds half to even, here to whole steps.
    base = Money(line.amount - line.discount, line.currency)
    whole = (_WHOLE + rate if inclusive else _WHOLE) * unit
    tax = base.share(rate, whole).amount_minor * unit
    return dataclasses.replace(
        line, tax=0 if inclusive else tax, inclusive_tax=tax if inclusive else 0
    )


def _is_inclusive(tx: Transaction, line: objects.InvoiceLine) -> bool:
    """Tell whether an amount holds its tax: its price says so, else what it was added with."""
    price = None if line.price is None else tx.peek(objects.Price, line.price)
    return (line.tax_behavior if price is None else price.tax_behavior) == "inclusive"
