"""The registry's own records, for any `select()`: ``import ln_jupyter.schema as lns``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ln_jupyter.schema.base import Base
    from ln_jupyter.schema.diagram import view
    from ln_jupyter.schema.models import (
        CreatedBy,
        Environment,
        ExecutedCell,
        File,
        Notebook,
        NotebookPath,
        Pipeline,
        Run,
        RunFile,
        RunTag,
        RunText,
        Source,
        Text,
        User,
    )

__all__ = [
    "Base",
    "CreatedBy",
    "Environment",
    "ExecutedCell",
    "File",
    "Notebook",
    "NotebookPath",
    "Pipeline",
    "Run",
    "RunFile",
    "RunTag",
    "RunText",
    "Source",
    "Text",
    "User",
    "view",
]

# Hidden from type checkers, which would take every misspelt name for an object.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Map the classes when the first of them is asked for: `header()` writes without them."""
        from ln_jupyter import errors, importing

        if name not in __all__:
            module = sys.modules[__name__]
            if importing.is_asked_for(module, name):
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=module)
            raise errors.UnknownNameError.for_name(module, name)
        with importing.uninterrupted():
            from ln_jupyter.schema import models  # all of them: their relationships name each other

            home = models
            if name == "view":
                from ln_jupyter.schema import diagram as home
        value = globals()[name] = getattr(home, name)
        return value


def __dir__() -> list[str]:
    return __all__
