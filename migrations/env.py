"""Runs Accrue's own migrations, on a connection that the caller opened.

:mod:`flask_accrue.cli.db` calls this through ``alembic.command`` with a configuration made in code, so
the host's Alembic files and loggers are never touched.
"""

from __future__ import annotations

from alembic import context

from flask_accrue import models

VERSION_TABLE = "accrue_alembic_version"

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=models.Base.metadata,
    version_table=VERSION_TABLE,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
