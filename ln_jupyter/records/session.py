"""`ln.Session`: bare, it commits at every call; as a block, it is the transaction."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from ln_jupyter import errors
from ln_jupyter.db import engines, error_translation
from ln_jupyter.orm import refusals, restrictions, routing, unit_of_work
from ln_jupyter.orm.current import Block
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.records import habits
from ln_jupyter.records import write as writes
from ln_jupyter.records.selection import statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from sqlalchemy import orm

    from ln_jupyter.display.profile import ProfileView
    from ln_jupyter.orm.profile.recorder import Recorder
    from ln_jupyter.records.bulk import Rows
    from ln_jupyter.records.statement import Stmt

T = TypeVar("T")


class Session(habits.NotSqlalchemys):
    """A session that keeps its records connected, so that relationships load when they are read.

    As a block it is one unit of work: what is added and deleted joins it, a later
    select sees it, and its end commits it all, or rolls back on an error. Inside the block
    `ln.select`, `ln.add` and `ln.delete` use it too::

        with ln.Session() as ss:
            run = ss.select(lns.Run, name="Solve Problem X").one()
            run.pipeline

    Bare, each `add` and `delete` commits, until `close`::

        ss = ln.Session()

    With nothing unsaved, reading locks nothing. Selects in a block, and lazy loads, send what is
    unsaved first, as SQLAlchemy's do; in SQLite that locks until the block ends.

    Args:
        target: An engine or URL; None for the database that is connected when the session is first used,
            or its block begins. A later `ln.connect` is for other sessions.
        write: Take the write lock when the block begins, and again after a commit in it, so that
            what is read cannot change before it is written. Where records of `ln_jupyter.schema` are kept
            in another database, its lock is taken when the block first asks it. Blocks with *write* wait
            for each other; bare, such a session is refused.
        readonly: Refuse whatever writes, before it is sent.
        rollback: A dry run: send all changes, so that the database checks them, and undo them
            at the end. On SQLite, foreign keys that are checked at commit only are not checked.
        profile: Record what is sent; see `profile`.

    Raises:
        SessionError: If *readonly* goes with *write* or *rollback*.
        DatabaseBusyError: If *write*, and the lock is not free in time.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> with ln.Session() as ss:
        ...     pipeline = ss.add(lns.Pipeline(name="Transform B"))
        >>> ln.select(lns.Pipeline, name="Transform B").exists()
        True
    """

    def __init__(
        self,
        target: engines.Target | None = None,
        *,
        write: bool = False,
        readonly: bool = False,
        rollback: bool = False,
        profile: bool = False,
    ) -> None:
        if readonly and (write or rollback):
            msg = "a session that only reads has nothing to lock or to undo"
            raise errors.SessionError(msg, fix="leave out readonly=True (--readonly), or the other option")
        engine = None if target is None else engines.resolve(target)
        self._orm = OrmSession(engine)
        self._orm.rereads = True
        self._write = write
        self._block: Block | None = None
        self._closed = False
        if readonly:
            restrictions.forbid_writing(self._orm)
        self.dry_run = restrictions.DryRun(self._orm) if rollback else None
        """What a dry run sent so far; None where *rollback* was not asked for."""
        self._recorder: Recorder | None = None
        if profile:
            from ln_jupyter.orm.profile.recorder import Recorder  # here for cost: few sessions have one

            self._recorder = Recorder(self._orm)
            self._orm.lazy_loads = None

    @property
    def profile(self) -> ProfileView | None:
        """What was sent, read and loaded lazily, so far or until `close`; None where *profile* was not asked for.

        Example:
            >>> import ln_jupyter as ln, ln_jupyter.schema as lns
            >>> with ln.Session(profile=True) as ss:
            ...     names = [run.pipeline.name for run in ss.select(lns.Run).load("pipeline").all() if run.pipeline]
            >>> ss.profile.statements
            1
        """
        if self._recorder is None:
            return None
        from ln_jupyter.display.profile import ProfileView  # here for cost, like the recorder

        return ProfileView.from_profile(self._recorder.profile())

    @property
    def is_closed(self) -> bool:
        """Whether `close` has ended it."""
        return self._closed

    @property
    def is_in_block(self) -> bool:
        """Whether somebody stands in its block."""
        return self._block is not None

    @property
    def undone(self) -> str:
        """What became of the block that was rolled back, in a sentence."""
        return refusals.what_was_undone(self._orm, of_block=True)

    @property
    def _route(self) -> routing.Route:
        """Where each class leads."""
        return self._orm.route

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
        self._open_for_use()
        return statement(self, entity, *entities, **fields)

    @overload
    def add(self, record: type[T], rows: Rows, /) -> list[Any]: ...
    @overload
    def add(self, record: type[T], /, **fields: object) -> T: ...
    @overload
    def add(self, record: T, /) -> T: ...
    def add(self, record: Any, rows: Rows | None = None, /, **fields: object) -> Any:
        """Add records; as `ln.add`."""
        return writes.add_in(self._open_for_use(), record, rows, **fields)

    @overload
    def delete(self, record: type[T], /, **fields: object) -> list[T]: ...
    @overload
    def delete(self, record: T, /) -> T: ...
    def delete(self, record: Any, /, **fields: object) -> Any:
        """Delete records; as `ln.delete`."""
        return writes.delete_in(self._open_for_use(), record, **fields)

    def commit(self) -> None:
        """Commit what is unsaved, in the middle of a block too: from there on, all is read anew.

        Raises:
            StaleRecordError: If a row changed after it was read; nothing is saved.
            sqlalchemy.exc.IntegrityError: With a note that names the record and its line.
            SessionError: If it is a dry run.
            SessionClosedError: After `close`.

        Example:
            >>> import ln_jupyter as ln, ln_jupyter.schema as lns
            >>> with ln.Session() as ss:
            ...     first = ss.add(lns.File(name="kept"))
            ...     ss.commit()
            ...     second = ss.add(lns.File(name="undone"))
            ...     ss.rollback()
            >>> ln.select(lns.File).where(lns.File.name.in_(["kept", "undone"])).count()
            1
        """
        unit_of_work.commit(self._open())

    def rollback(self) -> None:
        """Undo what was not committed; in the middle of a block, all is read anew from there on.

        After the block, or in a bare session, records that were only read hold what they held.

        Raises:
            SessionClosedError: After `close`.
        """
        self._open().rollback()

    def close(self) -> None:
        """End the session; its records keep what they have loaded. Closing twice is fine.

        What was not committed is undone: in a block, all of it.

        Raises:
            SessionError: If it is a dry run without a block, and somebody has committed past it.
        """
        if self._closed:
            return
        if self._block is not None:
            self.end(failed=True)
        try:
            if self.dry_run is not None:
                self.dry_run.refuse_committed()
        finally:
            self._orm.close()
            if self._recorder is not None:
                self._recorder.stop()
            self._closed = True

    def begin(self, *, keep: bool = False) -> None:
        """Begin the block, as ``with`` does.

        Args:
            keep: The session goes on after the block, so that a select in the next one shows
                what others have saved meanwhile.

        Raises:
            SessionClosedError: After `close`.
            SessionError: If it is in a block already, whose end would be two.
            DatabaseBusyError: If it was made with *write*, and the lock is not free in time.
        """
        session = self._open()
        if self._block is not None:
            fix = "open another: with ln.Session() as inner:"
            raise errors.SessionError("this session is in a block already", fix=fix)
        session.begin_block(reread=keep, lock=self._write)
        self._block = Block(session)
        self._block.enter()

    def end(self, *, failed: bool) -> None:
        """End the block: commit, or roll back if it *failed* or is a dry run. The session stays open.

        Raises:
            StaleRecordError: If a row changed after it was read; nothing is saved.
            sqlalchemy.exc.IntegrityError: With a note that names the record and its line.
        """
        if self._block is None:  # closed by the block itself
            return
        self._orm.end_block()
        try:
            if failed:
                self._orm.rollback()
                if self.dry_run is not None:
                    self.dry_run.note_told()
            elif self.dry_run is not None:
                self.dry_run.end()
            else:
                unit_of_work.commit(self._orm)
        finally:
            self._leave()

    @contextlib.contextmanager
    def reading(self) -> Iterator[OrmSession]:
        """Lend the session for one read, and hold no connection afterwards, unless that ended somebody's work.

        Raises:
            SessionClosedError: After `close`.
        """
        session = self._open_for_use()
        is_whole = not session.in_block and (bool(session.streams) or not session.has_begun)
        end = session.rollback
        try:
            yield session
            if self.dry_run is None:
                end = session.commit  # sends nothing and, unlike a rollback, goes through no records
        finally:
            if is_whole and not (session.has_unsaved or session.has_sent or session.streams):
                end()

    def __enter__(self) -> Self:
        """Begin the block."""
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the block, and close."""
        try:
            self.end(failed=kind is not None)
        finally:
            self.close()

    def __repr__(self) -> str:
        """Say where it leads and what it holds; sends nothing."""
        if self._closed:
            return "<Session closed>"
        try:
            where = error_translation.describe(self._orm.route.usual.url)
        except errors.LnJupyterError as error:  # the settings name no database that can be used
            where = f"nowhere: {error}"
        session = self._orm
        unsaved = f"{len(session.new)} new, {len(session.dirty)} changed, {len(session.deleted)} to delete"
        return f"<Session {where}, {len(session.identity_map)} loaded, {unsaved}>"

    def _leave(self) -> None:
        """Give the context back; from here on each call commits again."""
        if self._block is not None:
            self._block.leave()
        self._block = None
        self._orm.leave_block()

    def _open_for_use(self) -> OrmSession:
        session = self._open()
        if self._write and self._block is None:
            msg = "write=True locks from the beginning of a block to its end, and this session is in none"
            raise errors.SessionError(msg, fix="use it as a block: with ln.Session(write=True):")
        return session

    def _open(self) -> OrmSession:
        if self._closed:
            raise errors.SessionClosedError("this session is closed", fix="open another: ss = ln.Session()")
        if self._block is None and self._orm.has_lost_connection and not self._orm.has_sent:
            unit_of_work.begin_anew(self._orm)  # between two calls, nobody else would
        return self._orm
