"""Statements: immutable, typed, and nothing runs until it is asked."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import advice, errors, schema
from ln_jupyter.db import backends
from ln_jupyter.orm import internals, routing, scalars
from ln_jupyter.orm.current import current_block
from ln_jupyter.orm.inspect import loading
from ln_jupyter.orm.routing import RoutingSession
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.records import frames, habits, mapping, streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.sql.base import ExecutableOption

T = TypeVar("T")


class Reader(Protocol):
    """Whatever lends a session to a statement: `ln.Session`."""

    @property
    def _route(self) -> routing.Route:
        """Where each class leads."""
        ...

    def reading(self) -> contextlib.AbstractContextManager[OrmSession]:
        """Lend the session for the length of one read."""
        ...


class Stmt(habits.NotItsRows, Generic[T]):
    """A SELECT that knows where to run, and has not run.

    Every method that refines gives a new statement. `all`, `first`, `one`,
    `one_or_none`, `stream`, `count`, `exists`, `df` and ``for ... in statement`` run it: in the
    block it stands in (`with ln.Session():`, ``%%ln_session``), in the session whose `select` made
    it, and else in a short session of its own, whose records come back detached.

    Attributes:
        select: SQLAlchemy's own statement.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> solved = ln.select(lns.Run).where(lns.Run.name.like("Solve%")).order_by(lns.Run.created_at)
        >>> solved.count()
        0
    """

    __slots__ = ("_entities", "_limit", "_reader", "select")

    def __init__(
        self, select: sa.Select[Any], entities: tuple[Any, ...], *, reader: Reader | None, limit: int | None = None
    ) -> None:
        self.select = select
        self._entities = entities
        self._reader = reader
        self._limit = limit

    def _with(self, select: sa.Select[Any], *, limit: int | None = None) -> Stmt[T]:
        return Stmt(select, self._entities, reader=self._reader, limit=self._limit if limit is None else limit)

    def __clause_element__(self) -> sa.Select[Any]:
        """Stand for SQLAlchemy's statement in SQLAlchemy's expressions."""
        return self.select

    # -- refine ----------------------------------------------------------------------------------------------

    def where(self, *criteria: sa.ColumnExpressionArgument[bool], **fields: object) -> Stmt[T]:
        """Keep the rows for which all of this holds.

        Args:
            criteria: SQLAlchemy's expressions, such as ``Run.created_at > yesterday``.
            fields: Attributes of the first entity and the values they equal.

        Raises:
            UnknownFieldError: If a field is none of the entity's; it names the near miss.
        """
        named = mapping.criteria(self._entities[0], fields) if fields else ()
        return self._with(self.select.where(*scalars.in_criteria(criteria), *named))

    def filter(self, *criteria: sa.ColumnExpressionArgument[bool], **fields: object) -> Stmt[T]:
        """Keep the rows for which all of this holds: another name of `where`."""
        return self.where(*criteria, **fields)

    def filter_by(self, **fields: object) -> Stmt[T]:
        """Keep the rows of the only entity whose attributes equal these values, as `where` does.

        Raises:
            InvalidValueError: After a `join`, where it could be about either class.
        """
        if internals.joins(self.select):
            msg = "filter_by() after a join does not say of which class the fields are"
            raise errors.InvalidValueError(msg, fix="use .where(Model.column == value), or .join(Model, name=...)")
        return self.where(**fields)

    def join(self, target: Any, /, *on: Any, isouter: bool = False, **fields: object) -> Stmt[T]:
        """Join another class, or a relationship such as ``Run.pipeline``.

        Args:
            target: The class or relationship.
            on: The condition, where the foreign keys do not tell it.
            isouter: Keep rows that have no partner.
            fields: Attributes of the joined class, or alias, and the values they equal.

        Raises:
            NotMappedError: If the target is a column.
            UnknownFieldError: If a field is none of the joined class's; it names the near miss.

        Example:
            >>> import ln_jupyter as ln, ln_jupyter.schema as lns
            >>> runs = ln.select(lns.Run).join(lns.Pipeline, name="Transform A")
        """
        entity = mapping.target_of(target) if isinstance(target, orm.QueryableAttribute) else target
        joined = self.select.join(target, *scalars.in_criteria(on), isouter=isouter)
        return self._with(joined.where(*mapping.criteria(entity, fields)) if fields else joined)

    def order_by(self, *columns: Any) -> Stmt[T]:
        """Order the rows, as SQLAlchemy's ``order_by``.

        Raises:
            InvalidValueError: If a column is a text with a ``-``, as Django has it; it says what to write.
        """
        habits.check_order(self._entities[0], columns)
        return self._with(self.select.order_by(*columns))

    def limit(self, n: int) -> Stmt[T]:
        """Return at most *n* rows."""
        habits.check_number("limit", n)
        return self._with(self.select.limit(n), limit=n)

    def offset(self, n: int) -> Stmt[T]:
        """Leave the first *n* rows out."""
        habits.check_number("offset", n)
        return self._with(self.select.offset(n))

    def options(self, *options: ExecutableOption) -> Stmt[T]:
        """Apply SQLAlchemy's options, such as ``selectinload(Run.inputs)``."""
        return self._with(self.select.options(*options))

    def load(self, *paths: str) -> Stmt[T]:
        """Load relationships with the records, in a constant number of statements.

        Args:
            paths: Names, with dots to go on: ``"pipeline"``, ``"inputs.sources"``.

        Raises:
            UnknownFieldError: If there is no such relationship; it names the near miss.

        Example:
            >>> import ln_jupyter as ln, ln_jupyter.schema as lns
            >>> runs = ln.select(lns.Run).load("pipeline", "inputs.sources")
        """
        return self.options(*loading.options(self._entities[0], paths))

    def with_for_update(self, *, nowait: bool = False, skip_locked: bool = False, of: Any = None) -> Stmt[T]:
        """Lock the rows until the block ends, and read them as they are then.

        So nothing that is computed from them is lost, whoever else computes; SQLite locks all rows.

        Args:
            nowait: Raise at once if somebody else has locked one, where the database knows how to.
            skip_locked: Leave out what somebody else has locked, where the database knows how to.
            of: The class or classes whose rows are locked, of several.

        Example:
            >>> import ln_jupyter as ln, ln_jupyter.schema as lns
            >>> _ = ln.add(lns.File(name="counted", size=1))
            >>> with ln.Session() as ss:
            ...     file = ss.select(lns.File, name="counted").with_for_update().one()
            ...     file.size += 1
        """
        return self._with(self.select.with_for_update(nowait=nowait, skip_locked=skip_locked, of=of))

    # -- run -------------------------------------------------------------------------------------------------

    def all(self) -> list[T]:
        """Return all rows."""
        advice.suggest_tables()
        with self._reading() as session:
            return list(self._rows(session, self.select).all())

    def __iter__(self) -> Iterator[T]:
        """Run it, and go through all rows; `stream` keeps fewer in memory."""
        return iter(self.all())

    def first(self) -> T | None:
        """Return the first row, or None; asks the database for one."""
        as_it_is = self._limit == 0 or internals.spreads_records(self.select)
        with self._reading() as session:
            return self._rows(session, self.select if as_it_is else self.select.limit(1)).first()  # type: ignore[no-any-return]

    def one(self) -> T:
        """Return the only row.

        Raises:
            sqlalchemy.exc.NoResultFound: If there is none.
            sqlalchemy.exc.MultipleResultsFound: If there are more.
        """
        try:
            with self._reading() as session:
                return self._rows(session, self._at_most_two()).one()  # type: ignore[no-any-return]
        except sa.exc.NoResultFound as error:
            error.add_note(f"asked for: {self._brief()}\nfix: .one_or_none() gives None instead")
            raise
        except sa.exc.MultipleResultsFound as error:
            error.add_note(
                f"asked for: {self._brief()}\nfix: .first() gives one of them, .all() gives all, .where(...) asks for less"
            )
            raise

    def one_or_none(self) -> T | None:
        """Return the only row, or None.

        Raises:
            sqlalchemy.exc.MultipleResultsFound: If there are more.
        """
        with self._reading() as session:
            return self._rows(session, self._at_most_two()).one_or_none()  # type: ignore[no-any-return]

    def stream(self, batch: int = 1000) -> Iterator[T]:
        """Return the rows one by one, in memory no more than a *batch* of them.

        They are the rows of one moment. Until the last is read, SQLite keeps beside its file what
        others write meanwhile, and PostgreSQL an open transaction: read to the end, or `close` it.

        Raises:
            InvalidValueError: If a *batch* holds no row.
            SessionError: If it goes on after its session committed or rolled back.

        Example:
            >>> import ln_jupyter as ln, ln_jupyter.schema as lns
            >>> names = [run.name for run in ln.select(lns.Run).stream()]
        """
        if batch < 1:
            raise errors.InvalidValueError(f"a batch of {batch} holds no row", fix="ln.select(...).stream(batch=1000)")
        with self._reading(OrmSession) as session:  # the user's code works on its records before it ends
            assert isinstance(session, OrmSession)  # noqa: S101 - whoever else lends one, lends this kind
            connection = session.connection_for(**self._bind_arguments())
            backends.get(connection.dialect).begin_for_cursor(connection)
            result = self._rows(session, self.select.execution_options(yield_per=batch))
            yield from streams.rows(session, connection, result)

    def count(self) -> int:
        """Count the rows, in the database."""
        counted = sa.select(sa.func.count()).select_from(self.select.order_by(None).subquery())
        with self._reading() as session:
            return int(session.scalar(counted, bind_arguments=self._bind_arguments()) or 0)

    def exists(self) -> bool:
        """Return whether there is any row."""
        with self._reading() as session:
            asked = sa.select(self.select.exists())
            return bool(session.scalar(asked, bind_arguments=self._bind_arguments()))

    def df(self, *, backend: Literal["pandas", "polars"] = "pandas") -> Any:
        """Return the rows as a data frame whose column types are those of the database.

        Args:
            backend: ``"pandas"``, indexed by the primary key, or ``"polars"``, which has no index.

        Raises:
            MissingExtraError: If the library is not installed.
            InvalidValueError: If *backend* is another word, or a column holds what its type does not.
        """
        with self._reading() as session:
            return frames.read(session, self.select, self._entities, self._bind_arguments(), backend=backend)

    # -- look ------------------------------------------------------------------------------------------------

    @property
    def sql(self) -> str:
        """The SQL, with placeholders for the values."""
        model = self._bind_arguments().get("mapper")
        of_registry = model is not None and issubclass(model.class_, schema.Base)
        block = current_block()
        if self._reader is not None:
            route = self._reader._route  # noqa: SLF001 - nor such an attribute
        else:
            route = routing.Route() if block is None else block.orm.route
        return str(self.select.compile(dialect=route.at_hand(of_registry=of_registry).dialect))

    def __repr__(self) -> str:
        """Show what would run; runs nothing."""
        return f"<select {self._names()}, not executed: .all() .first() .one() .count() .df() run it>\n{self.select}"

    def _brief(self) -> str:
        where = "" if self.select.whereclause is None else f" where {self.select.whereclause}"
        return f"{self._names()}{where}"

    def _names(self) -> str:
        return ", ".join(getattr(entity, "__name__", str(entity)) for entity in self._entities)

    def _at_most_two(self) -> sa.Select[Any]:
        return (
            self.select.limit(2) if self._limit is None and not internals.spreads_records(self.select) else self.select
        )

    def _rows(self, session: RoutingSession, select: sa.Select[Any]) -> Any:
        if internals.locks_rows(select) and not getattr(session, "in_block", False):
            msg = "with_for_update() locks rows until a block ends, and this statement stands in none"
            raise errors.SessionError(msg, fix=f"with ln.Session(): ln.select({self._names()}).with_for_update()")
        result = session.execute(select)
        rows: Any = result.scalars() if len(self._entities) == 1 else result
        # an option of the user's may join a collection, whose parents then come repeated
        return rows.unique() if internals.repeats_records(result) else rows

    def _bind_arguments(self) -> dict[str, Any]:
        for entity in self._entities:
            mapper = getattr(sa.inspect(entity, raiseerr=False), "mapper", None) or getattr(entity, "parent", None)
            if mapper is not None and hasattr(mapper, "class_"):
                return {"mapper": mapper}
        return {}

    def _reading(
        self, short: type[RoutingSession] = RoutingSession
    ) -> contextlib.AbstractContextManager[RoutingSession]:
        """Lend the session of whoever made the statement, of the block, or a *short* one."""
        if self._reader is not None:
            return self._reader.reading()
        block = current_block()
        return short() if block is None else contextlib.nullcontext(block.orm)
