"""Which of the rows that were sent together the database refused: no driver says so.

It is found by what was sent, by what the error says, and by reading. Sending the rows again,
one by one, would tell as well, and could save them: an engine may be in autocommit, a table
without transactions, and sqlite3's transactions are not what they seem.
"""

from __future__ import annotations

import contextlib
import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import Grouping

from ln_jupyter.schema.tables import user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ln_jupyter.orm.failures import Failure

    Row = Mapping[str, Any]
    """Values by the names of parameters, which are those of columns."""
    Conditions = Sequence[tuple[int, sa.ColumnElement[bool]]]
    """What is true in the database if the row with this number is refused."""

_AT_ONCE = 100
"""Conditions in a statement: SQLite's expressions may be a thousand deep, and SQL Server takes 2,100 parameters."""

_MOST = 10_000
"""Of more rows, each would have to be asked about."""

_BITS = ((sa.SmallInteger, 16), (sa.BigInteger, 64), (sa.Integer, 32))


@dataclass(frozen=True)
class Undone:
    """What a transaction sent before the statement that failed, and what is gone with it.

    Attributes:
        rows: Of each table.
        is_all: Whether nothing else is gone.
    """

    rows: Mapping[sa.Table, Sequence[Row]] = field(default_factory=dict)
    is_all: bool = True


def find(failure: Failure, tables: Iterable[sa.Table], read: sa.Connection, undone: Undone) -> int | None:
    """Find the row that a statement failed for.

    Args:
        failure: The statement.
        tables: Those that it may have written to.
        read: Sees what the database holds now.
        undone: What it does not see any more.

    Returns:
        Its number among the failure's rows; None if it cannot be told.
    """
    numbers = _in_the_part_that_failed(failure)
    if len(numbers) == 1:
        return numbers[0]
    if 1 < len(numbers) <= _MOST:
        for table in tables:
            found = _Search(failure, table, numbers, read, undone).find()
            if found is not None:
                return found
    return None


def agree(row: Row, other: Row) -> bool:
    """Return whether two have the same values, as far as both have them."""
    return all(_is_same(row[name], other[name]) for name in row.keys() & other.keys())


def _in_the_part_that_failed(failure: Failure) -> list[int]:
    """Return the numbers of the rows that may have been in it: SQLAlchemy sends many rows in several statements."""
    rows, sent, names = failure.rows, failure.sent, failure.positions
    every = list(range(len(rows)))
    if not (names and rows and sent and isinstance(sent, tuple)) or isinstance(sent[0], tuple):
        return every
    size, rest = divmod(len(sent), len(names))
    if rest or not 0 < size < len(rows):
        return every

    def likeness(start: int) -> int:
        given = (rows[start + at // len(names)].get(names[at % len(names)]) for at in range(len(sent)))
        return sum(map(_is_same, given, sent))  # values of some types are others for the driver

    found = {start: likeness(start) for start in (*range(0, len(rows) - size, size), len(rows) - size)}
    best = max(found.values())
    starts = [start for start, like in found.items() if like == best]
    return [number for number in every if any(start <= number < start + size for start in starts)]


class _Search:
    """For one table; each way to find the row gives its number, or None."""

    def __init__(
        self, failure: Failure, table: sa.Table, numbers: list[int], read: sa.Connection, undone: Undone
    ) -> None:
        self.failure = failure
        self.message = str(failure.error)
        self.table = table
        self.rows = {number: failure.rows[number] for number in numbers}
        self.read = read
        self.undone = undone

    def find(self) -> int | None:
        """Try one way after the other."""
        ways: list[Callable[[], int | None]]
        if self.failure.is_of_constraint:
            ways = [lambda: self._first(self._is_null), self._duplicate, self._orphan, self._unchecked]
        elif self.failure.is_of_driver:
            of_value = (self._is_of_strange_class, self._does_not_fit)
            ways = [
                self._unchecked,
                *(functools.partial(self._first, each) for each in of_value),
            ]  # one of MariaDB's, too
        else:
            ways = [lambda: self._first(self._is_incomplete), lambda: self._first(self._cannot_be_sent)]
        return next((found for way in ways if (found := way()) is not None), None)

    def _first(self, is_refused: Callable[[Row], bool]) -> int | None:
        return next((number for number, row in self.rows.items() if is_refused(row)), None)

    def _columns(self, row: Row) -> Iterable[tuple[sa.Column[Any], Any]]:
        return ((column, row[column.key]) for column in self.table.columns if column.key in row)

    # -- a value that cannot be ----------------------------------------------------------------------------------

    def _is_incomplete(self, row: Row) -> bool:
        return not next(iter(self.rows.values())).keys() <= row.keys()

    def _cannot_be_sent(self, row: Row) -> bool:
        """Return whether a value is none for the type of its column."""
        for column, value in self._columns(row):
            process = column.type.dialect_impl(self.read.dialect).bind_processor(self.read.dialect)
            try:
                _ = process is None or process(value)
            except Exception:  # noqa: BLE001 - of any type, also the user's own: it is what is looked for
                return True
        return False

    def _is_of_strange_class(self, row: Row) -> bool:
        values = (value for _, value in self._columns(row) if not isinstance(value, (str, int, float, bytes)))
        return any(value is not None and _mentions(self.message, type(value).__name__) for value in values)

    def _does_not_fit(self, row: Row) -> bool:
        return any(self._is_unfit(column, value) for column, value in self._columns(row) if value is not None)

    def _is_unfit(self, column: sa.Column[Any], value: object) -> bool:
        """Return whether a value is too long, too large or of another class than its column's, or is what the error quotes."""
        with contextlib.suppress(NotImplementedError):  # of types that can be anything
            is_plain = isinstance(value, (str, bytes, int, float)) and not _mentions(self.message, column.name)
            if not (is_plain or isinstance(value, column.type.python_type)):
                return True
        is_sqlite = self.read.dialect.name == "sqlite"  # which looks at no length, and has one kind of integer
        if isinstance(value, str):
            length = None if is_sqlite else getattr(column.type, "length", None)
            is_long = length is not None and len(value) > length
            is_quoted = f"'{value}'" in self.message or f'"{value}"' in self.message
            return is_long or is_quoted or "\0" in value or any("\ud800" <= each <= "\udfff" for each in value)
        if isinstance(value, int):
            bits = 64 if is_sqlite else next((bits for kind, bits in _BITS if isinstance(column.type, kind)), 64)
            return not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)
        return False

    # -- a constraint --------------------------------------------------------------------------------------------

    def _is_null(self, row: Row) -> bool:
        null = (c.name for c, value in self._columns(row) if value is None and not c.nullable)
        return any(_mentions(self.message, name) for name in null)

    def _duplicate(self) -> int | None:
        uniques = (c for c in self.table.constraints if isinstance(c, (sa.PrimaryKeyConstraint, sa.UniqueConstraint)))
        indexes = (i for i in self.table.indexes if i.unique and all(isinstance(e, sa.Column) for e in i.expressions))
        found = (self._duplicate_of(each, list(each.columns)) for each in (*uniques, *indexes))
        return min((number for number in found if number is not None), default=None)

    def _duplicate_of(self, unique: Any, columns: list[sa.Column[Any]]) -> int | None:
        if not self._is_about(unique, columns):
            return None
        rows = {n: row for n, row in self._told(columns).items() if None not in _values(row, columns)}
        seen = {_values(row, columns) for row in self.undone.rows.get(self.table, ())}
        again = None
        for number, row in rows.items():
            if (values := _values(row, columns)) in seen:
                again = number
                break
            seen.add(values)
        before = {number: row for number, row in rows.items() if again is None or number < again}
        there = self._first_true([(number, self._exists(row, columns)) for number, row in before.items()])
        return again if there is None else there

    def _exists(self, row: Row, columns: list[sa.Column[Any]]) -> sa.ColumnElement[bool]:
        """Say that another row has the same values."""
        same = [column == row[column.key] for column in columns]
        own = [(c, row[name]) for c in self.table.primary_key if (name := f"{self.table.name}_{c.name}") in row]
        if own:  # of an update, whose row is there
            same.append(sa.not_(sa.and_(*(column == value for column, value in own))))
        return sa.select(sa.literal_column("1")).select_from(self.table).where(*same).exists()

    def _orphan(self) -> int | None:
        keys = [key for key in self.table.foreign_key_constraints if self._is_about(key, list(key.columns))]
        referring = {n for n, row in self.rows.items() if any(None not in _values(row, [*key.columns]) for key in keys)}
        if len(referring) == 1:
            return referring.pop()
        for key in keys:
            columns = list(key.columns)
            if key.referred_table is user:  # whose row is made by the transaction
                continue
            parents = [element.column for element in key.elements]
            told = self._told(columns)
            sent = [*self.undone.rows.get(key.referred_table, ())]
            if key.referred_table is self.table:
                sent += self.rows.values()
            is_clear = self.undone.is_all and all(parent.key in row for row in sent for parent in parents)
            if len(told) == len(self.rows) and not is_clear:
                continue  # a parent that is undone was there, and nothing says which one
            known = {_values(row, parents) for row in sent}
            conditions = []
            for number, row in told.items():
                values = _values(row, columns)
                if None not in values and values not in known:
                    is_there = (parent == value for parent, value in zip(parents, values, strict=True))
                    conditions.append((number, ~sa.select(sa.literal_column("1")).where(*is_there).exists()))
            if (found := self._first_true(conditions)) is not None:
                return found
        return None

    def _unchecked(self) -> int | None:
        for check in self.table.constraints:
            if not isinstance(check, sa.CheckConstraint):
                continue
            compiler = self.read.dialect.statement_compiler(self.read.dialect, None)
            text = compiler.process(check.sqltext, include_table=False, literal_binds=True)
            if not (text in self.message or (check.name and _mentions(self.message, str(check.name)))):
                continue
            broken: sa.ColumnElement[bool] = ~Grouping(sa.literal_column(text))
            conditions = []
            for number, row in self.rows.items():
                values = (sa.literal(value, column.type).label(column.name) for column, value in self._columns(row))
                given = sa.select(*values).subquery(self.table.name)
                conditions.append((number, sa.exists(sa.literal_column("1")).select_from(given).where(broken)))
            if (found := self._first_true(conditions)) is not None:
                return found
        return None

    def _is_about(self, constraint: Any, columns: list[sa.Column[Any]]) -> bool:
        """Return whether the error names a constraint, or one of its columns; of a foreign key, SQLite names neither."""
        names = [column.name for column in columns]
        if isinstance(constraint, sa.PrimaryKeyConstraint):
            names.append("PRIMARY")
        if isinstance(constraint, sa.ForeignKeyConstraint):
            names += ["FOREIGN KEY", "foreign key"]
        if isinstance(constraint.name, str):
            names.append(constraint.name)
        return any(_mentions(self.message, name) for name in names)

    def _told(self, columns: list[sa.Column[Any]]) -> dict[int, Row]:
        """Return the rows of which the error tells the values, as some databases do; else all."""
        told = {
            number: row
            for number, row in self.rows.items()
            if all(_mentions(self.message, str(value)) for value in _values(row, columns))
        }
        return told or self.rows

    # -- asking --------------------------------------------------------------------------------------------------

    def _first_true(self, conditions: Conditions) -> int | None:
        for start in range(0, len(conditions), _AT_ONCE):
            some = conditions[start : start + _AT_ONCE]
            if not self._is_any_true(some):
                continue
            while len(some) > 1:
                half = len(some) // 2
                some = some[:half] if self._is_any_true(some[:half]) else some[half:]
            return some[0][0]
        return None

    def _is_any_true(self, conditions: Conditions) -> bool:
        is_any = sa.or_(*(condition for _, condition in conditions))
        return bool(self.read.scalar(sa.select(sa.case((is_any, 1), else_=0))))


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _values(row: Row, columns: list[sa.Column[Any]]) -> tuple[Any, ...]:
    return tuple(row.get(column.key) for column in columns)


def _is_same(one: object, other: object) -> bool:
    if one is other:
        return True
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # noqa: BLE001 - of values of any class: an array is neither equal nor unequal
        return False
