"""Files that the server's users rename, move, copy and delete: the registry learns where notebooks went."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.utils import ApiPath, to_os_path

from ln_jupyter.locate.location import absolute
from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    from logging import Logger

    from jupyter_events import EventLogger

SCHEMA = "https://events.jupyter.org/jupyter_server/contents_service/v1"


class Renames:
    """Follows the server's contents events, one after the other, in a thread of its own.

    The event loop serves everybody and waits for no database; a process that ends waits for
    what was heard until then. A registry that is away is not
    missed: whatever happens to it is a debug line in the log, and the notebook's next
    `header()` finds out by itself.

    Args:
        root: The folder that the server serves.
        log: Of the server.
    """

    def __init__(self, root: Path, *, log: Logger) -> None:
        self._root = root
        self._log = log
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ln_jupyter")

    async def hear(self, logger: EventLogger, schema_id: str, data: dict[str, Any]) -> None:
        """Take note of an event; the work is done elsewhere, in the order of the events."""
        del logger, schema_id  # one is known, the other not needed
        if data["action"] not in ("rename", "copy", "delete"):  # the others are many
            return
        path = self._file(data["path"])
        source = self._file(data["source_path"]) if data["action"] == "rename" else None
        self._worker.submit(self._follow, source, path)

    def _file(self, path: str) -> Path:
        return absolute(Path(to_os_path(ApiPath(path), str(self._root))), folder=self._root)

    def _follow(self, source: Path | None, path: Path) -> None:
        try:
            from ln_jupyter.server import notebook_paths  # here for cost: it imports SQLAlchemy

            if source is None:
                # A copy may stand where another notebook stood: it inherits nothing from that one.
                notebook_paths.forget(path)
            else:
                notebook_paths.move(source, path)
        except Exception:  # noqa: BLE001 - a registry fails in as many ways as there are drivers
            self._log.debug("ln_jupyter: the registry was not told of %s", plain(str(path)), exc_info=True)
