"""The line after ``%ln_session`` and ``%%ln_session``, read and done."""

from __future__ import annotations

import keyword
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

from ln_jupyter import errors
from ln_jupyter.ipython import cell as cells
from ln_jupyter.ipython import reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

NAME = "ln_session"

_USAGE = "%%ln_session [--as NAME] [--db URL_OR_VARIABLE] [--write]"
_WITH_VALUE = {"--as": "NAME", "--db": "URL_OR_VARIABLE"}
_OPTIONS = {*_WITH_VALUE, "--write"}
_VERBS = {"cell"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What ``%%ln_session`` was asked for.

    Attributes:
        name: The variable that holds the `Session`; None for no variable.
        db: A URL, or the variable that holds a URL or an engine; None for the usual database.
        write: Whether the write lock is taken at the start.
    """

    name: str | None = None
    db: str | None = None
    write: bool = False


class Magics:
    """The magics of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    @no_var_expand  # a `$` or brace of a URL is its own
    def ln_session(self, line: str, cell: str | None = None) -> None:
        """Run the cell in one session: its changes are saved together, or not at all.

        ::

            %%ln_session
            run = ln.select(lns.Run, name="Solve Problem X").one()
            run.pipeline

        is exactly::

            with ln.Session():
                run = ln.select(lns.Run, name="Solve Problem X").one()
                run.pipeline

        and shows the last line while the session is open, so that relationships load.
        Everything the cell calls uses its session: ln.select, ln.add, ln.delete. It
        commits at the end of the cell, and rolls back on an error; what was not saved
        is an error of the cell.

        Options::

            --as NAME             with ln.Session() as NAME:
            --db URL_OR_VARIABLE  with ln.Session("sqlite:////data/other.db"):
                                  or a variable of the notebook that holds a URL or an engine
            --write               with ln.Session(write=True):
                                  nobody else writes between what you read and what you write

        The same on any line, for the rest of the cell, and valid Python to other tools::

            %ln_session cell --as ss --write
        """
        if cell is not None:  # not a cell of a notebook, whose first line is rewritten: run_cell_magic() of a script
            self._shell.run_cell(f"%%{NAME} {line}\n{cell}").raise_error()  # type: ignore[no-untyped-call]
            return
        verb, *words = _split(line) or [""]
        if verb not in _VERBS:
            msg = f"%{NAME} has no verb {verb!r}" if verb else f"%{NAME} needs a verb"
            raise errors.MagicError(msg, fix=errors.near_miss(verb, _VERBS))
        self._open(read_options(words))

    def _open(self, options: Options) -> None:
        from ln_jupyter.records.session import Session  # here for cost: it imports SQLAlchemy

        cell = cells.current()
        if cell is None:
            msg = f"%{NAME} cell is not in a cell that began after the extension was loaded"
            raise errors.MagicError(msg, fix="load it in a cell before this one, or use `with ln.Session():`")
        target = None if options.db is None else find_target(options.db, self._shell.user_ns)
        session = Session(target, write=options.write)
        reply.forget_traceback(self._shell)
        cell.open(session)
        if options.name is not None:
            self._shell.user_ns[options.name] = session


def read_options(words: list[str]) -> Options:
    """Read the options of a session cell.

    Raises:
        MagicError: If one is unknown or has no usable value; it names the near miss.

    Example:
        >>> read_options(["--as", "ss", "--write"])
        Options(name='ss', db=None, write=True)
    """
    values: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        option, given, value = word.partition("=")
        if option not in _OPTIONS:
            raise errors.MagicError(f"%%{NAME} has no option {option!r}", fix=errors.near_miss(option, _OPTIONS))
        if option in _WITH_VALUE and not given:
            value = next(rest, "")
        if (option in _WITH_VALUE) != bool(value) or value in _OPTIONS:
            needs = f"{option} needs {_WITH_VALUE[option]}" if option in _WITH_VALUE else f"{option} takes no value"
            raise errors.MagicError(f"%%{NAME} {needs}", fix=f"write {_USAGE}")
        values[option] = value
    name = values.get("--as")
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise errors.MagicError(f"%%{NAME} --as {name!r} is not a variable's name", fix="write --as ss")
    return Options(name=name, db=values.get("--db"), write="--write" in values)


def find_target(text: str, namespace: Mapping[str, Any]) -> Any:
    """Find what ``--db`` names: a URL as it is, or the value of a variable.

    Raises:
        MagicError: If it is neither.

    Example:
        >>> find_target("lab", {"lab": "sqlite:////data/lab.db"})
        'sqlite:////data/lab.db'
    """
    if "://" in text:
        return text
    import sqlalchemy as sa  # here for cost

    targets = {
        name: value
        for name, value in namespace.items()
        if isinstance(value, (sa.Engine, sa.URL)) or (isinstance(value, str) and "://" in value)
    }
    if text not in targets:
        msg = f"%%{NAME} --db {text!r} is neither a URL nor a variable that holds one, or an engine"
        raise errors.MagicError(msg, fix=errors.near_miss(text, targets) if targets else f"write {_USAGE}")
    return targets[text]


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise errors.MagicError(f"%{NAME} cannot be read: {error}", fix="close the quotation mark") from None
