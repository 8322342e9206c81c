"""A worker in a process of its own: ``python -m tests.webhooks.worker URL STORE``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm

from flask_accrue import webhooks
from tests.host import Base, create_host

if TYPE_CHECKING:
    from flask import Flask


class Handled(Base):
    """One run of the host's handler."""

    __tablename__ = "handled"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    event: orm.Mapped[str]
    worker: orm.Mapped[int]


def build(url: str, store: str | None = None, **config: Any) -> tuple[Flask, Any]:
    """Build a host whose handler leaves a row for each of its runs."""
    if store is not None:
        config["ACCRUE_FAKE_STORE"] = store
    app, db, accrue = create_host(url, **config)
    app.extensions["accrue"].queue.in_process = False

    @accrue.on("*")
    def note(event: Any, context: Any) -> None:
        db.session.add(Handled(event=event.raw["id"], worker=os.getpid()))
        db.session.commit()

    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            with db.engine.connect() as connection:
                connection.execute(sa.text("PRAGMA journal_mode = WAL"))
    return app, db


def main(url: str, store: str) -> None:
    """Work until nothing is due."""
    app, _ = build(url, store)
    with app.app_context():
        while webhooks.work_on_due():
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
