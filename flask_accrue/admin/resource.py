"""Declaring what the back office shows: tables, lists, pages of one row. The machines do the rest."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import enum
import typing as t

from sqlalchemy import orm

from .. import models
from ..errors import ConfigError
from .cells import Badge, Value
from .filters import Condition, Filter

if t.TYPE_CHECKING:
    from .actions import Action

R = t.TypeVar("R", bound=models.Base)


#: Arguments of a list's address that are no filters.
RESERVED: t.Final = frozenset({"cursor", "export", "id", "resource", "select", "size", "tab"})


class Scope(enum.Enum):
    """How rows are kept from operators who may only see some owners."""

    #: The rows are the customers themselves.
    CUSTOMER = "customer"
    #: Each row has a ``customer_id``; one without it is nobody's, and only seen by who may see all.
    BY_CUSTOMER = "by_customer"
    #: The rows say nothing about any owner, as the catalog does: every operator sees them.
    SHARED = "shared"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column(t.Generic[R]):
    """A column of a table.

    :ivar cell: what stands in it for a row.
    :ivar kind: how it's set: ``text``, ``money``, ``number``, ``time``, ``status`` or ``code``.
    :ivar exported_only: it's in the export and takes no room on the page.
    """

    label: str
    cell: c.Callable[[R], Value]
    kind: str = "text"
    exported_only: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table(t.Generic[R]):
    """Rows of a model, newest first.

    :ivar scope: how it's kept from operators who may only see some owners. It has no default.
    :ivar moment: the time that rows are ordered by, before their id; an index ends in these two.
        ``None`` orders by id alone.
    :ivar options: what is loaded along; anything else that a cell asks for is refused, so that a page
        has a bounded number of statements.
    :ivar empty: what stands there instead of no rows: a title and a sentence.
    """

    title: str
    model: type[R]
    scope: Scope
    columns: tuple[Column[R], ...]
    moment: orm.InstrumentedAttribute[t.Any] | None
    options: tuple[t.Any, ...] = ()
    empty: tuple[str, str | None] = ("Nothing here yet.", None)

    def check(self) -> None:
        """Refuse a declaration that could show somebody else's rows.

        :raises ConfigError: naming the table and what is wrong.
        """
        has_customer = hasattr(self.model, "customer_id")
        wrong = {
            Scope.CUSTOMER: self.model is not models.Customer,
            Scope.BY_CUSTOMER: not has_customer,
            Scope.SHARED: has_customer or self.model is models.Customer,
        }.get(self.scope, True)
        if wrong:
            raise ConfigError(
                f"The back office can't show {self.title!r}: its scope is {self.scope!r}, which "
                f"{self.model.__name__} can't be kept by. Use Scope.BY_CUSTOMER for rows with a "
                "customer_id, Scope.CUSTOMER for customers, and Scope.SHARED for rows that say "
                "nothing about any owner."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tab(t.Generic[R]):
    """A part of a row's page."""

    name: str
    label: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class RelatedTab(Tab[R]):
    """Rows of another table that belong to this one, paged as any list.

    :ivar without: labels of columns that would say the same in each row.
    """

    table: Table[t.Any]
    where: c.Callable[[R], Condition]
    without: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimelineTab(Tab[R]):
    """Entries of the ledger, the newest first, paged as any list."""

    where: c.Callable[[R], Condition]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextTab(Tab[R]):
    """Texts that are laid out already, such as a body: pairs of a title and the text."""

    texts: c.Callable[[R], c.Sequence[tuple[str, str]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedTab(Tab[R]):
    """A small table made of the row itself: column labels with their kind, then rows of values."""

    columns: tuple[tuple[str, str], ...]
    rows: c.Callable[[R], c.Sequence[c.Sequence[Value]]]
    empty: tuple[str, str | None] = ("Nothing here.", None)


class Notice(t.NamedTuple):
    """A row's state in plain words."""

    text: str
    tone: str = "info"
    title: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Detail(t.Generic[R]):
    """The page of one row.

    :ivar title: its heading; ``note`` a line below.
    :ivar notices: its state in plain words.
    :ivar facts: pairs of a term and a value.
    """

    title: c.Callable[[R], str]
    facts: c.Callable[[R], c.Sequence[tuple[str, Value]]]
    badge: c.Callable[[R], Badge | None] = lambda row: None
    note: c.Callable[[R], str | None] = lambda row: None
    notices: c.Callable[[R], c.Sequence[Notice]] = lambda row: ()
    tabs: tuple[Tab[R], ...] = ()
    options: tuple[t.Any, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource(Table[R]):
    """A table with a list of its own, and pages of its rows.

    :ivar name: its part of the URL.
    :ivar singular: what one row is called.
    :ivar group: the heading in the navigation.
    """

    name: str
    singular: str
    group: str
    icon: str
    note: str | None = None
    filters: tuple[Filter, ...] = ()
    detail: Detail[R] | None = None
    actions: tuple[Action[R], ...] = ()

    def check(self) -> None:
        """Refuse a declaration that could show somebody else's rows, here or in a tab."""
        super().check()
        for each in self.filters:
            if each.name in RESERVED or each.name.startswith("_"):
                raise ConfigError(
                    f"The back office can't show {self.title!r}: a filter can't be named "
                    f"{each.name!r}, which means something else in the address of a list."
                )
        for tab in self.detail.tabs if self.detail is not None else ():
            if isinstance(tab, RelatedTab):
                tab.table.check()

    def tab(self, name: str | None) -> Tab[R] | None:
        """Return a tab by name, the first one without a name, or ``None`` when there is none."""
        tabs = self.detail.tabs if self.detail is not None else ()
        return next((tab for tab in tabs if name is None or tab.name == name), None)

    def action(self, name: str) -> Action[R] | None:
        """Return an action by name, or ``None``."""
        return next((action for action in self.actions if action.name == name), None)
