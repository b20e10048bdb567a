"""Follow each cell of a shell to its end, and end its session there.

IPython runs the body of every cell through `run_ast_nodes`, in the cell's own task,
context and thread, display included. Around it a session can be committed while the
cell's error is still to be decided; no event of IPython's comes early enough for that.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from ln_jupyter import callsite, errors, sanitize
from ln_jupyter.ipython.error_hints import hints
from ln_jupyter.ipython.patching import replace
from ln_jupyter.ipython.session_cell import cell as cells
from ln_jupyter.ipython.session_cell import reply, report

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from ln_jupyter.ipython.patching import Earlier
    from ln_jupyter.ipython.session_cell.cell import Cell
    from ln_jupyter.ipython.session_cell.held import Held


class Watch:
    """Follows the cells of one shell until it is ended.

    Args:
        shell: The shell. Only this object is changed, not its class.
        held: The session that its cells stand in by themselves.
    """

    def __init__(self, shell: InteractiveShell, held: Held) -> None:
        self._shell = shell
        self._held = held
        self._notices: set[Any] = set()
        self._replacements = [replace(shell, "run_ast_nodes", self._follow)]
        self._take_notice()
        shell.events.register("post_execute", self._look_before)

    def end(self) -> None:
        """Give the shell its methods back; cells that are running still end their sessions.

        What stays in place, below somebody else's wrapper, finds no session to end.
        """
        while self._replacements:
            self._replacements.pop().give_back()
        if self._look_before in self._shell.events.callbacks["post_execute"]:
            self._shell.events.unregister("post_execute", self._look_before)

    def _follow(self, earlier: Earlier) -> Callable[..., Any]:
        here, notices, held = vars(self._shell), self._notices, self._held

        # IPython's own signature, and what it may gain: to pass on whatever is given takes a fifth of all this.
        async def run(
            nodelist: Any,
            cell_name: str,
            interactivity: str = "last_expr",
            compiler: Any = compile,
            result: Any = None,
            **new: Any,
        ) -> Any:
            cell = cells.enter()
            if here.get("showtraceback") not in notices or here.get("showsyntaxerror") not in notices:
                self._take_notice()
            failed: Any = True
            try:
                held.resume(cell)
                run_nodes = functools.partial(earlier(), **new) if new else earlier()
                failed = await run_nodes(nodelist, cell_name, interactivity, compiler, result)
            finally:
                if failed and (cause := _cause(result)) is not None:
                    cell.show(cause)
                # not in a forked child, whose database connection is its parent's
                is_to_settle = (cell.session is not None or cell.unsaved is not None) and cell.is_current
                cell.leave()
                if is_to_settle:
                    failed = self._settle(cell, result, failed=failed)
                if cell.parent is None:
                    report.show_advice()
            return failed

        return run

    def _take_notice(self) -> None:
        """Stand before the hooks that show errors, also where others have put theirs in the place of ours; until `end`."""
        if not self._replacements:
            return
        for name in ("showtraceback", "showsyntaxerror"):
            if self._shell.__dict__.get(name) not in self._notices:
                replacement = replace(self._shell, name, self._notice)
                self._replacements.append(replacement)
                self._notices.add(replacement.method)

    def _look_before(self) -> None:
        """Take note of a cell that failed before it ran, inside of another one, whatever has shown its error."""
        if (cell := cells.current()) is None:  # nearly always
            return
        result: ExecutionResult | None = self._shell.last_execution_result
        if result is not None and result.error_before_exec is not None:
            cell.show(result.error_before_exec)

    def _notice(self, earlier: Earlier) -> Callable[..., Any]:
        def notice(*args: Any, **kwargs: Any) -> Any:
            cell, error = cells.current(), _shown(*args, **kwargs)
            hints.annotate(error, self._shell.user_ns)
            is_of_code = not _is_display(sys._getframe(1))
            if cell is not None and error is not None and (is_of_code or reply.fails_by_display(self._shell)):
                cell.show(error)
            if isinstance(error, KeyboardInterrupt):
                callsite.cut_below(error.__traceback__)  # Ctrl-C is answered at once: many frames take a second to show
            shown = earlier()(*args, **kwargs)
            if cell is None and isinstance(error, KeyboardInterrupt):
                cells.abandon_waiting()
            return shown

        return notice

    def _settle(self, cell: Cell, result: ExecutionResult | None, *, failed: bool) -> bool:
        """End the session of a cell, and say whether the cell failed: what was not saved has."""
        shell, session, error = self._shell, cell.session, cell.error
        try:
            cell.close(failed=failed)
        except BaseException as at_end:  # noqa: BLE001 - the database's or Ctrl-C, it is the cell's error
            failed, error = True, at_end
            _put(error, result)
            if isinstance(error, KeyboardInterrupt) and error.__traceback__ is not None:
                error.__traceback__.tb_next = None  # as above: IPython formats it for its history
            # For %tb and %debug.
            shell._get_exc_info((type(error), error, error.__traceback__))  # type: ignore[no-untyped-call]
            self._show(error)
            if cell.parent is not None:
                cell.parent.show(error)
        if session is not None:
            reply.forget_display(shell)
            report.show_end(session, is_saved=cell.unsaved is None)
        if cell.unsaved is None:
            return failed
        if not failed:
            _put(error, result)
        if cell.parent is not None:
            cell.parent.unsaved = cell.unsaved
            return True
        name, undone = type(error).__name__, cell.unsaved.undone
        if not failed:
            line = f"%%ln_session: {name} was shown in the cell, and did not end it: {undone}"
            sanitize.write_line(line, sys.stderr)
        if not reply.has_traceback(shell):  # some runners look for an error among the outputs only
            fix = f"correct what raised {name}, then run the cell again"
            # by the class's own: what others have put in its place has shown the error, and not as one
            show = functools.partial(type(shell)._showtraceback, shell)
            self._show(errors.SessionError(f"{name} ended this unit: {undone}", fix=fix), show)
        return True

    def _show(self, error: BaseException, show: Callable[..., object] | None = None) -> None:
        """Show an error that passed through no line of the user's: without its frames."""
        lines = [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]
        (show or self._shell._showtraceback)(type(error), error, lines)


def _put(error: BaseException | None, result: ExecutionResult | None) -> None:
    if result is not None:
        result.error_in_exec = error


def _cause(result: ExecutionResult | None) -> BaseException | None:
    """Return what ended a cell: nothing shows a debugger that was left, or what a `set_custom_exc` handler keeps."""
    error: BaseException | None = None if result is None else result.error_in_exec
    return sys.exception() if error is None else error


def _shown(*args: Any, exc_tuple: Any = None, **_: Any) -> BaseException | None:
    """Return the error that a call of showtraceback or showsyntaxerror is about to show."""
    given = args[0] if args and isinstance(args[0], tuple) else exc_tuple
    error: BaseException | None = given[1] if given else sys.exception()
    return error


def _is_display(caller: FrameType) -> bool:
    return bool(caller.f_globals.get("__name__") == "IPython.core.formatters")
