"""What ``%load_ext ln_jupyter`` sets up in a shell, and takes back."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ln_jupyter.ipython import completion
from ln_jupyter.ipython.display_hook.hook import Formatters
from ln_jupyter.ipython.error_hints.folding import Folding
from ln_jupyter.ipython.session_cell import completion as magic_completion
from ln_jupyter.ipython.session_cell import magic, rewrite
from ln_jupyter.ipython.session_cell.arguments import NAME
from ln_jupyter.ipython.session_cell.held import Held
from ln_jupyter.ipython.session_cell.watch import Watch

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# On the shell itself: %reload_ext runs modules again, and a shell that ends takes it along.
# It knows how all is taken back, whatever has become of the modules that set it up.
_ATTRIBUTE = "_ln_jupyter"


def load(shell: InteractiveShell) -> None:
    """Set up the magics and displays, or nothing; a second time changes nothing."""
    if hasattr(shell, _ATTRIBUTE):
        return
    with contextlib.ExitStack() as undo:  # does each step, whatever becomes of the others
        _add(shell.input_transformers_cleanup, rewrite.rewrite, undo)
        held = Held(shell)
        undo.callback(held.close)
        undo.callback(Watch(shell, held).end)
        undo.callback(Folding(shell).end)
        for each in (magic_completion, completion):
            _add(shell.Completer.custom_matchers, each.matcher(shell.user_ns), undo)
        undo.callback(Formatters(shell).remove)
        _register(shell, magic.Magics(shell, held), undo)
        setattr(shell, _ATTRIBUTE, undo.pop_all())


def unload(shell: InteractiveShell) -> None:
    """Leave the shell as it was; a session that is open ends with its cell.

    Raises:
        StaleRecordError: As `Held.close`, like every other error of the database; all the rest is done.
    """
    undo: contextlib.ExitStack | None = vars(shell).pop(_ATTRIBUTE, None)
    if undo is not None:
        undo.close()


def _add(functions: list[Any], function: object, undo: contextlib.ExitStack) -> None:
    """Add a function to a list of the shell's, which others may change, too."""

    def remove() -> None:
        if function in functions:
            functions.remove(function)

    functions.append(function)
    undo.callback(remove)


def _register(shell: InteractiveShell, ours: magic.Magics, undo: contextlib.ExitStack) -> None:
    manager = shell.magics_manager

    def unregister() -> None:
        for kind in ("line", "cell"):
            if manager.magics[kind].get(NAME) == ours.ln_session:
                del manager.magics[kind][NAME]
        vars(manager.user_magics).pop(NAME, None)  # where register_magic_function keeps a second reference

    undo.callback(unregister)
    shell.register_magic_function(ours.ln_session, "line_cell", NAME)  # type: ignore[arg-type]
