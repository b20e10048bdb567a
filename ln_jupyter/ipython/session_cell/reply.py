"""How ipykernel judges a cell: the attributes of its shell that decide the reply.

They are private, and absent in a terminal and in older releases; there is no public way to ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_TRACEBACK = "_last_traceback"
_DISPLAY_FAILED = "_last_traceback_during_displayhook"


def forget_traceback(shell: InteractiveShell) -> None:
    """Forget the traceback of earlier cells; ipykernel does so only for cells without ``await``."""
    if hasattr(shell, _TRACEBACK):
        setattr(shell, _TRACEBACK, None)


def has_traceback(shell: InteractiveShell) -> bool:
    """Return whether an error was sent as one since `forget_traceback`, and not only printed.

    IPython only prints a ``UsageError`` and an ``ExceptionGroup``.
    """
    return getattr(shell, _TRACEBACK, ()) is not None


def fails_by_display(shell: InteractiveShell) -> bool:
    """Return whether an error shown now turns the reply red although the code of the cell succeeds.

    It does in ipykernel 7 while the cell's result is displayed.
    """
    return hasattr(shell, _DISPLAY_FAILED) and getattr(shell.displayhook, "msg", None) is not None


def forget_display(shell: InteractiveShell) -> None:
    """Leave the reply to the cell's own result.

    The mark of a failed display belongs to the process: it outlives a cell with ``await``
    (seen in ipykernel 7.4), and is shared by subshells.
    """
    if hasattr(shell, _DISPLAY_FAILED):
        setattr(shell, _DISPLAY_FAILED, False)
