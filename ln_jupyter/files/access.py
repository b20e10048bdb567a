"""What is said of a file: that it was read, written, or opened for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

READ: Final = 0
WRITE: Final = 1
UPDATE: Final = 2
"""Opened to read and to write: its time of change tells later whether it was written."""

Note: TypeAlias = Callable[[str, int, str], None]
"""Takes a path, URL or pattern as it was given, how it was opened, and by which library, as in ``"polars"``."""
