"""The command line: ``flask accrue …``."""

from __future__ import annotations

import typing as t

import click
import sqlalchemy as sa
from alembic.util import CommandError
from flask.cli import AppGroup

from ..errors import AccrueError
from ..retry import told
from .adopt import adopt
from .catalog import group as catalog
from .doctor import doctor
from .fake import group as fake
from .ledger import ledger
from .migrations import group as db_group
from .operations import group as operations
from .sync import sync
from .usage import group as usage
from .webhooks import group as webhooks
from .work import scheduler, tick, worker


class Commands(AppGroup):
    """Ends a command with one line for what an operator can do something about, never a traceback."""

    def invoke(self, ctx: click.Context) -> t.Any:
        """Run a command; exits with 1 on an error of ours, of the database or of a file."""
        try:
            return super().invoke(ctx)
        except AccrueError as error:
            raise click.ClickException(error.message) from error
        except sa.exc.DBAPIError as error:
            raise click.ClickException(
                f"The database refused: {told(error, 300)}. `flask accrue doctor` looks for the cause."
            ) from error
        except BrokenPipeError:
            # Whoever read the output has read enough; click ends quietly.
            raise
        except (CommandError, OSError) as error:
            raise click.ClickException(str(error)) from error


group = Commands("accrue", help="Operate the billing of this app.")
for _command in (
    adopt,
    catalog,
    db_group,
    doctor,
    fake,
    ledger,
    operations,
    scheduler,
    sync,
    tick,
    usage,
    webhooks,
    worker,
):
    group.add_command(_command)
