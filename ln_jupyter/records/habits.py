"""What people write after a statement or a session who know other libraries: each is told what to type here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import errors, sanitize
from ln_jupyter.orm.session import OrmSession

_INSTEAD = {
    "annotate": "ln.select(Model, expression)",
    "delete": "ln.delete(Model, name=...), or ln.delete(statement.all())",
    "earliest": ".order_by(Model.column).first()",
    "exclude": ".where(Model.column != value)",
    "execute": ".all()",
    "fetchall": ".all()",
    "fetchone": ".first()",
    "head": ".limit(5).df()",
    "iterator": ".stream()",
    "last": ".order_by(Model.column.desc()).first()",
    "latest": ".order_by(Model.column.desc()).first()",
    "mappings": ".df(), or .all()",
    "outerjoin": ".join(target, isouter=True)",
    "partitions": ".stream()",
    "prefetch_related": '.load("relationship")',
    "run": ".all()",
    "scalar": ".first()",
    "scalar_one": ".one()",
    "scalar_one_or_none": ".one_or_none()",
    "scalars": ".all()",
    "select_related": '.load("relationship")',
    "tail": ".order_by(Model.column.desc()).limit(5).df()",
    "to_df": ".df()",
    "to_list": ".all()",
    "to_pandas": ".df()",
    "tolist": ".all()",
    "unique": ".all()",
    "update": "change the records, and ln.add(records)",
    "values": "ln.select(Model.column, ...)",
    "values_list": "ln.select(Model.column, ...)",
    "yield_per": ".stream()",
}
"""Names of SQLAlchemy's queries and results, of Django's and of pandas, that are something else here."""

_LONGEST = 60  # characters that are shown of what is no index


class NotItsRows:
    """A statement that has not run: it is not the list of its rows, and has what a statement of ours has."""

    __slots__ = ()

    if TYPE_CHECKING:
        _entities: tuple[Any, ...]
        select: sa.Select[Any]

    def __bool__(self) -> bool:
        """Refuse to guess: a statement is neither empty nor full before it ran."""
        msg = "a statement that has not run is neither true nor false"
        raise errors.NothingGivenError(msg, fix="ask with .exists(), .count() or .first()")

    # Hidden from type checkers, which say by themselves that there is no such thing.
    if not TYPE_CHECKING:

        def __len__(self) -> int:
            """Refuse, by a TypeError: `list` asks first for the length, and would count the rows it then reads."""
            msg = "a statement that has not run has no length"
            raise errors.NotExecutedError(msg, fix="count in the database with .count(), or len(statement.all())")

        def __getitem__(self, index: object) -> object:
            """Refuse, with what gives the same rows."""
            msg = "a statement that has not run has no rows to choose from"
            raise errors.NotExecutedError(msg, fix=_rows_at(index))

        def __contains__(self, record: object) -> bool:
            """Refuse: it would read all rows, and find none that is the same object."""
            msg = "a statement that has not run holds nothing"
            raise errors.NotExecutedError(msg, fix="ask the database: .where(...).exists()")

        def __getattr__(self, name: str) -> object:
            """Say what to type instead of a name that is none of ours."""
            msg = f"a statement has no {name!r}"
            if name.startswith("_"):  # tools and protocols look for these
                raise AttributeError(msg)
            raise errors.UnknownNameError(msg, fix=self._instead_of(name))

        def _instead_of(self, name: str) -> str:
            if name in ("get", "get_one", "get_or_none"):
                mapper = getattr(sa.inspect(self._entities[0], raiseerr=False), "mapper", None)
                keys = (
                    ["id"] if mapper is None else [mapper.get_property_by_column(key).key for key in mapper.primary_key]
                )
                end = "one" if name == "get_one" else "one_or_none"
                return f"use .where({', '.join(f'{key}=...' for key in keys)}).{end}()"
            if name in _INSTEAD:
                return f"use {_INSTEAD[name]}"
            if callable(getattr(self.select, name, None)):
                statement = f"statement.select.{name}(...)"
                return f"SQLAlchemy's own statement has it: with ln.Session() as ss: ss.orm.execute({statement}).all()"
            return errors.near_miss(name, dir(self))


class NotSqlalchemys:
    """A session of ours, which is not SQLAlchemy's and has one."""

    # Hidden from type checkers, as above.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """Say what to type instead of a name that is none of ours."""
            msg = f"an ln.Session has no {name!r}"
            if name.startswith("_"):
                raise AttributeError(msg)
            is_theirs = hasattr(OrmSession, name)
            fix = f"SQLAlchemy's own session has it: ss.orm.{name}" if is_theirs else errors.near_miss(name, dir(self))
            raise errors.UnknownNameError(msg, fix=fix)


def _rows_at(index: object) -> str:
    index = None if isinstance(index, bool) else index
    match index:
        case 0:
            return "use .first(), after an .order_by(...) that says which is the first, or .all()[0]"
        case int() if index > 0:
            return f"use .offset({index}).first(), after an .order_by(...), or .all()[{index}]"
        case int():
            return f"use .order_by(Model.column.desc()).first(), or .all()[{index}]"
        case slice(start=int() | None as start, stop=int() | None as stop, step=None) if (
            min(start or 0, stop or 0) >= 0
        ):
            offset = f".offset({start})" if start else ""
            limit = "" if stop is None else f".limit({max(stop - (start or 0), 0)})"
            return f"use {offset}{limit}.all(), after an .order_by(...)"
        case str():
            shown = sanitize.shortened(index, _LONGEST)
            as_column = f"ln.select(Model.{shown}).all(), or " if shown.isidentifier() else ""
            return f"use {as_column}.df()[{shown!r}]"
        case _:
            return "use .all(), which gives a list"


def check_order(entity: Any, columns: tuple[Any, ...]) -> None:
    """Refuse Django's way to order downwards, which SQLAlchemy takes for the name of a column.

    Raises:
        InvalidValueError: With what to write.
    """
    for column in columns:
        if isinstance(column, str) and column.startswith("-"):
            name = getattr(entity, "__name__", "Model")
            msg = f"order_by({column!r}) is no column"
            named = column[1:] if column[1:].isidentifier() else "column"
            raise errors.InvalidValueError(msg, fix=f"use .order_by({name}.{named}.desc())")


def check_number(method: str, n: object) -> None:
    """Refuse a number of rows below none, of any library or as a text: SQLite takes it for all of them.

    Raises:
        InvalidValueError: With what to write.
    """
    try:
        number = int(n)  # type: ignore[call-overload]  # as SQLAlchemy does
    except (TypeError, ValueError):  # of an expression, which the database knows, or none, which SQLAlchemy refuses
        return
    if number < 0:
        raise errors.InvalidValueError(f"{method}({number}) is no number of rows", fix=f".{method}(10)")
