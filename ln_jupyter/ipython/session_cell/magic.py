"""The line after ``%ln_session`` and ``%%ln_session``, read and done."""

from __future__ import annotations

import ast
import functools
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

from ln_jupyter import errors, importing, sanitize
from ln_jupyter.ipython.session_cell import arguments, reply, report
from ln_jupyter.ipython.session_cell import cell as cells

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ln_jupyter.ipython.session_cell.arguments import Options
    from ln_jupyter.ipython.session_cell.held import Held
    from ln_jupyter.records.session import Session


class Magics:
    """The magics of one shell.

    Args:
        shell: The shell.
        held: The session that its cells stand in by themselves.
    """

    def __init__(self, shell: InteractiveShell, held: Held) -> None:
        self._shell = shell
        self._held = held

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
            --readonly            with ln.Session(readonly=True):
                                  whatever would write is an error
            --rollback            with ln.Session(rollback=True):
                                  a dry run: the database checks all changes, and keeps none
            --profile             with ln.Session(profile=True):
                                  shows below the cell what was sent, what loaded lazily and where,
                                  and the .load("...") that saves it

        The same on any line, for the rest of the cell, and valid Python to other tools::

            %ln_session cell --as ss --write

        One session for this cell and all that follow. Each cell commits at its end, or rolls
        back; between cells no transaction is open, and records stay connected. One that is
        open already is closed, as by close::

            %ln_session open [--as NAME] [--db URL_OR_VARIABLE] [--readonly] [--profile]
            %ln_session commit      save now what this cell has done so far
            %ln_session rollback    undo it
            %ln_session status      say what is open
            %ln_session close
        """
        __tracebackhide__ = True
        if cell is not None:  # not a cell of a notebook, whose first line is rewritten: run_cell_magic() of a script
            self._run(cell, arguments.read(f"cell {line}")[1])
            return
        verb, chosen = arguments.read(line)
        match verb:
            case "cell" | "open":
                self._open(chosen, keep=verb == "open")
            case "close":
                session = self._held_session()
                self._held.close()
                report.show_end(session, is_saved=True)
            case "commit":
                self._session().commit()
            case "rollback":
                self._session().rollback()
            case _:
                self._tell()

    def _open(self, chosen: Options, *, keep: bool) -> None:
        cell = cells.current()
        if cell is None:
            msg = f"%{arguments.NAME} is not in a cell that began after the extension was loaded"
            raise errors.MagicError(
                msg, fix="use `with ln.Session():`, or, in a notebook, load it in a cell before this one"
            )
        session = self._make(chosen)
        reply.forget_traceback(self._shell)
        cell.open(session, keep=keep)
        if keep:
            earlier = self._held.session
            self._held.hold(session)
            if earlier is not None:
                sanitize.write_line("the session that was open across cells is closed; this one takes its place")
        if chosen.name is not None:
            self._shell.user_ns[chosen.name] = session

    def _make(self, chosen: Options) -> Session:
        target = None if chosen.db is None else arguments.find_target(chosen.db, self._shell.user_ns)
        return _session_class()(target, **dict.fromkeys(chosen.flags, True))

    def _run(self, body: str, chosen: Options) -> None:
        """Run *body* in a block; its error is raised, and shown once, by whoever runs the script."""
        __tracebackhide__ = True
        shell: Any = self._shell  # IPython's compiler takes trees too, and says so nowhere
        source = shell.transform_cell(body)
        file = shell.compile.cache(source, raw_code=body)
        tree = shell.compile.ast_parse(source, filename=file)
        last = [tree.body.pop()] if tree.body and isinstance(tree.body[-1], ast.Expr) else []
        session = self._make(chosen)
        with session:
            if chosen.name is not None:
                shell.user_ns[chosen.name] = session
            for part, mode in ((tree, "exec"), (ast.Interactive(last), "single")):
                exec(shell.compile(part, file, mode), shell.user_global_ns, shell.user_ns)  # noqa: S102 - a cell is code
        report.show_end(session, is_saved=True)

    def _session(self) -> Session:
        """Find the session that the cell stands in."""
        cell = cells.current()
        while cell is not None and cell.session is None:
            cell = cell.parent
        if cell is None or cell.session is None:
            msg = "this cell stands in no session"
            raise errors.SessionError(msg, fix=f"begin it with %%{arguments.NAME}, or %{arguments.NAME} open")
        return cell.session

    def _held_session(self) -> Session:
        if self._held.session is None:
            msg = f"no session is open across cells; one of %%{arguments.NAME} closes with its cell"
            raise errors.SessionError(msg, fix=f"there is nothing to close; %{arguments.NAME} open opens one")
        return self._held.session

    def _tell(self) -> None:
        held, cell = self._held.session, cells.current()
        own = cell.session if cell is not None and cell.session is not held else None
        sanitize.write_line(f"across cells: {held or 'no session'}")
        if own is not None:
            sanitize.write_line(f"this cell: {own}")


@functools.cache  # holding Ctrl-C back takes a twentieth of a session cell
def _session_class() -> type[Session]:
    with importing.uninterrupted():
        from ln_jupyter.records.session import Session  # here for cost: it imports SQLAlchemy

    return Session
