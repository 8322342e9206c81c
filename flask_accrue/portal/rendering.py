"""Pages for customers: what all of them are told."""

from __future__ import annotations

import typing as t

from flask import render_template

from .. import models
from ..pages import zone_name


def show(template: str, customer: models.Customer, **context: t.Any) -> str:
    """Render a customer's page: it says whose billing it is, and in which zone its dates are."""
    return render_template(
        template,
        customer_name=customer.name,
        zone=zone_name(customer.preferred_timezone),
        **context,
    )
