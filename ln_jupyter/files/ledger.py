"""What it comes to: which files a run has read and written, and with what in them."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ln_jupyter import addresses
from ln_jupyter.files import hashing, snapshot
from ln_jupyter.files.access import READ
from ln_jupyter.files.hash_queue import OVERWRITTEN, HashQueue
from ln_jupyter.files.hashing import Content
from ln_jupyter.files.touches import Touches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ln_jupyter.files.events import Event
    from ln_jupyter.files.noise import Noise
    from ln_jupyter.files.touches import Touched

MOST_ROWS = 1_000
"""Files that are listed of a run; the others are counted."""

CHANGED = "changed after it was read"
ONLY_ADDRESS = "only its address is known"

_MOST_CONTENTS = 20  # of one file in one run
_LONGEST_PATH = 2_000  # bytes, which every database has an index for
_CLOCK_STEP = 0.01  # seconds by which a file system's clock is behind


@dataclass
class Row:
    """A file that a run has read or written, as it is to be stored.

    Attributes:
        position: Counted from 1 in the run.
        role: What the run did with it.
        kind: What it is.
        path: Absolute, or a URL.
        cell: In which it was first read or last written, as `audit` was told; None where that is not known.
        via: How it was seen.
        content: What was in it.
        is_stored: Whether the registry has it as it is here.
        was_disturbed: Whether it was written while it was hashed.
    """

    position: int
    role: Literal["input", "output"]
    kind: str
    path: str
    cell: float | None
    via: str
    content: Content
    is_stored: bool = False
    was_disturbed: bool = False


@dataclass
class Ledger:
    """The files of one run, for one thread.

    Attributes:
        noise: What is left out.
        folder: In which is looked for what other processes have written; None for nowhere.
        rows: What is known, in order.
        unlisted: How many files are not listed.
    """

    noise: Noise
    folder: str | None
    rows: list[Row] = field(default_factory=list)
    unlisted: int = 0

    def __post_init__(self) -> None:
        self._touches = Touches(self.noise)
        self._queue = HashQueue()
        self._position = 0
        self._by_path: dict[tuple[str, str], list[Row]] = {}
        self._unlisted: set[tuple[str, str]] = set()
        self._held: dict[str, str] = {}
        """What is updated through a file that is kept open, as a database is, and how that was seen."""

    def take(self, seen: Iterable[Event]) -> None:
        """Note what was done, in its order."""
        self._touches.take(seen)

    def settle(self, running: set[float], *, is_last: bool, is_over: Callable[[], bool]) -> None:
        """Make rows of what was done in cells that have ended, and hash what is in them.

        Args:
            running: The cells that have not ended: what they have written may be incomplete.
            is_last: Nothing follows.
            is_over: Asked while a file is hashed; when it says so, the rest waits, or stays unknown.
        """
        self._look_at_held()
        for path, touched in self._touches.take_done(running, is_last=is_last).items():
            self._settle(path, touched)
        spawned = self._touches.spawned
        for cell in [each for each in spawned if is_last or each not in running]:
            self._look_around(cell, spawned.pop(cell))
        for row, was_stored in self._queue.hash(is_last=is_last, is_over=is_over):
            self._merge(row, was_stored=was_stored)
        if not running:
            self._queue.begin_anew()

    @property
    def has_more(self) -> bool:
        """Whether something waits to be hashed."""
        return bool(self._queue)

    @property
    def unstored(self) -> list[Row]:
        """The rows that the registry does not have as they are here."""
        return [row for row in self.rows if not row.is_stored]

    def _look_at_held(self) -> None:
        """Add what was written to files that were opened once: nothing tells of a write."""
        held = snapshot.held() if self._held else set()
        for path, via in list(self._held.items()):
            content = hashing.look(path)
            if content.is_there and not self._is_known(path, content) and path not in self._touches:
                self._add("output", "file", path, (None, via), content)
            if path not in held:
                del self._held[path]

    def _is_known(self, path: str, content: Content) -> bool:
        rows = (row for role in ("input", "output") for row in self._by_path.get((role, path), ()))
        return any(row.content.stamp == content.stamp for row in rows)

    def _settle(self, path: str, touched: Touched) -> None:
        if "://" in path:
            self._settle_url(addresses.of_data(path), touched)
            return
        content = hashing.look(path)
        if content.is_there:
            if not self._touches.is_scratch(path) and (content.members is None or touched.via != "open"):
                self._settle_there(path, touched, content)
        elif glob.has_magic(path) and touched.via != "open":  # which opens what it is given, stars or not
            for each in sorted(glob.glob(path, recursive=True)):  # noqa: PTH207 - a text
                if not self.noise.leaves_out(each, READ):
                    self._settle(each, touched)

    def _settle_url(self, address: str, touched: Touched) -> None:
        content = Content(None, None, None, None, None, ONLY_ADDRESS)
        if touched.is_read:
            self._add("input", "url", address, (touched.cell, touched.via), content)
        if touched.writer is not None:
            self._add("output", "url", address, touched.writer, content)

    def _settle_there(self, path: str, touched: Touched, content: Content) -> None:
        kind, reader = "file" if content.members is None else "folder", (touched.cell, touched.via)
        writer = touched.writer
        if self._is_updated(touched, content):
            writer = writer or reader
        if kind == "folder":
            self._name_folder(path, writer)
        elif touched.is_update:
            self._held[path] = touched.via
        if writer is None:
            if not self._is_own_work(path, content):
                is_newer = content.reason is None and self._is_newer(content, touched.at)
                self._add("input", kind, path, reader, content._replace(reason=CHANGED) if is_newer else content)
            return
        # where nothing was before, reading it has failed: a cache that is made when it is not there
        if touched.before is not None and (touched.is_read or touched.is_update):
            size, modified, inode = touched.before if kind == "file" else (None, None, None)
            old = Content(None, size, modified, inode, None, OVERWRITTEN)
            if not self._is_own_work(path, old):
                self._add("input", kind, path, reader, old)
        self._add("output", kind, path, writer, content)

    @staticmethod
    def _is_updated(touched: Touched, content: Content) -> bool:
        """Return whether what was opened to read and to write was written, as far as its time says."""
        if not touched.is_update or touched.before is None or content.members is None:
            return touched.is_update and touched.before != content.stamp[:3]
        return (content.modified_ns or 0) >= (touched.at - _CLOCK_STEP) * 1e9

    def _name_folder(self, path: str, writer: tuple[float | None, str] | None) -> None:
        """Let what is done in a folder in later cells be the library's own work, unless the notebook is in it, too."""
        inside = os.path.join(path, "")  # noqa: PTH118 - a text
        if self.folder is None or not os.path.join(self.folder, "").startswith(inside):  # noqa: PTH118 - likewise
            self._touches.folders[inside] = writer[1] if writer else self._touches.folders.get(inside, "")

    def _is_own_work(self, path: str, content: Content) -> bool:
        """Return whether the run reads what it has written itself; of a folder that was overwritten nobody knows what it was."""
        written = self._by_path.get(("output", path), ())
        return any(
            (each.kind == "folder" and content.size is None) or each.content.stamp == content.stamp for each in written
        )

    @staticmethod
    def _is_newer(content: Content, at: float) -> bool:
        """Return whether a file was written after that moment: its own time may lie in the future."""
        moment = (at + _CLOCK_STEP) * 1e9
        return min(content.modified_ns or 0, content.changed_ns or 0) > moment

    def _look_around(self, cell: float | None, since: float) -> None:
        """Add what has appeared in the folder since a process was started: by whom, nobody says."""
        if self.folder is None:
            return
        for path in snapshot.changed_since(self.folder, since - _CLOCK_STEP, leaves_out=self.noise.leaves_out):
            content = hashing.look(path)
            is_known = self._is_known(path, content)
            if content.is_there and not is_known and path not in self._touches and not self._touches.is_scratch(path):
                self._add("output", "file", path, (cell, "snapshot"), content)

    def add_stated(self, role: Literal["input", "output"], kind: str, path: str, cell: float | None) -> None:
        """Add what the user says, and nothing can see."""
        content = Content(None, None, None, None, None, ONLY_ADDRESS)
        if kind in ("file", "folder"):
            content = hashing.look(path)
        self._add(role, kind, path, (cell, "stated"), content)

    def _add(
        self,
        role: Literal["input", "output"],
        kind: str,
        path: str,
        by: tuple[float | None, str],
        content: Content,
    ) -> None:
        known = self._by_path.setdefault((role, path), [])
        cell, via = by
        for row in known:
            if row.content.stamp == content.stamp:
                if role == "output" and cell is not None and row.cell != cell:
                    row.cell, row.is_stored = cell, False
                return
        is_full = len(self.rows) >= MOST_ROWS
        if known and (is_full or len(known) >= _MOST_CONTENTS):
            row = known[-1]
            row.cell, row.via, row.content, row.is_stored = cell, via, content, False
        elif is_full or len(path.encode(errors="surrogatepass")) > _LONGEST_PATH:
            self._unlisted.add((role, path))
            self.unlisted = len(self._unlisted)
            return
        else:
            self._position += 1
            row = Row(self._position, role, kind, path, cell, via, content)
            self.rows.append(row)
            known.append(row)
        if content.hash is None and content.reason is None:
            self._queue.add(row)

    def _merge(self, row: Row, *, was_stored: bool) -> None:
        """Let a file that was written again with the same content be one row, unless the registry has both."""
        known = self._by_path[row.role, row.path]
        same = [each for each in known if each is not row and each.content.hash == row.content.hash]
        if same and row.content.hash is not None and not was_stored:
            known.remove(row)
            self.rows.remove(row)
            same[0].cell, same[0].content, same[0].is_stored = row.cell, row.content, False
