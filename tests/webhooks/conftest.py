"""Hosts with databases of their own, as many as a test asks for."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import models
from tests.host import Organization, app, create_host, kit, org
from tests.webhooks.told import further_config, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy

    from flask_accrue import Accrue

    FreshHost = Callable[..., tuple[Flask, SQLAlchemy, Accrue]]

__all__ = ["app", "further_config", "kit", "org", "told"]


@pytest.fixture
def fresh_host(database_url: str) -> Iterator[FreshHost]:
    """Give what builds a host on a migrated database without a row, with the organization 1.

    The next one takes the place of the last; one of the same configuration is only emptied.
    """
    pristine = None
    if database_url.startswith("sqlite"):
        pristine = Path(f"{_file(database_url)}.pristine")
        shutil.copyfile(_file(database_url), pristine)
    built: dict[str, tuple[Flask, SQLAlchemy, Accrue]] = {}
    contexts: list[Any] = []

    def end() -> None:
        while contexts:
            context, db = contexts.pop()
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()
            context.pop()

    def build(**config: Any) -> tuple[Flask, SQLAlchemy, Accrue]:
        end()
        if pristine is not None:
            for suffix in ("-wal", "-shm", "-journal"):
                Path(f"{_file(database_url)}{suffix}").unlink(missing_ok=True)
            shutil.copyfile(pristine, _file(database_url))
        if repr(config) not in built:
            built[repr(config)] = create_host(database_url, **config)
        app, db, accrue = built[repr(config)]
        context = app.app_context()
        context.push()
        contexts.append((context, db))
        if pristine is None:
            _empty(db.engine)
        else:
            Organization.metadata.create_all(db.engine)
        db.session.add(Organization(id=1, name="Acme", email="billing@acme.example"))
        db.session.commit()
        return app, db, accrue

    yield build
    end()


def _file(url: str) -> str:
    return sa.make_url(url).database or ""


def _empty(engine: sa.Engine) -> None:
    heads = models.LedgerChain.__table__
    with engine.begin() as connection:
        # Neither the ledger's triggers nor foreign keys look at what happens now.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for table in (*Organization.metadata.sorted_tables, *models.Base.metadata.sorted_tables):
            if table is not heads:
                connection.execute(sa.delete(table))
        connection.execute(sa.delete(heads).where(heads.c.customer_id.is_not(None)))
        connection.execute(sa.update(heads).values(sequence=0, hash=""))
