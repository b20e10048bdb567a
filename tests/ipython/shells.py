"""A shell in this process, as IPython makes it, and what it displays."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from ln_jupyter.ipython import extension

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def shell_in(home: Path, config: dict[str, Any] | None = None) -> Iterator[InteractiveShell]:
    """Make a shell without a history and without the extension, and put `__main__` back."""
    shell = InteractiveShell(ipython_dir=str(home), config=Config(config or {}, HistoryManager={"enabled": False}))
    try:
        yield shell
    finally:
        extension.unload(shell)
        shell.restore_sys_module_state()


def text(shell: InteractiveShell, obj: object) -> str:
    """Give the plain text that is displayed."""
    return shown(shell, obj)["text/plain"]


def html(shell: InteractiveShell, obj: object) -> str | None:
    """Give the HTML that is displayed, without its style."""
    found = shown(shell, obj).get("text/html")
    return found and found.rpartition("</style>")[2]


def shown(shell: InteractiveShell, obj: object, **options: Any) -> dict[str, Any]:
    """Give all that is displayed."""
    assert shell.display_formatter is not None
    bundle, _ = shell.display_formatter.format(obj, **options)
    return bundle
