"""``flask accrue adopt``: customers whose ids the host has stored already, linked to their owners."""

from __future__ import annotations

import collections.abc as c
import json
import typing as t

import click
from flask.cli import with_appcontext

from ..adopting import (
    Adoption,
    Claim,
    claims_of_csv,
    claims_of_dj_stripe,
    claims_of_model,
)
from ..adopting import (
    adopt as adopt_claims,
)
from ..state import current_state


@click.command("adopt")
@click.option("--model", help="The billable model, such as myapp.models:Organization.")
@click.option("--customer-column", help="The model's column that holds the customer's id.")
@click.option(
    "--dj-stripe", is_flag=True, help="Read dj-stripe's customers; their subscribers are the model."
)
@click.option(
    "--database", metavar="URL", help="Where dj-stripe's tables are, if not in the app's database."
)
@click.option(
    "--csv",
    "csv_file",
    type=click.File(encoding="utf-8-sig"),
    help="A file with the columns owner_type, owner_id and customer_id; - reads standard input.",
)
@click.option("--processor", help="Which one; by default the configured one.")
@click.option("--fetch", is_flag=True, help="Ask the processor for each customer, and mirror it.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
@with_appcontext
def adopt(
    model: str | None,
    customer_column: str | None,
    dj_stripe: bool,
    database: str | None,
    csv_file: t.TextIO | None,
    processor: str | None,
    fetch: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Link customers that the processor has to their owners, as you have stored it; write nothing there.

    Say where it's stored: --model with --customer-column, --model with --dj-stripe, or --csv. What is in
    doubt is listed and left alone, and the command exits with 1. Then `flask accrue sync` fetches the rest.
    """
    ways = [customer_column is not None, dj_stripe, csv_file is not None]
    if ways.count(True) != 1:
        raise click.UsageError("Give one of --customer-column, --dj-stripe and --csv.")
    if database is not None and not dj_stripe:
        raise click.UsageError("--database is where dj-stripe's tables are; add --dj-stripe.")
    if csv_file is None and model is None:
        raise click.UsageError("Name the billable --model, such as myapp.models:Organization.")
    claims: c.Iterator[Claim]
    if csv_file is not None:
        claims = claims_of_csv(csv_file)
    elif dj_stripe:
        mode = current_state().processor(processor).livemode
        claims = claims_of_dj_stripe(t.cast(str, model), database, livemode=mode)
    else:
        claims = claims_of_model(t.cast(str, model), t.cast(str, customer_column))
    result = adopt_claims(claims, processor=processor, dry_run=dry_run, fetch=fetch)
    if as_json:
        _print_json(result, dry_run=dry_run)
    else:
        _print(result, dry_run=dry_run)
    if result.conflicts:
        raise click.exceptions.Exit(1)


def _print(result: Adoption, *, dry_run: bool) -> None:
    for conflict in result.conflicts:
        claim = conflict.claim
        click.echo(
            f"{claim.customer} ({claim.where}) isn't linked to {claim.owner_type}:{claim.owner_id}: "
            f"{conflict.reason}"
        )
    click.echo(
        f"{result.adopted:,} linked, {result.unchanged:,} were before, "
        f"{len(result.conflicts):,} in doubt."
    )
    if dry_run:
        click.echo("Nothing was written.")


def _print_json(result: Adoption, *, dry_run: bool) -> None:
    told = {
        "dry_run": dry_run,
        "adopted": result.adopted,
        "unchanged": result.unchanged,
        "conflicts": [{**each.claim._asdict(), "reason": each.reason} for each in result.conflicts],
    }
    click.echo(json.dumps(told))
