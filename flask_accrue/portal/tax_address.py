"""Where a customer is: the mounted checkout asks for it before it tells a price, as tax goes by it, and the
portal lets it be corrected."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import re
import typing as t

from babel import Locale, UnknownLocaleError

from .. import billing, models
from ..errors import InvalidRequest

#: The fields of the form, by the names that an address has at a processor, and how long each may be.
_FIELDS: t.Final[t.Mapping[str, int]] = {
    "country": 2,
    "line1": 200,
    "line2": 200,
    "postal_code": 20,
    "city": 100,
    "state": 100,
}
_ZIP: t.Final = re.compile(r"\d{5}(-\d{4})?\Z", re.ASCII)
_CANADIAN: t.Final = re.compile(r"[A-Z]\d[A-Z] ?\d[A-Z]\d\Z", re.ASCII | re.IGNORECASE)
#: Two letters that Unicode names and no country has.
_NO_COUNTRY: t.Final = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())
_LONGEST_SHOWN: t.Final = 200


@dataclasses.dataclass(frozen=True)
class TaxAddress:
    """The form for an address, as it's shown.

    :ivar typed: what stands in its fields.
    :ivar wrong: what is wrong with each of them, in a sentence; under ``""`` with all of it.
    :ivar countries: their codes and names, in the order of the names.
    """

    typed: c.Mapping[str, str]
    wrong: c.Mapping[str, str]
    countries: tuple[tuple[str, str], ...]


def store_address(
    customer: models.Customer, typed: c.Mapping[str, str], *, operation_id: str | None = None
) -> dict[str, str]:
    """Keep where a customer is, at the processor too; return what is wrong with it, as :func:`problems` does.

    :raises AccrueError: for anything but an address that the processor doesn't recognize.
    """
    wrong = problems(typed)
    if wrong:
        return wrong
    try:
        billing.update_customer_tax_location(customer, typed, operation_id=operation_id)
    except InvalidRequest as error:
        if error.code != "customer_tax_location_invalid":
            raise
        return {"": "This address isn't recognized. Check how it's written."}
    return {}


def known_address(customer: models.Customer) -> dict[str, str]:
    """Return where a customer is, as far as the processor said it."""
    address = customer.raw.get("address") or {}
    return {name: address[name] for name in _FIELDS if address.get(name)}


def typed_address(form: c.Mapping[str, str]) -> dict[str, str]:
    """Return the address that was typed, without the fields that were left empty."""
    typed = {name: form.get(name, "").strip()[: _LONGEST_SHOWN + 1] for name in _FIELDS}
    return {name: value for name, value in typed.items() if value}


def problems(address: c.Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with an address, a sentence for each field; nothing where it can be sent.

    A processor has the last word.
    """
    wrong = {
        name: f"This is too long; {longest} characters are the most."
        for name, longest in _FIELDS.items()
        if len(address.get(name, "")) > longest
    }
    wrong |= {
        name: "This has characters that can't be used."
        for name, value in address.items()
        if not value.isprintable()
    }
    country, code = address.get("country"), address.get("postal_code", "")
    if country not in _countries("en"):
        wrong["country"] = "Choose your country."
    elif country == "US" and not _ZIP.match(code):
        wrong["postal_code"] = "In the United States tax goes by the ZIP code, such as 94103."
    elif country == "CA" and not (_CANADIAN.match(code) or (not code and address.get("state"))):
        wrong["postal_code"] = "In Canada tax goes by the postal code, such as K1A 0B1."
    return wrong


def form_of(
    locale: str | None,
    typed: c.Mapping[str, str] | None = None,
    wrong: c.Mapping[str, str] | None = None,
) -> TaxAddress:
    """Return the form, its countries in a language."""
    named = _countries(locale or "en")
    ordered = sorted(named.items(), key=lambda each: each[1].casefold())
    return TaxAddress(typed=typed or {}, wrong=wrong or {}, countries=tuple(ordered))


@functools.cache
def _countries(locale: str) -> dict[str, str]:
    try:
        parsed = Locale.parse(locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        parsed = Locale.parse("en")
    return {
        code: name
        for code, name in parsed.territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY
    }
