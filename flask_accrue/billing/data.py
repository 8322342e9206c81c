"""The host's own data on mirrored rows."""

from __future__ import annotations

import collections.abc as c
import json
import typing as t

from .. import mirror, models
from ..errors import InvalidRequest, StaleRecord
from ..origins import Origin, current_actor
from ..unit_of_work import UnitOfWork, write
from .perform import settle_session

R = t.TypeVar("R", bound=models.Mirrored)


def put_data(row: R, data: c.Mapping[str, t.Any]) -> R:
    """Replace the host's data of a row.

    :raises StaleRecord: when the row was changed since it was read.
    :raises InvalidRequest: for what isn't JSON.
    """
    _check(data)
    return _set(row, lambda old: dict(data))


def patch_data(row: R, data: c.Mapping[str, t.Any]) -> R:
    """Lay keys over the host's data of a row; ``None`` deletes a key.

    :raises StaleRecord: when the row was changed since it was read.
    :raises InvalidRequest: for what isn't JSON.
    """
    _check(data)
    return _set(row, lambda old: {k: v for k, v in {**old, **data}.items() if v is not None})


def _check(data: t.Any) -> None:
    if not isinstance(data, c.Mapping) or not all(isinstance(key, str) for key in data):
        raise InvalidRequest(
            f"Data is a mapping whose keys are strings, not {type(data).__name__}.",
            code="data_invalid",
            param="data",
        )


def _set(row: R, change: c.Callable[[dict[str, t.Any]], dict[str, t.Any]]) -> R:
    kind = next(name for name, model in models.MIRRORED.items() if model is type(row))
    processor, processor_id, version = row.processor, row.processor_id, row.lock_version
    customer_id = row.id if isinstance(row, models.Customer) else getattr(row, "customer_id", None)
    account = row.account if isinstance(row, models.CatalogRow) else None
    new = change(dict(row.data))
    try:
        json.dumps(new, allow_nan=False, ensure_ascii=False).encode()
        _refuse_nul(new)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(
            f"Data has to be JSON: {error}.", code="data_invalid", param="data"
        ) from None
    settle_session()

    def work(uow: UnitOfWork) -> R:
        customer = uow.lock_customer(customer_id) if customer_id is not None else None
        if customer is None:
            uow.lock_system(processor_id)
        now = uow.find(type(row), processor, processor_id, account)
        if now is None or now.lock_version != version:
            raise StaleRecord(
                f"This {kind} was changed since it was read; read it again and repeat the change."
            )
        mirror.set_data(uow, customer, kind, now, new)
        return now

    return write(work, origin=Origin(current_actor()))


def _refuse_nul(value: t.Any) -> None:
    # PostgreSQL's JSONB holds none.
    if isinstance(value, str) and "\0" in value:
        raise ValueError(f"{value[:60]!r} holds a NUL.")
    if isinstance(value, c.Mapping):
        for each in (*value, *value.values()):
            _refuse_nul(each)
    elif isinstance(value, list | tuple):
        for each in value:
            _refuse_nul(each)
