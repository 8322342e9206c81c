"""``flask accrue catalog``: what is sold, as it's mirrored, and fetching it anew."""

from __future__ import annotations

import json
import typing as t

import click
from flask.cli import with_appcontext

from .. import billing, models
from ..origins import Actor, acting_as


@click.group("catalog", help="List what is sold, and fetch it from the processor.")
def group() -> None:
    """Hold the commands together."""


@group.command("sync")
@click.option("--processor", help="Of this processor; by default that of new customers.")
@with_appcontext
def sync_command(processor: str | None) -> None:
    """Fetch all products and prices, retired ones too, and write what the processor says."""
    with acting_as(Actor("system", "cli")):
        number = billing.sync_catalog(processor)
    click.echo(f"{number} products and prices are as the processor has them.")


@group.command("list")
@click.option("--processor", help="Of this processor; by default that of new customers.")
@click.option("--all", "everything", is_flag=True, help="Retired ones too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
@with_appcontext
def list_command(processor: str | None, everything: bool, as_json: bool) -> None:
    """List the mirrored prices, the cheapest first. Doesn't ask the processor."""
    rows = [_told(price) for price in billing.list_prices(processor, active=not everything)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        every = f" / {row['every']}" if row["every"] else ""
        retired = "" if row["active"] else "  (retired)"
        click.echo(f"{row['price']}  {row['amount'] or 'varies'}{every}  {row['product']}{retired}")
    if not rows:
        click.echo("There is nothing. `flask accrue catalog sync` fetches what is sold.")


def _told(price: models.Price) -> dict[str, t.Any]:
    count = "" if price.interval_count == 1 else f"{price.interval_count} "
    return {
        "price": price.processor_id,
        "product": price.product.name if price.product is not None else price.product_processor_id,
        "amount": None if price.money is None else price.money.format("en_US"),
        "every": None if price.interval is None else f"{count}{price.interval}",
        "active": price.active and price.deleted_at is None,
    }
