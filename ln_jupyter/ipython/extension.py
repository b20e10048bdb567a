"""What ``%load_ext ln_jupyter`` sets up in a shell, and takes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter.ipython import completion, magics, source
from ln_jupyter.ipython.formatters import Formatters
from ln_jupyter.ipython.held import Held
from ln_jupyter.ipython.options import NAME
from ln_jupyter.ipython.watch import Watch

if TYPE_CHECKING:
    from IPython.core.completer import MatcherAPIv2
    from IPython.core.interactiveshell import InteractiveShell


class _Parts(NamedTuple):
    magics: magics.Magics
    watch: Watch
    held: Held
    matcher: MatcherAPIv2
    formatters: Formatters


# On the shell itself: %reload_ext runs modules again, and a shell that ends takes it along.
_ATTRIBUTE = "_ln_jupyter"


def load(shell: InteractiveShell) -> None:
    """Set up the magics and displays; a second time changes nothing."""
    if hasattr(shell, _ATTRIBUTE):
        return
    shell.input_transformers_cleanup.append(source.rewrite)
    held = Held(shell)
    parts = _Parts(
        magics.Magics(shell, held), Watch(shell, held), held, completion.matcher(shell.user_ns), Formatters(shell)
    )
    shell.Completer.custom_matchers.append(parts.matcher)
    shell.register_magic_function(parts.magics.ln_session, "line_cell", NAME)  # type: ignore[arg-type]
    setattr(shell, _ATTRIBUTE, parts)


def unload(shell: InteractiveShell) -> None:
    """Leave the shell as it was; a session that is open ends with its cell."""
    parts: _Parts | None = vars(shell).pop(_ATTRIBUTE, None)
    if parts is None:
        return
    parts.watch.end()
    parts.held.close()
    parts.formatters.remove()
    shell.Completer.custom_matchers.remove(parts.matcher)
    shell.input_transformers_cleanup.remove(source.rewrite)
    manager = shell.magics_manager
    for kind in ("line", "cell"):
        if manager.magics[kind].get(NAME) == parts.magics.ln_session:
            del manager.magics[kind][NAME]
    vars(manager.user_magics).pop(NAME, None)  # where register_magic_function keeps a second reference
