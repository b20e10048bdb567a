"""SQLAlchemy's Session as this package opens it, and the block that a cell or `with` stands in."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.orm.attributes import instance_dict, instance_state
from sqlalchemy.orm.exc import StaleDataError

from ln_jupyter import callsite, errors, schema
from ln_jupyter.db import backends, engines, error_translation, marks, sql_text, transactions
from ln_jupyter.db.events import takes_notes
from ln_jupyter.db.internals import commits_each_statement
from ln_jupyter.orm import failures, internals, origins, refusals, scalars, state_backup, users
from ln_jupyter.orm.inspect import naming
from ln_jupyter.orm.profile import lazy_loads
from ln_jupyter.orm.routing import Route, RoutingSession, is_of_registry
from ln_jupyter.registry import check
from ln_jupyter.schema import base

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


_LINE = "ln_line"


class OrmSession(RoutingSession):
    """A session that spans a unit of work.

    Selects and lazy loads flush, and a commit or rollback expires what was read, as SQLAlchemy's
    own do. When the unit ends, records hold what they held: all that nothing contradicts.

    Args:
        engine: As for `RoutingSession`.
    """

    def __init__(self, engine: sa.Engine | Route | None = None) -> None:
        super().__init__(engine)
        self.in_block = False
        """Whether the end of a block commits, and not each call."""
        self.only_reads = False
        """Whether whatever writes is refused."""
        self.is_dry = False
        """Whether nothing is committed."""
        self.locks = False
        """Whether each database is locked for writing, where it can be, before anything else is asked of it."""
        self.rereads = False
        """Whether a select shows what the database holds now, also of records that are in memory.

        For sessions that outlive their transactions; inside one, SQLAlchemy's own rule holds.
        """
        self.is_reading = False
        """Whether something is being sent because something else is about to be read."""
        self.attached: list[orm.InstanceState[Any]] | None = None
        """What is being attached to it; None where nobody asks."""
        self.lazy_loads: lazy_loads.Tallies | None = {}
        """What was loaded lazily, to be remarked on; None where a profile tells it all."""
        self.streams: set[object] = set()
        """The results whose rows are still being read."""
        self.has_sent = False
        """Whether records or statements were sent in this transaction that write."""
        self.failure: failures.Failure | None = None
        """The statement of this transaction that failed, of those that may have ended it."""
        self.newest_failure: failures.Failure | None = None
        """The one that failed last, until it is told; it keeps what was sent in memory."""
        self.has_committed = False
        """Whether it has committed since its block began."""
        self.commits_each_statement = False
        """Whether a connection of its unit does so by itself (AUTOCOMMIT)."""
        self.connections: list[sa.Connection] = []
        """Those that its transaction uses."""
        self.works: list[marks.Work] = []
        """What it wrote through each, in all transactions of a block that it did not commit."""
        self._locked: set[sa.Engine] = set()
        self._touched: set[orm.InstanceState[Any]] = set()
        self._kept_new: list[state_backup.New] = []
        self._remembers = False

    def note_line(self, records: Iterable[object], line: callsite.Line) -> None:
        """Remember where records were added."""
        note = (self.hash_key, line)
        for record in records:
            instance_state(record).__dict__[_LINE] = note  # a weak dictionary would cost four times as much

    def line_of(self, record: object) -> callsite.Line | None:
        """Return where a record was added to this session; None if nobody knows."""
        key, line = instance_state(record).__dict__.get(_LINE, (None, None))
        return line if key == self.hash_key else None

    def begin_block(self, *, reread: bool, lock: bool) -> None:
        """Become one unit, in which nobody but the user commits.

        Args:
            reread: Whether selects read records of earlier units anew.
            lock: Whether each transaction takes the write lock before it reads.

        Raises:
            DatabaseBusyError: If *lock*, and it is not free in time.
            SessionError: If *lock*, and the database has no such lock.
        """
        self.route.bind()
        self.works.clear()
        self.commits_each_statement = False
        try:
            if lock:
                lock_for_writing(self)
        except BaseException:
            self.locks = False
            self.rollback()  # gives the connection back: there will be no end of the unit
            raise
        self.rereads = reread
        self.in_block = self.expire_on_commit = True
        self.has_committed = False

    def end_block(self) -> None:
        """Let the next commit or rollback be the last one of the unit, after which records hold what they held."""
        self.expire_on_commit = False

    def leave_block(self) -> None:
        """Begin to commit each call."""
        self.in_block = self.expire_on_commit = self.locks = False
        self.rereads = True

    @property
    def is_bare(self) -> bool:
        """Whether each `add` commits, for which an edit waits: a select does not send it."""
        return self.rereads and not self.in_block

    def commit(self) -> None:
        """Commit, so that every column of every record can be read afterwards, in or out of the session.

        Raises:
            StaleRecordError: If a row changed after it was read; nothing is saved.
            TransactionUndoneError: If the database has undone the transaction, because of a statement that failed.
            sqlalchemy.exc.IntegrityError: With a note that names the record and the line that added it.
        """
        failures.refuse_given_up(self)  # first: whatever else is sent then, its error would say less
        if self.has_unsaved:
            self.flush()
        if not self.expire_on_commit:
            self._recall()  # after the flush, which reads what it needs, and before anything is contradicted
        touched = self.touched()  # with what a read has sent before
        if touched:
            state_backup.settle(self, set(map(instance_state, touched)))
        try:
            super().commit()
        except sa.exc.SQLAlchemyError as error:
            refusals.annotate_commit(self, error, touched)
            raise

    def rollback(self) -> None:
        """Undo what was not committed."""
        for work in self.works:  # of a transaction that ended past the session, SQLAlchemy tells nobody
            work.look_before_rollback()
        self._roll_back()
        if not self.expire_on_commit:
            self._recall()

    def _roll_back(self) -> None:
        is_inside = self.in_nested_transaction()
        try:
            super().rollback()
        except sa.exc.DBAPIError:
            if not is_inside:
                raise
            self._roll_back()  # without the savepoint, which is not there any more, or not needed

    def close(self) -> None:
        """Close; records keep what they hold."""
        self._recall()
        super().close()

    def forget_read(self) -> None:
        """Expire what was read, to be read anew; what is unsaved stays."""
        states = [state for state in self.identity_map.all_states() if not state.modified]
        self._remember(states)
        for state in states:
            if (record := state.obj()) is not None:
                super().expire(record, [name for name in state.dict if name in state.manager])

    def expire(self, instance: object, attribute_names: Iterable[str] | None = None) -> None:
        """Expire a record, or some of its attributes: what it held before does not come back either."""
        names = None if attribute_names is None else tuple(attribute_names)
        self._forget(instance, names)
        super().expire(instance, names)

    def expire_all(self) -> None:
        """Expire all records, as `expire` does each."""
        state_backup.forget(self.identity_map.all_states())
        super().expire_all()

    def refresh(
        self, instance: object, attribute_names: Iterable[str] | None = None, with_for_update: Any = None
    ) -> None:
        """Expire as `expire` does, and read columns at once; relationships may be read later."""
        names = None if attribute_names is None else tuple(attribute_names)
        self._forget(instance, names)
        super().refresh(instance, names, with_for_update)

    def _forget(self, record: object, names: Iterable[str] | None) -> None:
        """Forget what was remembered of a record, and of what its cascade takes along."""
        if self._remembers and (state := sa.inspect(record, raiseerr=False)) is not None:
            related = () if names else state.manager.mapper.cascade_iterator("refresh-expire", state)
            state_backup.forget(
                [state, *(each for _, _, each, _ in related)], names or None
            )  # as SQLAlchemy: without names, all

    def _remember(self, states: Iterable[orm.InstanceState[Any]]) -> None:
        state_backup.remember(states)
        self._remembers = True

    @takes_notes
    def _recall(self) -> None:
        if self._remembers:
            self._remembers = False
            state_backup.recall(self.identity_map.all_states())

    def _autoflush(self) -> None:
        """Send what is unsaved before something is read, as SQLAlchemy's own does."""
        self.is_reading = True
        try:
            super()._autoflush()
        except BaseException:
            if self.is_bare:  # where no block ends, and the next call begins anew
                self.rollback()
            raise
        finally:
            self.is_reading = False

    def flush_to_read(self) -> None:
        """Send what is unsaved, as a select does; see `is_bare`."""
        if not self.is_bare:
            super().flush_to_read()

    def get_bind(self, mapper: Any = None, *, clause: Any = None, bind: Any = None, **_: Any) -> Any:
        """Choose the engine, and take its write lock first if the session `locks`."""
        engine = super().get_bind(mapper, clause=clause, bind=bind)
        if self.locks and engine not in self._locked and isinstance(engine, sa.Engine):
            self._lock(engine)
        return engine

    @property
    def bind(self) -> None:
        """Nothing: `get_bind` chooses."""

    @bind.setter
    def bind(self, engine: object) -> None:
        if engine is not None:
            self.bind_table("all", engine)

    def bind_mapper(self, mapper: Any, bind: object) -> NoReturn:
        """Refuse it, as `bind_table`."""
        self.bind_table(mapper, bind)

    def bind_table(self, table: object, bind: object) -> NoReturn:
        """Refuse to lead some records to another database: nobody would find them there again.

        Raises:
            SessionError: Always.
        """
        msg = f"a session of ln_jupyter leads to one database, and cannot lead {table} to {bind}"
        fix = "open one for the other database: with ln.Session(engine):"
        raise errors.SessionError(msg, fix=fix)

    def before_lending(self, work: marks.Work) -> None:
        """Be ready for what is sent past the session: what that ends is found out, and what it writes is of the unit."""
        if self.is_dry:
            self._make_registry(work.connection.engine)
        if self.is_bare:
            transactions.begin_for_whoever_writes(work.connection)
        if self.in_block or self.is_dry:
            work.hold(is_dry=self.is_dry)

    def _make_registry(self, engine: sa.Engine) -> None:
        """Make or check the registry of an engine of ours, if it may have one: once it has begun, none can be made."""
        if engines.is_ours(engine):
            with contextlib.suppress(errors.NotARegistryError):  # then it is for the user's own models
                check.find(engine, make=True, lend=self._lend)

    def _lock(self, engine: sa.Engine) -> None:
        if not backends.get(engine.dialect).has_write_lock:
            return
        self._make_registry(engine)
        connection = self.connection_for(bind=engine)
        transactions.lock_for_writing(connection)
        if (work := marks.work_of(connection)) is not None:
            work.forget()  # to lock may take several transactions
        self._locked.add(engine)

    def _holds_usual(self) -> bool:
        return any(each.engine is self.route.usual for each in self.connections)

    def flush(self, objects: Any = None) -> None:
        """Send what is unsaved; whoever asked, an error says which record it is about.

        Raises:
            StaleRecordError: If a row changed after it was read.
            sqlalchemy.exc.IntegrityError: With a note that names the record and the line that added it.
        """
        new, changed = list(self.new), state_backup.keep([*self.dirty, *self.deleted])
        is_all = not self.has_sent
        self.newest_failure = None
        try:
            super().flush(objects)
        except StaleDataError as error:
            raise refusals.stale(self, error, changed) from error
        except errors.LnJupyterError:
            raise  # it says what there is to say
        except Exception as error:
            refusals.annotate(self, error, new, changed, is_all=is_all)
            raise
        finally:
            self.newest_failure = None

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        """Remember where records came from also where nobody closes, as in ``ln.Session(archive).select(Model).one()``."""
        if hasattr(self, "connections") and not is_finalizing():  # __init__ came so far, and modules are still there
            self._note_origins(self.identity_map.all_states())

    @property
    def has_begun(self) -> bool:
        """Whether somebody has begun to write, past the session too, where an engine begins no earlier than that."""
        late = (each for each in self.connections if transactions.begins_at_write(each.dialect))
        return any(not each.invalidated and transactions.has_begun(each) for each in late)

    @property
    def has_lost_connection(self) -> bool:
        """Whether a connection of its transaction broke, after which nothing but a rollback can be done."""
        return any(each.invalidated for each in self.connections)

    @property
    def has_unsaved(self) -> bool:
        """Whether a record of it is new, changed, or to be deleted, and was not sent."""
        return bool(self.new or self.dirty or self.deleted)

    def connection_of(self, mapper: orm.Mapper[Any]) -> sa.Connection | None:
        """Return the connection that its transaction uses for a class; None if it used none."""
        engine = self._of_registry if is_of_registry(mapper, None) else self._of_users
        return next((each for each in self.connections if each.engine is engine), None)

    def note_failure(self, failure: failures.Failure) -> None:
        """Remember a statement that failed in this transaction; what fails only because of it is no news."""
        self.newest_failure = failure
        if self.failure is None or (self.failure.is_undone and not self.failure.has_ended):
            self.failure = failure
        failure.has_ended = failure.has_ended and self.has_sent

    def touched(self) -> list[object]:
        """Return the records of which something was sent in this transaction."""
        return [record for state in self._touched if (record := state.obj()) is not None]


class SideSession(RoutingSession):
    """A short one that reads what another session has sent, too: by its connections, which stay as they are.

    Args:
        other: The session, whose transaction goes on.
    """

    def __init__(self, other: OrmSession) -> None:
        super().__init__(other.route)
        self.join_transaction_mode = "rollback_only"  # and no savepoint, for which SQLite would lock
        self._other = other

    def get_bind(self, mapper: Any = None, *, clause: Any = None, bind: Any = None, **_: Any) -> Any:
        """Choose the connection that the other session would use."""
        engine = self._other.get_bind(mapper, clause=clause, bind=bind)
        return self._other.connection_for(bind=engine)


@event.listens_for(OrmSession, "before_attach", raw=True)
def _before_attach(session: OrmSession, state: orm.InstanceState[Any]) -> None:
    """Refuse what was read from another database, or may have been: here its key may be that of another row."""
    if not session.route.is_bound:
        session.route.bind()  # what is pending goes where it led when it was added
    if session.attached is not None:
        session.attached.append(state)
    if state.key is None:
        return  # it is new
    record: Any = state.obj()
    database = origins.engine_of(record)
    session.refuse_to_guess(record)
    if database is not None and not session.leads_to(database, record):
        msg = f"{naming.name(record)} was read from {error_translation.describe(database.url)}, and this session leads elsewhere"
        fix = "save it in a session of its own engine: with ln.Session(engine); to copy it, make a new record"
        raise errors.ForeignSessionError(msg, fix=fix)


@event.listens_for(OrmSession, "do_orm_execute")
def _before_executing(execution: orm.ORMExecuteState) -> None:
    session: Any = execution.session
    if execution.is_relationship_load or execution.is_column_load:
        if execution.lazy_loaded_from is not None:
            if session.lazy_loads is not None:
                _count(session.lazy_loads, execution)
        elif session.is_bare and execution.is_relationship_load:  # the rest of a select
            execution.update_execution_options(autoflush=False)
    elif execution.is_select:
        _before_select(session, execution)
    elif not isinstance(execution.statement, sa.TextClause) or sql_text.writes(execution.statement.text):
        session.has_sent = True
        if execution.is_update and session._remembers and (mapper := execution.bind_mapper) is not None:
            states = session.identity_map.all_states()
            state_backup.forget(
                (each for each in states if each.manager.mapper.isa(mapper)), _set_by(execution, mapper)
            )


def _set_by(execution: orm.ORMExecuteState, mapper: orm.Mapper[Any]) -> set[str]:
    """Name the attributes that an UPDATE sets, of records that SQLAlchemy does not bring up to date: it forgot them."""
    given = execution.parameters or {}
    names = {name for each in ([given] if isinstance(given, Mapping) else given) for name in each}
    columns = internals.columns_set_by(execution.statement)
    return names | {each.key for each in mapper.column_attrs if not columns.isdisjoint(each.columns)}


_count = takes_notes(lazy_loads.count)


def _before_select(session: OrmSession, execution: orm.ORMExecuteState) -> None:
    options: Any = execution.execution_options
    flushes = session.autoflush and internals.flushes(execution)
    if session.is_bare and "autoflush" not in options:
        execution.update_execution_options(autoflush=False)
        flushes = False
    locks_rows = internals.locks_rows(execution.statement)
    if locks_rows:
        connection = session.connection_for(**execution.bind_arguments)
        backends.get(connection.dialect).lock_rows(connection)
    if "populate_existing" in options or not (session.rereads or locks_rows):
        return
    if flushes or not session.has_unsaved:
        execution.update_execution_options(populate_existing=True)
    else:  # which would overwrite what is unsaved
        session.forget_read()


@event.listens_for(OrmSession, "after_begin")
def _after_begin(session: OrmSession, transaction: orm.SessionTransaction, connection: sa.Connection) -> None:
    if transaction.parent is not None:
        return
    if session.in_block and not (session.only_reads or session.locks):
        transactions.begin_for_whoever_writes(connection)
    if not (session.in_block or session.connections):
        ended = [work for work in session.works if work.is_saved or work.is_unsure]
        session.works[:] = ended if session.is_dry else ()  # which a dry run says when it closes
        session.commits_each_statement = False
    if commits_each_statement(connection):
        session.commits_each_statement = True
    elif (session.in_block or session.rereads) and not session.only_reads:
        session.works.append(marks.Work(connection, session.before_lending))
    session.connections.append(connection)
    failures.watch(session, connection)


@event.listens_for(OrmSession, "before_flush")
def _before_flush(session: OrmSession, *_: object) -> None:
    if session.only_reads:
        return  # it is refused next, and looks for nobody who writes
    new, changed = list(session.new), list(session.dirty)
    base.check_fields((*new, *changed))
    scalars.in_records([*new, *changed])
    session._kept_new += state_backup.keep_new(new)
    owned = [(record, instance_dict(record)) for record in new if isinstance(record, schema.CreatedBy)]
    unowned = [record for record, held in owned if "created_by" not in held and not held.get("created_by_id")]
    if unowned:
        user_id = users.current_id(session)
        for record in unowned:
            instance_dict(record)["created_by_id"] = user_id  # as a default is set: nobody has changed it
    session.has_sent = True
    session._touched.update(map(instance_state, (*new, *changed, *session.deleted)))


@event.listens_for(OrmSession, "after_rollback")
@takes_notes
def _remember_what_was_only_read(session: OrmSession) -> None:
    """Note it now: SQLAlchemy has told the database, and empties the records next; after a savepoint, only what it undoes."""
    if not session.in_nested_transaction():
        states = session.identity_map.all_states()
        session._remember(state for state in states if not state.modified and state not in session._touched)


@event.listens_for(OrmSession, "after_soft_rollback")
@takes_notes
def _take_away(session: OrmSession, _transaction: object) -> None:
    session._locked.clear()  # a savepoint may have taken it
    if session.failure is not None:
        session.failure.is_undone = True
    users.forget_uncommitted(session)  # a savepoint may have made it
    undone: list[state_backup.New] = []
    remaining: list[state_backup.New] = []  # after a savepoint, what was flushed before it
    for was in session._kept_new:
        (undone if instance_state(was[0]).transient else remaining).append(was)
    session._kept_new = remaining
    state_backup.take_away(undone)


@event.listens_for(OrmSession, "before_commit")
def _before_commit(session: OrmSession) -> None:
    if not session.in_nested_transaction():
        failures.refuse_given_up(session)


@event.listens_for(OrmSession, "after_commit")
@takes_notes
def _after_commit(session: OrmSession) -> None:
    if session.in_nested_transaction():
        return  # a savepoint's end commits nothing yet
    session.has_committed = True
    if session.expire_on_commit:
        session._remember(session.identity_map.all_states())
    users.remember_committed(session)
    session._kept_new.clear()
    session.works.clear()


@event.listens_for(OrmSession, "after_transaction_end")
@takes_notes
def _after_transaction_end(session: OrmSession, transaction: orm.SessionTransaction) -> None:
    if transaction.parent is None:
        session.connections.clear()
        session._locked.clear()
        session._touched.clear()
        session.has_sent = False
        session.failure = None
        users.forget_uncommitted(session)


def lock_for_writing(session: OrmSession) -> None:
    """Take the write lock of the session's usual database before anything is read, and of every other one it asks.

    Raises:
        DatabaseBusyError: If it is not free in time.
        SessionError: If the database has no such lock.
    """
    session.locks = True
    engine = session.get_bind()
    if engine not in session._locked:
        transactions.lock_for_writing(session.connection_for())  # says why not
