"""`log()`, `tag()`, `note()`, `track_input()` and `track_output()`: what a user puts on a run."""

from __future__ import annotations

import math
import numbers
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ln_jupyter import addresses, errors, redaction, settings
from ln_jupyter.tracking import running
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ln_jupyter.schema import Run
    from ln_jupyter.schema.models import Kind, Role

_LONGEST_TEXT = 500  # characters of a result, a tag, or the name of either
_LONGEST_NOTE = 10_000
_LARGEST = 2**63  # what every database has an integer for
_ELSEWHERE = (
    "write it to a file; what MLflow or Weights & Biases keeps of the run goes by their id: "
    "ln.add(lns.Run(..., external_id=...))"
)

_LONGEST_QUERY = 2_000  # characters, as the longest path
_DATABASES = re.compile(
    r"(?:postgres(?:ql)?|mysql|mariadb|sqlite|mssql|oracle|duckdb|snowflake|bigquery|redshift|databricks|trino|clickhouse)"
    r"(?:\+\w+)?\Z"
)
_QUERY = re.compile(r"\s*(?:select|with)\s", re.IGNORECASE)


@dataclass
class Annotations:
    """What is to be put on a run, and is not yet there."""

    results: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)
    note: str | None = None

    def add(self, other: Annotations) -> None:
        """Put more on it: the later value wins."""
        self.results |= other.results
        self.tags |= other.tags
        self.note = self.note if other.note is None else other.note

    def __bool__(self) -> bool:
        return bool(self.results or self.tags or self.note is not None)


class Stated(NamedTuple):
    """What the user says of a file.

    Attributes:
        role: What the run does with it.
        kind: What it is.
        path: Absolute; of a URL without credentials; of a query its text.
        cell: In which that was said.
    """

    role: Role
    kind: Kind
    path: str
    cell: float | None


def log(*, run: Run | str | None = None, **results: object) -> None:
    """Keep numbers and short texts as results of a run; the last value of a name wins.

    Nothing is sent in the cell: the next sign of life of the run takes them along, and its end.

    Args:
        run: Another run than the one that goes on here, or its id; it is written at once.
        results: Their names and values.

    Raises:
        NotRegisteredError: If `header()` did not run, and no run is named.
        InvalidValueError: If a value is neither a number nor a short text.
        RunNotFoundError: If there is no run of the id.

    Example:
        >>> import ln_jupyter as ln
        >>> ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")  # doctest: +ELLIPSIS
        Solve Problem X
        ...
        >>> ln.log(auc=0.91, kernel="rbf")
    """
    _put(Annotations(results={_name(name): _value(name, value) for name, value in results.items()}), run)


def tag(*tags: str, run: Run | str | None = None) -> None:
    """Put words on a run, to find it by: ``ln.select(lns.Run, tags="final")``.

    Args:
        tags: The words.
        run: As for `log`.

    Raises:
        NotRegisteredError: As `log`.
        InvalidValueError: If a tag is no short text.
        RunNotFoundError: As `log`.
    """
    for each in tags:
        if not _is_text(each, _LONGEST_TEXT) or not each.strip():
            raise errors.InvalidValueError(f"the tag {_shown(each)} is no short text", fix='ln.tag("final")')
    _put(Annotations(tags={storable(each.strip()): None for each in tags}), run)


def note(text: str, *, run: Run | str | None = None) -> None:
    """Write a note to a run, in the place of the one it has.

    Args:
        text: The note.
        run: As for `log`.

    Raises:
        NotRegisteredError: As `log`.
        InvalidValueError: If it is no text, or longer than 10,000 characters.
        RunNotFoundError: As `log`.
    """
    if not _is_text(text, _LONGEST_NOTE):
        msg = f"a note is a text of up to {_LONGEST_NOTE:,} characters, and this is {_shown(text)}"
        raise errors.InvalidValueError(msg, fix='ln.note("the one in the paper")')
    _put(Annotations(note=storable(text)), run)


def track_input(x: str | os.PathLike[str]) -> None:
    """Say what the run reads, where nothing can see it: a program that another process runs, a database, a service.

    What Python and the usual libraries open is recorded by itself. Nothing is fetched and nothing is sent: of a URL, a
    table or a query the address is kept, without credentials; of a file or folder its content, as of any other.

    Args:
        x: A path, a URL, a table such as ``"postgresql://host/database/table"``, or the text of a query.

    Raises:
        NotRegisteredError: If `header()` did not run.
        InvalidValueError: If *x* is none of these, or a file that is not there.

    Example:
        >>> import ln_jupyter as ln
        >>> ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")  # doctest: +ELLIPSIS
        Solve Problem X
        ...
        >>> ln.track_input("postgresql://lab.example.org/growth/plates")
    """
    _state("input", x)


def track_output(x: str | os.PathLike[str]) -> None:
    """Say what the run has written, where nothing can see it; as `track_input`, and when it is written.

    Args:
        x: As for `track_input`.

    Raises:
        NotRegisteredError: As `track_input`.
        InvalidValueError: As `track_input`.
    """
    _state("output", x)


def _put(annotations: Annotations, run: Run | str | None) -> None:
    if settings.is_off_by_environment() or not annotations:
        return
    current, recording = running.registration(), running.recording()
    if run is None:
        if current is None or recording is None:
            if settings.current().mode == "off":
                return
            msg = "no run goes on here: header() did not run in this process"
            raise errors.NotRegisteredError(msg, fix="ln.header() in the notebook's first cell, or name one: run=...")
        run_id, engine = current.run_row["id"], current.origin
    else:
        run_id, engine = _named(run)
    if (
        recording is not None
        and (recording.run_id, recording.engine) == (run_id, engine)
        and recording.take(annotations)
    ):
        return
    from ln_jupyter.registry import choose  # here for cost: mapping classes, as above
    from ln_jupyter.tracking.recording import run_rows

    def write(connection: sa.Connection) -> bool:
        return run_rows.annotate(connection, run_id, annotations)

    if not choose.in_registry(write, engine=engine):
        raise errors.RunNotFoundError(f"the registry has no run {run_id}", fix="ln-jupyter runs --full lists them")


def _named(run: Run | str) -> tuple[str, sa.Engine]:
    """Return the id of a run, and where it is."""
    from ln_jupyter.orm import origins
    from ln_jupyter.registry import choose
    from ln_jupyter.schema import Run

    if isinstance(run, Run):
        return run.id, origins.engine_of(run) or choose.of_registry()
    if not isinstance(run, str):
        raise errors.InvalidValueError(
            f"run={_shown(run)} is neither a run nor its id", fix='run="h3Kp0c9VQw2bZxYt81Ru"'
        )
    return run, choose.of_registry()


def _name(name: str) -> str:
    if len(name) > _LONGEST_TEXT:
        raise errors.InvalidValueError(f"the name {name[:20]!r}... of a result is too long", fix=_ELSEWHERE)
    return storable(name)


def _value(name: str, value: object) -> object:
    """Return a result as JSON has it: of numpy's and torch's single numbers the Python one."""
    if getattr(value, "shape", None) == () and callable(item := getattr(value, "item", None)):
        value = item()
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
        return storable(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        if abs(int(value)) < _LARGEST:
            return int(value)
    elif isinstance(value, numbers.Real) or type(value).__name__ == "Decimal":
        from ln_jupyter.notebook.parameters import EXPRESSION  # here for cost: header() needs none of it

        number = float(value)  # type: ignore[arg-type]
        return number if math.isfinite(number) else {EXPRESSION: str(number)}
    msg = f"the result {name!r} is neither a number nor a text of up to {_LONGEST_TEXT} characters: {_shown(value)}"
    raise errors.InvalidValueError(msg, fix=_ELSEWHERE)


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest


def _shown(value: object) -> str:
    return f"a {type(value).__name__}"


def _state(role: Role, x: object) -> None:
    kind, path = _describe(role, x)
    if settings.is_off_by_environment():
        return
    recording = running.recording()
    if recording is None:
        if settings.current().mode == "off":
            return
        msg = "no run goes on here: header() did not run in this process"
        raise errors.NotRegisteredError(msg, fix="ln.header() in the notebook's first cell")
    recording.state_file(Stated(role, kind, path, None))


def _describe(role: Role, x: object) -> tuple[Kind, str]:
    function = f"ln.track_{role}"
    if not isinstance(x, (str, os.PathLike)) or not (text := os.fsdecode(x)).strip():
        msg = f"{function}() takes a path, a URL, a table or a query, and this is a {type(x).__name__}"
        raise errors.InvalidValueError(msg, fix=f'{function}("data/plates.csv")')
    if isinstance(x, str) and "://" in x and not x.startswith("file://"):
        return _describe_address(x)
    if isinstance(x, str) and _QUERY.match(x):
        return "query", redaction.without_secrets(x.strip())[:_LONGEST_QUERY]
    path = Path(unquote(urlsplit(text).path) if text.startswith("file://") else text).expanduser().absolute()
    if not path.exists():
        msg = f"there is no file {path}"
        fix = f"write it first, then {function}(...)" if role == "output" else "correct the path, or say it by its URL"
        raise errors.InvalidValueError(msg, fix=fix)
    return ("folder" if path.is_dir() else "file"), os.path.normpath(path)


def _describe_address(x: str) -> tuple[Kind, str]:
    scheme = x.partition("://")[0].lower()
    return ("table" if _DATABASES.match(scheme) else "url"), addresses.of_data(x)
