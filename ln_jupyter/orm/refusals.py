"""What an error says besides: which record or row was refused, which line added it, and what was undone.

Whatever is looked for is read through the connection that the session has: another one may not be there to
be had, and would see no more. An explanation that cannot be found costs nothing but itself.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm.attributes import instance_dict, instance_state
from sqlalchemy.orm.exc import StaleDataError

from ln_jupyter import callsite, errors
from ln_jupyter.db import marks
from ln_jupyter.orm import refused_rows
from ln_jupyter.orm.inspect import naming
from ln_jupyter.orm.refused_rows import Undone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import orm

    from ln_jupyter.orm import state_backup
    from ln_jupyter.orm.failures import Failure
    from ln_jupyter.orm.session import OrmSession

    _Sent = tuple[Any, Mapping[str, Any]]
    """A record, and what it held by the names of its attributes."""

T = TypeVar("T")


class StaleRecordError(errors.StaleRecordError, StaleDataError):
    """Ours, caught as SQLAlchemy's too, which `errors` does not import."""


_log = logging.getLogger(__name__)


def annotate(
    session: OrmSession, error: Exception, new: Sequence[Any], changed: Sequence[state_backup.Kept], *, is_all: bool
) -> None:
    """Add notes to the *error* of a flush: which record it is about, as far as that can be told, and what was undone.

    Args:
        session: Whose flush it was; SQLAlchemy has rolled back by now.
        error: What is to be raised.
        new: The records that were to be inserted.
        changed: What the others held before they were sent.
        is_all: Whether nothing else was sent in the transaction.
    """
    failure = session.newest_failure
    if not _is_of_row(error):
        error.add_note(what_was_undone(session))
        return
    sent: list[_Sent] = [(each, instance_dict(each)) for each in new] + [(was.record, was.values) for was in changed]
    suspects = [(record, held) for record, held in sent if failure is None or failure.writes_to(_mapper(record).tables)]
    found = suspects[0] if len(suspects) == 1 else None
    if failure is not None and len(suspects) > 1:
        others = {id(record) for record, _ in suspects}
        undone = [(r, instance_dict(r)) for r in session.touched() if id(r) not in others]
        found = _read(
            session,
            failure.connection,
            lambda read: _find_record(failure, read, suspects, _undone(undone, is_all=is_all)),
        )
    told = suspects if found is None else [found]
    added = whence(session, [record for record, _ in told])
    what = ""
    if found is not None:
        record, held = found
        what = f"{_who(error)} refused {naming.name_values(_mapper(record), held)}{added}\n"
    elif suspects:
        what = f"one of {len(suspects):,} records was refused{added}\n"
    error.add_note(what + what_was_undone(session))


def annotate_commit(session: OrmSession, error: Exception, touched: Sequence[Any]) -> None:
    """Add notes to the *error* of a COMMIT, which checks what the database was told to check last.

    Args:
        session: Whose commit it was.
        error: What is to be raised.
        touched: The records that were sent.
    """
    what = ""
    if isinstance(error, sa.exc.IntegrityError) and touched:
        added = whence(session, touched)
        which = naming.name(touched[0]) if len(touched) == 1 else f"one of {len(touched):,} records"
        what = f"the database refused {which}{added}\n"
    error.add_note(what + what_was_undone(session))


def annotate_rows(
    session: OrmSession, error: Exception, mapper: orm.Mapper[Any], rows: Sequence[Mapping[str, Any]], start: int
) -> None:
    """Add notes to the *error* of a bulk insert: which of the *rows* it is about, the line, and what was undone.

    Args:
        session: Which has undone the call.
        error: What is to be raised.
        mapper: Of the class that the rows are of.
        rows: Up to the last one that was sent, by the names of attributes.
        start: The number of the first one of those that were sent together.
    """
    what = ""
    if _is_of_row(error):
        number = start if len(rows) == start + 1 else _find_row(session, mapper, rows, start)
        if number is None:
            what = f"one of {len(rows) - start:,} rows of {mapper.class_.__name__} was refused"
        else:
            what = f"{_who(error)} refused rows[{number}], {naming.name_values(mapper, rows[number])}"
        what = f"{what}{_added([callsite.current()])}\n"
    error.add_note(what + what_was_undone(session, of_call=True))


def whence(session: OrmSession, records: Sequence[Any]) -> str:
    """Say which lines added *records* that are being sent, and which line reads, if that is why they are sent."""
    added = _added([session.line_of(record) for record in records])
    line = callsite.current() if session.is_reading else None
    return added if line is None else f"{added}; sent for the read at {line}"


def what_was_undone(
    session: OrmSession, *, of_call: bool = False, of_unit: bool = False, of_block: bool = False
) -> str:
    """Say what an error of a flush, a call or a commit has left of the session's unit.

    Args:
        session: The session.
        of_call: Whether one call was undone, and not its unit, if that is a block.
        of_unit: Whether the whole is, whatever savepoint it is in.
        of_block: Whether its block has ended.
    """
    if session.commits_each_statement:
        return "the engine commits each statement by itself (AUTOCOMMIT): what was sent before is saved"
    if not of_unit and session.in_nested_transaction() and not marks.lost_savepoint(session.connections):
        return "its savepoint is undone, and nothing else of this unit"
    if of_call and session.in_block and (session.failure is None or session.failure.is_undone):
        return "nothing of this call was saved; what else the unit did stays in it"
    return _of_unit(session, is_block=of_block or session.in_block)


def _of_unit(session: OrmSession, *, is_block: bool) -> str:
    for work in session.works:
        work.look()
    if any(work.is_unsure for work in session.works):
        return (
            "if its transaction was committed past it, what was sent until then is saved; nothing of this unit is since"
        )
    if any(work.is_saved for work in session.works):
        return "what was committed past the session is saved, and nothing of this unit since"
    since = " since its last commit" if is_block and session.has_committed else ""
    return f"nothing of this unit was saved{since}"


def stale(session: OrmSession, error: Exception, changed: Sequence[state_backup.Kept]) -> errors.StaleRecordError:
    """Make the error for a row that is no longer as it was read, naming the record where it can be told.

    Args:
        session: Whose flush it was.
        error: SQLAlchemy's own, which names the table.
        changed: What the edited records held before they were sent.
    """
    versioned = [was for was in changed if was.key is not None and _mapper(was.record).version_id_col is not None]
    record = versioned[0].record if len(versioned) == 1 else None
    if len(versioned) > 1:
        connection = session.connection_of(_mapper(versioned[0].record))
        record = _read(
            session, connection, lambda read: next((w.record for w in versioned if _is_stale(w, read)), None)
        )
    what = str(error)
    if record is not None:
        what = f"{naming.name(record)} was changed or deleted by another session after it was read"
    cls = type(record or (changed[0].record if changed else None)).__name__
    fix = f"read it again, ln.select({cls}, ...).one(), and repeat your change; nothing was overwritten"
    told = [] if record is None else [record]
    return StaleRecordError(f"{what}{whence(session, told)}", fix=f"{fix}, {what_was_undone(session)}")


def _is_stale(was: state_backup.Kept, read: sa.Connection) -> bool:
    mapper = _mapper(was.record)
    version = mapper.version_id_col
    assert version is not None  # noqa: S101 - only such records are asked about
    own = (column == value for column, value in zip(mapper.primary_key, was.key[1], strict=True))
    saved = read.scalar(sa.select(version).select_from(mapper.persist_selectable).where(*own))  # not of a union
    return bool(saved != was.values.get(mapper.get_property_by_column(version).key))


def _read(session: OrmSession, connection: sa.Connection | None, find: Callable[[sa.Connection], T | None]) -> T | None:
    """Look for something through a connection of the session, and leave its transaction as it is."""
    if connection is None or connection.closed:
        return None
    step: Any = connection
    try:
        if connection.in_transaction():  # which an error of ours is not to end, if it goes on
            step = connection.begin_nested() if session.in_block or session.in_nested_transaction() else session
        try:
            return find(connection)
        finally:
            step.rollback()
    except Exception:  # noqa: BLE001 - of values of any class, and of the database: the first error is the one to report
        _log.debug("could not find out what was refused", exc_info=True)
        return None


def _find_row(
    session: OrmSession, mapper: orm.Mapper[Any], rows: Sequence[Mapping[str, Any]], start: int
) -> int | None:
    failure = session.newest_failure
    if failure is None:
        return None
    sent = [_parameters(mapper, row) for row in rows]
    tables = [table for table in mapper.tables if isinstance(table, sa.Table)]
    undone = Undone(dict.fromkeys(tables, sent[:start]))
    connection = failure.connection
    if connection.closed:  # with the unit that the call was
        connection = session.connection_for(mapper=mapper)
    number = _read(session, connection, lambda read: _find(failure, read, tables, sent[start:], undone))
    return None if number is None else start + number


def _find_record(failure: Failure, read: sa.Connection, sent: Sequence[_Sent], undone: Undone) -> _Sent | None:
    tables = dict.fromkeys(table for record, _ in sent for table in _mapper(record).tables)
    parameters = [_parameters(_mapper(record), held) for record, held in sent]
    number = _find(failure, read, tables, parameters, undone)
    return None if number is None else sent[number]


def _find(
    failure: Failure,
    read: sa.Connection,
    tables: Iterable[sa.FromClause],
    sent: Sequence[Mapping[str, Any]],
    undone: Undone,
) -> int | None:
    """Find which of those that were *sent*, by the names of parameters, a statement failed for."""
    written = [table for table in tables if isinstance(table, sa.Table) and failure.writes_to([table])]
    number = refused_rows.find(failure, written, read, undone)
    if number is None:
        return None
    row = failure.rows[number]
    alike = [at for at, given in enumerate(sent) if refused_rows.agree(row, given)]
    before = sum(refused_rows.agree(row, each) for each in failure.rows[:number])
    return alike[min(before, len(alike) - 1)] if alike else None


def _undone(records: Iterable[_Sent], *, is_all: bool) -> Undone:
    rows: dict[sa.Table, list[Mapping[str, Any]]] = {}
    for record, held in records:
        for table in _mapper(record).tables:
            if isinstance(table, sa.Table):
                rows.setdefault(table, []).append(_parameters(_mapper(record), held))
    return Undone(rows, is_all)


def _parameters(mapper: orm.Mapper[Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """Name values as SQLAlchemy does the parameters of a row; those of a key have two names, the second one in an UPDATE."""
    found = {}
    for attribute in mapper.column_attrs:
        if attribute.key in held:
            for column in attribute.columns:
                if isinstance(column, sa.Column) and column is not mapper.version_id_col:  # which is counted on
                    found[column.key] = held[attribute.key]
                    if column.primary_key:
                        found[f"{column.table.name}_{column.name}"] = held[attribute.key]
    return found


def _mapper(record: object) -> orm.Mapper[Any]:
    mapper: orm.Mapper[Any] = instance_state(record).manager.mapper
    return mapper


_NOT_OF_ROWS = {"08", "25", "40", "53", "55", "57"}
"""Classes of SQLSTATE: connections, transactions, conflicts, resources, locks, and what an operator does."""
_CONFLICTS = {1020, 1205, 1213}
"""Of MariaDB and MySQL."""


def _is_of_row(error: Exception) -> bool:
    """Return whether an error may be about what was sent, and not about the database or others who use it."""
    if not isinstance(error, sa.exc.DBAPIError):
        return True
    original: Any = error.orig
    if error.connection_invalidated or (isinstance(original, sqlite3.OperationalError)):
        return False
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or ""
    return state[:2] not in _NOT_OF_ROWS and _CONFLICTS.isdisjoint(original.args[:1])


def _who(error: Exception) -> str:
    return "the database" if isinstance(error, sa.exc.DBAPIError) else "SQLAlchemy"


def _added(lines: Sequence[callsite.Line | None]) -> str:
    """Say where records or rows were added, as far as that is known."""
    known = list(dict.fromkeys(line for line in lines if line is not None))
    if not known:
        return ""
    what = "it was" if len(lines) == 1 else "they were"
    return f"; {what} added at {known[0]}" + (f", and {len(known) - 1:,} more lines" if known[1:] else "")
