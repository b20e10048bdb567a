"""The registry's own records, for any `select()`: ``import ln_jupyter.schema as lns``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter.schema.declarative import Base
from ln_jupyter.schema.models import (
    CreatedBy,
    Environment,
    ExecutedCell,
    File,
    Notebook,
    NotebookPath,
    Pipeline,
    Run,
    Source,
    User,
)

if TYPE_CHECKING:
    from ln_jupyter.schema.diagram import view

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
    "Source",
    "User",
    "view",
]

# Hidden from type checkers, which would take every misspelt name for an object.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name != "view":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from ln_jupyter.schema.diagram import view  # here for cost: header() draws nothing

        globals()[name] = view
        return view


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
