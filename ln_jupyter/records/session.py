"""`ln.Session`: bare, it commits at every call; as a block, it is the transaction."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from ln_jupyter import errors
from ln_jupyter.db import engine as engines
from ln_jupyter.db import faults, unit
from ln_jupyter.db.session import Block, OrmSession, lock_for_writing
from ln_jupyter.records import write as writes
from ln_jupyter.records.selection import statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from sqlalchemy import orm

    from ln_jupyter.records.bulk import Rows
    from ln_jupyter.records.statement import Stmt

T = TypeVar("T")


class Session:
    """A session that keeps its records connected, so that relationships load when they are read.

    As a block it is one unit of work: what is added and deleted joins it, a later
    select sees it, and its end commits it all, or rolls back on an error. Inside the block
    `ln.select`, `ln.add` and `ln.delete` use it too::

        with ln.Session() as ss:
            run = ss.select(lns.Run, name="Solve Problem X").one()
            run.pipeline

    Bare, each `add` and `delete` commits, until `close`::

        ss = ln.Session()

    Nothing is locked by reading, or before the first change is sent.

    Args:
        target: An engine or URL; None for the database of `ln.connect`.
        write: Take the write lock when the block begins, so that what is read cannot change
            before it is written. Blocks with *write* wait for each other.

    Raises:
        DatabaseBusyError: If *write*, and the lock is not free in time.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> with ln.Session() as ss:
        ...     pipeline = ss.add(lns.Pipeline(name="Transform B"))
        >>> ln.select(lns.Pipeline, name="Transform B").exists()
        True
    """

    def __init__(self, target: engines.Target | None = None, *, write: bool = False) -> None:
        engine = None if target is None else engines.resolve(target)
        self._orm = OrmSession(engine, autoflush=False)
        self._write = write
        self._block: Block | None = None
        self._closed = False

    @property
    def orm(self) -> orm.Session:
        """SQLAlchemy's own session.

        Raises:
            SessionClosedError: After `close`.
        """
        return self._open()

    @overload
    def select(self, entity: type[T], /, **fields: object) -> Stmt[T]: ...
    @overload
    def select(self, entity: Any, /, *entities: Any, **fields: object) -> Stmt[Any]: ...
    def select(self, entity: Any, /, *entities: Any, **fields: object) -> Stmt[Any]:
        """Select records that stay connected to this session; as `ln.select`."""
        self._open()
        return statement(self, entity, *entities, **fields)

    @overload
    def add(self, record: type[T], rows: Rows, /) -> list[Any]: ...
    @overload
    def add(self, record: type[T], /, **fields: object) -> T: ...
    @overload
    def add(self, record: T, /) -> T: ...
    def add(self, record: Any, rows: Rows | None = None, /, **fields: object) -> Any:
        """Add records; as `ln.add`."""
        return writes.add_in(self._open(), record, rows, **fields)

    @overload
    def delete(self, record: type[T], /, **fields: object) -> list[T]: ...
    @overload
    def delete(self, record: T, /) -> T: ...
    def delete(self, record: Any, /, **fields: object) -> Any:
        """Delete records; as `ln.delete`."""
        return writes.delete_in(self._open(), record, **fields)

    def close(self) -> None:
        """End the session; its records keep what they have loaded. Closing twice is fine.

        What was not committed is undone: in a block, all of it.
        """
        if self._closed:
            return
        if self._block is not None:
            self._orm.rollback()
            self._block.leave()
        self._orm.close()
        self._closed = True

    def begin(self) -> None:
        """Begin the block, as ``with`` does.

        Raises:
            SessionClosedError: After `close`.
            SessionError: If it is in a block already, whose end would be two.
            DatabaseBusyError: If it was made with *write*, and the lock is not free in time.
        """
        session = self._open()
        if self._block is not None:
            fix = "open another: with ln.Session() as inner:"
            raise errors.SessionError("this session is in a block already", fix=fix)
        if self._write:
            try:
                lock_for_writing(session)
            except BaseException:
                session.rollback()  # gives the connection back: there will be no end of the block
                raise
        session.autoflush = session.in_block = True
        self._block = Block(session)
        self._block.enter()

    def end(self, *, failed: bool) -> None:
        """End the block, as leaving ``with`` does: commit, or roll back if it *failed*; then close.

        Raises:
            StaleRecordError: If a row changed after it was read; nothing is saved.
            sqlalchemy.exc.IntegrityError: With a note that names the record and its line.
        """
        try:
            if not failed and not self._closed:
                unit.commit(self._orm)
        finally:
            self.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[OrmSession]:
        """Lend the session for one read, and hold no connection afterwards.

        Raises:
            SessionClosedError: After `close`.
        """
        session = self._open()
        yield session
        if not session.in_block and not (session.new or session.dirty or session.deleted):
            session.commit()  # sends nothing and expires nothing

    def __enter__(self) -> Self:
        """Begin the block."""
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the block."""
        self.end(failed=kind is not None)

    def __repr__(self) -> str:
        """Say where it leads and what it holds; sends nothing."""
        if self._closed:
            return "<Session closed>"
        engine = self._orm.engine or engines.current()
        session = self._orm
        unsaved = f", {len(session.new)} new, {len(session.dirty)} changed, {len(session.deleted)} to delete"
        return f"<Session {faults.describe(engine.url)}, {len(session.identity_map)} records loaded{unsaved}>"

    def _open(self) -> OrmSession:
        if self._closed:
            raise errors.SessionClosedError("this session is closed", fix="open another: ss = ln.Session()")
        return self._orm
