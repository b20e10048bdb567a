"""psycopg's connection, whose waits end at Ctrl-C also in a cell with ``await``."""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg

from ln_jupyter.db import interrupts


class Connection(psycopg.Connection[Any]):
    """Waits for the server in one place, its `wait`: at Ctrl-C that cancels the statement."""

    reads_alone = False
    """Whether it begins by itself for what writes only, where it is not in autocommit."""

    def wait(self, *args: Any, **options: Any) -> Any:
        """Wait for the server's answer."""
        with interrupts.allowed():
            return super().wait(*args, **options)

    def at_once(self) -> contextlib.AbstractContextManager[Any]:
        """Send what is executed in one message, as far as the library of the client can."""
        return self.pipeline() if psycopg.Pipeline.is_supported() else contextlib.nullcontext()
