"""`where()`: which run made what is in a file, from what, and who read it."""

from __future__ import annotations

import datetime as dt
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import QueryableAttribute

from ln_jupyter import addresses, errors, sanitize
from ln_jupyter.answers import asking, uses
from ln_jupyter.answers.provenance import Origin, Place, Where
from ln_jupyter.files import hashing
from ln_jupyter.queries import files
from ln_jupyter.schema import File, Notebook, Run, RunFile
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ln_jupyter.answers.provenance import State
    from ln_jupyter.queries.rows import Row

_MOST_INPUTS = 20
_MOST_ABOVE = 100  # of the folders around a file
_MOST = 5  # readers, other writers, places, and contents before
_LONGEST = 60  # characters of what was asked for


class Target(NamedTuple):
    """What is asked about.

    Attributes:
        path: Absolute; of a URL or a table its name; of a record what is known of it.
        others: The same in other forms, such as where a link leads.
        content: What is on disk.
        is_named: It is a URL, a table or a record: there is no file to look at.
        file_id: Of the record.
    """

    path: str
    content: hashing.Content
    others: tuple[str, ...] = ()
    is_named: bool = False
    file_id: str | None = None

    @property
    def paths(self) -> list[str]:
        """All forms of the path, as they are recorded."""
        return [storable(each) for each in (self.path, *self.others)]


def where(path: str | os.PathLike[str] | File) -> Where:
    """Say which run made what is in a file, from what, and who read it.

    The file is known by its content, so that a copy is found too, under whatever name. What was not hashed, such as a
    large file or one that may hold a secret, is known by its path, size and time.

    Args:
        path: Of a file or folder; a URL or table that a run named; or a record of a file.

    Returns:
        A value that shows itself, and has everything as attributes and by `to_dict()`.

    Raises:
        InvalidValueError: If it is none of these.

    Example:
        >>> import ln_jupyter as ln
        >>> ln.where("no_such_file.csv").is_known
        False
    """
    target = look(path)
    with asking.registry() as connection:
        return ask(connection, target)


def look(path: object) -> Target:
    """Look at what is asked about; it is read to be hashed.

    Raises:
        InvalidValueError: As `where`.
    """
    if isinstance(path, File):
        content = hashing.Content(path.hash, path.size, None, None, None, None)
        return Target(path.uri or path.name or path.id, content, is_named=True, file_id=path.id)
    if not isinstance(path, (str, os.PathLike)):
        raise errors.InvalidValueError(_what_it_is(path), fix=_fix(path))
    given = os.fspath(path)
    if not isinstance(given, str) or not given.strip() or "\0" in given:
        raise errors.InvalidValueError("where() asks about a file, and this is no path", fix='ln.where("pred.csv")')
    if given.startswith("file://"):
        given = unquote(urlsplit(given).path)
    if "://" in given:
        return Target(addresses.of_data(given), hashing.look(""), is_named=True)
    absolute = os.path.abspath(os.path.expanduser(given))  # noqa: PTH100, PTH111 - as it was recorded
    real = os.path.realpath(absolute)
    return Target(absolute, hashing.of_path(absolute), (real,) if real != absolute else ())


def ask(connection: sa.Connection, target: Target) -> Where:
    """Answer with what a registry knows."""
    host, content, paths = socket.gethostname(), target.content, target.paths
    reason = None if target.is_named else content.reason
    answer = Where(target.path, host, "unknown", utcnow(), size=content.size, hash=content.hash, reason=reason)
    rows = _by_content(connection, target, host)
    if not rows and content.size is not None and content.modified_ns is not None:
        moment = dt.datetime.fromtimestamp(content.modified_ns / 1e9, dt.UTC)
        rows = files.of_state(
            connection, host=host, paths=paths, size=content.size, modified_at=moment, limit=_MOST + 1
        )
        answer = replace(answer, is_by_state=bool(rows))
    at_path = files.of_path(connection, host=None if target.is_named else host, paths=paths, limit=_MOST + 1)
    if rows or (at_path and target.is_named):
        answer = _with_uses(answer, rows or at_path, target)
    elif at_path:
        answer = _with_last(answer, at_path, is_there=content.is_there)
    elif not target.is_named:
        return _of_folder(connection, answer, paths, is_there=content.is_there)
    answer = _with_earlier(answer, at_path)
    if answer.hash and rows and not answer.is_by_state and answer.size:
        answer = _with_places(connection, answer, paths)
    return _with_origins(connection, answer)


def _by_content(connection: sa.Connection, target: Target, host: str) -> list[Row]:
    content = target.content
    if content.hash is None and target.file_id is None:
        return []
    found = files.of_content(
        connection, content.hash, content.size, host=host, paths=target.paths, file_id=target.file_id, limit=_MOST + 1
    )
    if content.size or target.is_named:
        return found
    return [row for row in found if row["path"] in target.paths and row["host"] == host]  # all empty files are alike


def _with_uses(answer: Where, rows: list[Row], target: Target) -> Where:
    """Tell who wrote and read what it holds."""
    written, read = _parted(rows)
    totals = {row["role"]: row["total"] for row in rows}

    def is_here(use: uses.Use) -> bool:
        return use.path in target.paths and use.host == answer.host

    others = [each for each in written[1:] if each.run_id != written[0].run_id]  # what one run copies is said once
    state: State = "copy"
    if target.is_named:
        state = "named"
    elif written and is_here(written[0]):
        state = "as written"
    elif not written and any(map(is_here, read)):
        state = "as read"
    return replace(
        answer,
        state=state,
        written=written[0] if written else None,
        also_written=tuple(others[: _MOST - 1]),
        also_written_count=max(totals.get("output", 0) - 1 - (len(written) - 1 - len(others)), 0),
        read_by=tuple(read[:_MOST]),
        read_by_count=totals.get("input", 0),
    )


def _parted(rows: list[Row]) -> tuple[list[uses.Use], list[uses.Use]]:
    found = [uses.from_row(row) for row in rows]
    written = [each for each in found if each.role == "output"]
    newest = written[0].run_id if written else ""
    # of one run, what was seen says more than what was found by a look around
    written.sort(key=lambda use: (use.run_id != newest, use.run_id == newest and use.via == "snapshot"))
    return written, [each for each in found if each.role == "input"]


def _with_last(answer: Where, at_path: list[Row], *, is_there: bool) -> Where:
    """Tell of what is not known, or not there, who wrote or read the path last."""
    written, read = _parted(at_path)
    return replace(
        answer,
        state="changed" if is_there else "missing",
        written=written[0] if written else None,
        read_by=tuple(read[:_MOST]),
        read_by_count=max((row["total"] for row in at_path if row["role"] == "input"), default=0),
    )


def _with_earlier(answer: Where, at_path: list[Row]) -> Where:
    """Add the other contents that were written to the path."""
    every = [row for row in at_path if row["role"] == "output"]
    told = answer.written
    of_now = answer.hash or (told.hash if told else None)
    shown = {of_now, told.hash if told else None} - {None}
    others = [uses.from_row(row) for row in every if row["hash"] not in shown]
    others = [each for each in others if told is None or (each.run_id, each.path) != (told.run_id, told.path)]
    total = (every[0]["total"] if every else 0) - (len(every) - len(others))
    return replace(answer, earlier=tuple(others[:_MOST]), earlier_count=total)


def _with_places(connection: sa.Connection, answer: Where, paths: list[str]) -> Where:
    assert answer.hash is not None  # noqa: S101 - asked before
    rows = files.places(connection, answer.hash, answer.size, limit=_MOST + len(paths) + 1)
    told = {(answer.host, path) for path in paths}
    if answer.written is not None:
        told.add((answer.written.host or "", answer.written.path))
    others = [row for row in rows if (row["host"], row["path"]) not in told]
    total = (rows[0]["total"] if rows else 0) - (len(rows) - len(others))
    shown = [Place(row["path"], row["host"], row["at"]) for row in others[:_MOST]]
    return replace(answer, same_content=tuple(shown), same_content_count=total)


def _with_origins(connection: sa.Connection, answer: Where) -> Where:
    """Add what the run that wrote it had read by then, and those before it in its process."""
    written = answer.written
    if written is None:
        return answer
    chain = files.chain(connection, written.run_id)
    rows = [
        row
        for row in files.of_runs(connection, reading=chain, limit=None)
        if row["run_id"] != written.run_id
        or None in (row["cell"], written.execution)
        or row["cell"] <= written.execution
    ]
    rows.sort(key=lambda row: (chain.index(row["run_id"]), row["position"] is None, row["position"] or 0))
    few = list({row["file_id"] or row["path"]: row for row in reversed(rows)}.values())[::-1]
    ids = [row["file_id"] for row in few[:_MOST_INPUTS] if row["file_id"] is not None]
    writers = files.writers(connection, ids, before=written.at, other_than=chain)
    names = {"run_path": None, "title": None, "user": None, "at": written.at}
    origins = []
    for row in few[:_MOST_INPUTS]:
        by = writers.get(row["file_id"])
        file = uses.from_row({**names, **row})
        origins.append(Origin(file, None if by is None else uses.from_row(by), row["file_id"] is not None))
    return replace(answer, made_from=tuple(origins), made_from_count=len(few))


def _of_folder(connection: sa.Connection, answer: Where, paths: list[str], *, is_there: bool) -> Where:
    """Tell of a file that no run is known to have touched by itself which run wrote or read its folder as a whole."""
    above = [each for path in paths for each in _above(path)] if is_there else []
    rows = files.of_path(connection, host=answer.host, paths=above, limit=_MOST_ABOVE) if above else []
    folders = [row for row in rows if row["kind"] == "folder"]
    if not folders:
        return answer
    nearest = max((row["path"] for row in folders), key=len)
    found = _with_last(answer, [row for row in folders if row["path"] == nearest], is_there=True)
    return _with_origins(connection, replace(found, folder=nearest, read_by_count=len(found.read_by)))


def _above(path: str) -> Iterator[str]:
    while (parent := os.path.dirname(path)) != path:  # noqa: PTH120 - as it was recorded
        yield parent
        path = parent


def _what_it_is(given: object) -> str:
    if isinstance(given, (Run, Notebook, RunFile)):
        kind = f"a record of {type(given).__name__}"
    elif isinstance(given, (sa.ColumnElement, QueryableAttribute)):
        kind = "a condition"
    else:
        kind = f"{type(given).__module__}.{type(given).__name__}".removeprefix("builtins.")
    return f"where() asks about a file, and this is {sanitize.shortened(kind, _LONGEST)}"


def _fix(given: object) -> str:
    if isinstance(given, (Run, Notebook)):
        return "ln.lineage(record) draws what it read and wrote, and what led to that"
    if isinstance(given, RunFile):
        return "ln.where(record.path)"
    return 'ln.where("pred.csv") asks about a file; conditions are for ln.select(lns.Run).where(...)'
