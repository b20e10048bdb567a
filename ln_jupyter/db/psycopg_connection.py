"""psycopg's connection, whose waits end at Ctrl-C also in a cell with ``await``."""

from __future__ import annotations

from typing import Any

import psycopg

from ln_jupyter.db import interrupts


class Connection(psycopg.Connection[Any]):
    """Waits for the server in one place, its `wait`: at Ctrl-C that cancels the statement."""

    def wait(self, *args: Any, **options: Any) -> Any:
        """Wait for the server's answer."""
        with interrupts.allowed():
            return super().wait(*args, **options)
