"""The command line: ``flask accrue …``."""

from __future__ import annotations

from flask.cli import AppGroup

from .doctor import doctor
from .fake import group as fake
from .ledger import ledger
from .migrations import group as db_group
from .operations import group as operations
from .webhooks import group as webhooks
from .work import scheduler, tick, worker

group = AppGroup("accrue", help="Operate the billing of this app.")
for _command in (db_group, doctor, fake, ledger, operations, scheduler, tick, webhooks, worker):
    group.add_command(_command)
