"""`ln.nb`: the notebook that this process runs, in the original project's words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ln_jupyter import errors
from ln_jupyter.tracking import running
from ln_jupyter.tracking.header import header
from ln_jupyter.tracking.publishing.publish import publish

if TYPE_CHECKING:
    from ln_jupyter.schema import Notebook, Run

    notebook: Notebook | None
    run: Run | None

__all__ = ["header", "notebook", "publish", "run"]

# Hidden from type checkers, which would take every misspelt name for an object.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Notebook | Run | None:
        """Return the notebook and run that `header()` registered in this process; None before it did."""
        if name not in ("notebook", "run"):
            if name.startswith("_"):
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
            raise errors.UnknownNameError.for_name(sys.modules[__name__], name)
        current = running.registration()
        return None if current is None else getattr(current, name)


def __dir__() -> list[str]:
    return __all__
