"""The registry's own records, for any `select()`: ``import ln_jupyter.schema as lns``."""

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
]
