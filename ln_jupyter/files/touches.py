"""What a process has done with each file since the last time that it was looked at."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ln_jupyter.files import audit, hashing, snapshot
from ln_jupyter.files.access import READ, UPDATE, WRITE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ln_jupyter.files.events import Event, Stat
    from ln_jupyter.files.noise import Noise

_QUIET = 30.0  # seconds after which a file that nobody holds open is taken for complete, though its cell runs
_MOST_SCRATCH = 10_000  # names that `tempfile` has made; most are gone by then


@dataclass
class Touched:
    """What was done with one file.

    Attributes:
        cell: In which that began, as `audit` was told; None where that is not known.
        via: How it was seen.
        at: When that began, in seconds since 1970.
        is_read: It was read before it was written.
        writer: In which cell it was written last, and how that was seen; None where it was not.
        before: What was there before it was written.
        is_update: It was opened to read and to write.
    """

    cell: float | None
    via: str
    at: float
    is_read: bool = False
    writer: tuple[float | None, str] | None = None
    before: Stat | None = None
    is_update: bool = False


@dataclass
class Touches:
    """What was done with files, in order, for one thread.

    Attributes:
        noise: What is left out.
        spawned: When cells first started a process.
        folders: Those that a library has named, as paths in them begin, and by which it writes them; empty where it only
            reads.
    """

    noise: Noise
    spawned: dict[float | None, float] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    _touched: dict[str, Touched] = field(default_factory=dict)
    _scratch: set[str] = field(default_factory=set)

    def __contains__(self, path: str) -> bool:
        return path in self._touched

    def take(self, seen: Iterable[Event]) -> None:
        """Note what was done, in its order."""
        for event in seen:
            if event.access == audit.PROCESS:
                self.spawned.setdefault(event.cell, event.at)
            elif event.access == audit.SCRATCH:
                if len(self._scratch) >= _MOST_SCRATCH:
                    self._scratch.clear()
                self._scratch.add(event.path)
            elif event.access == audit.RENAME:
                self._rename(event)
            else:
                self._touch(event)

    def _touch(self, noted: Event) -> None:
        event = None if self.noise.leaves_out(noted.path, noted.access) else self._of_folder(noted)
        if event is None:
            return
        touched = self._touched.get(event.path)
        if touched is None:
            touched = self._touched[event.path] = Touched(event.cell, event.via, event.at)
        elif touched.via == "open" and event.via != "open":  # of both, the library says more
            touched.via = event.via
        if event.access == READ:
            if touched.writer is None:
                touched.is_read = True
            return
        if touched.writer is None and not touched.is_update:
            touched.before = event.before
        if event.access == UPDATE and touched.writer is None:
            touched.is_update = True
        if event.access == WRITE or touched.writer is not None:
            is_said = touched.writer is not None and event.via == "open"  # a library opens in the end, too
            touched.writer = (event.cell, touched.writer[1] if touched.writer and is_said else event.via)

    def _of_folder(self, event: Event) -> Event | None:
        """Return what an event is where a library has named its folder in a cell before: the library's own work."""
        inside = next((each for each in self.folders if event.path.startswith(each)), None)
        if event.via != "open" or inside is None:
            return event
        if event.access == READ:
            return None
        via = self.folders[inside]
        return event._replace(path=inside[:-1], access=WRITE, via=via, before=None) if via else event

    def _rename(self, event: Event) -> None:
        """Let what was written under one name be written under the other."""
        inside = os.path.join(event.path, "")  # noqa: PTH118 - a text
        for path in [each for each in self._touched if each == event.path or each.startswith(inside)]:
            touched = self._touched[path]
            if touched.writer is not None or touched.is_update:
                del self._touched[path]
                if path != event.path:
                    self._touch(
                        event._replace(path=event.target + path[len(event.path) :], access=WRITE, via=touched.via)
                    )
        if not os.path.isdir(event.target):  # noqa: PTH112 - as above
            self._touch(event._replace(path=event.target, access=WRITE, via="open"))

    def take_done(self, running: set[float], *, is_last: bool) -> dict[str, Touched]:
        """Take out what is over: what was only read, and what was written and is complete.

        Args:
            running: The cells that have not ended.
            is_last: Nothing follows.
        """
        held = set() if is_last else snapshot.held()
        done = [
            path
            for path, each in self._touched.items()
            if is_last or (each.writer is None and not each.is_update) or self._is_complete(path, each, running, held)
        ]
        folders = [path for path in done if self._touched[path].via != "open" and os.path.isdir(path)]  # noqa: PTH112
        inside = tuple(os.path.join(each, "") for each in folders)  # noqa: PTH118 - texts
        for path in [each for each in done if inside and each.startswith(inside)]:  # it is of the folder
            done.remove(path)
            del self._touched[path]
        return {path: self._touched.pop(path) for path in done}

    @staticmethod
    def _is_complete(path: str, touched: Touched, running: set[float], held: set[str]) -> bool:
        if path in held and touched.writer is not None:
            return False
        cell = touched.cell if touched.writer is None else touched.writer[0]
        if cell is not None and running.isdisjoint({cell, touched.cell}):
            return True
        modified = hashing.look(path).modified_ns
        return modified is not None and time.time() - modified / 1e9 > _QUIET

    def is_scratch(self, path: str) -> bool:
        """Return whether a path is one that `tempfile` made, or in a folder that it made."""
        while path not in self._scratch:
            folder = os.path.dirname(path)  # noqa: PTH120 - a text
            if folder == path:
                return False
            path = folder
        return True
