"""Which record the database refused, and which line added it."""

from __future__ import annotations

import logging
import reprlib
import sqlite3
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import errors, redaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ln_jupyter import callsite
    from ln_jupyter.db import memory

_log = logging.getLogger(__name__)

_MOST_TO_REPLAY = 10_000
_OF_KEYS = {"23503", "23505"}  # SQLSTATE: a foreign key without its row, a key that is there already
_LABELS = ("name", "title", "label", "handle", "key", "slug")


def annotate(error: sa.exc.DBAPIError, record: object | None, line: callsite.Line | None) -> None:
    """Add a note to *error* that names the record it is about, if it can be told, and the line that added it."""
    where = f"; it was added at {line}" if line is not None else ""
    which = "" if record is None else f"the database refused {name(record)}{where}\n"
    error.add_note(f"{which}nothing of this unit was saved")


def stale(error: Exception, changed: Sequence[memory.Kept], fresh: orm.Session) -> errors.StaleRecordError:
    """Make the error for a row that is no longer as it was read, naming the record where it can be told.

    Args:
        error: SQLAlchemy's own, which names the table.
        changed: What the edited records held before they were sent.
        fresh: Reads what the rows hold now, and is closed.
    """
    with fresh:
        record = next((was.record for was in changed if _is_stale(was, fresh)), None)
    what = str(error)
    if record is not None:
        what = f"{name(record)} was changed or deleted by another session after it was read"
    cls = type(record or (changed[0].record if changed else None)).__name__
    fix = f"read it again, ln.select({cls}, ...).one(), and repeat your change; nothing was overwritten"
    return errors.StaleRecordError(what, fix=fix)


def refused(
    new: Sequence[object], error: sa.exc.DBAPIError, fresh: orm.Session, *, is_all: bool = True
) -> object | None:
    """Find the record that the database refuses; of rows sent together, no driver says which.

    Args:
        new: The records that were to be inserted; they are out of their session again.
        error: What the database said.
        fresh: Inserts them again one by one, in a transaction that is undone, and is closed.
        is_all: Whether all that the transaction sent is among them; else some may refer to what is undone.
    """
    is_vague = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    if not 0 < len(new) <= _MOST_TO_REPLAY or (is_vague and not is_all):
        return None
    with fresh:
        try:
            for record in new:
                try:
                    with fresh.begin_nested():
                        fresh.add(record)
                        orm.Session.flush(fresh)  # plain: an error here needs no name, it is the name
                except (sa.exc.IntegrityError, sa.exc.DataError) as again:
                    if _complaint(again) == _complaint(error):
                        return record
        except (sa.exc.SQLAlchemyError, errors.DatabaseError):  # the first error is the one to report
            _log.debug("could not find the refused record", exc_info=True)
        finally:
            fresh.rollback()
    return None


def _complaint(error: sa.exc.DBAPIError) -> object:
    """Give what two errors about one row have in common."""
    diag = getattr(error.orig, "diag", None)
    if diag is None:
        return str(error.orig)
    is_of_key = diag.sqlstate in _OF_KEYS
    where = (diag.sqlstate, diag.constraint_name, diag.table_name, diag.column_name)
    return (*where, diag.message_detail if is_of_key else None)  # of others, it has the whole row, with its new key


def _is_stale(was: memory.Kept, fresh: orm.Session) -> bool:
    mapper = sa.inspect(was.record).mapper
    if mapper.version_id_col is None or was.key is None:
        return False
    version = mapper.get_property_by_column(mapper.version_id_col)
    key = [mapper.get_property_by_column(column).class_attribute for column in mapper.primary_key]
    saved = sa.select(version.class_attribute).where(*(a == value for a, value in zip(key, was.key[1], strict=True)))
    return bool(fresh.scalar(saved) != was.values.get(version.key))


def name(record: Any) -> str:
    """Name a record by its key or label only: its own repr may query, raise, or show a secret."""
    state = sa.inspect(record)
    keys = [state.mapper.get_property_by_column(column).key for column in state.mapper.primary_key]
    known = dict(zip(keys, state.identity or (), strict=False))
    known |= {name: state.dict[name] for name in (*keys, *_LABELS) if state.dict.get(name) is not None}
    shown = (f"{name}={_value(state.mapper, name, value)}" for name, value in known.items())
    return f"{type(record).__name__}({', '.join(shown)})"


def _value(mapper: orm.Mapper[Any], name: str, value: object) -> str:
    info = getattr(mapper.columns.get(name), "info", {})
    return redaction.HIDDEN if redaction.is_secret(name, info=info) else reprlib.repr(value)
