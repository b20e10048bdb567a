"""What it comes to: which files a run has read and written, and with what in them."""

from __future__ import annotations

import glob
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ln_jupyter.files import audit, events, hashing, snapshot
from ln_jupyter.files.access import READ, UPDATE, WRITE
from ln_jupyter.files.hashing import Content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ln_jupyter.files.events import Event
    from ln_jupyter.files.noise import Noise

MOST_ROWS = 1_000
"""Files that are listed of a run; the others are counted."""

SECONDS_A_CELL = 10.0
"""Of hashing."""

OVERWRITTEN = "overwritten before its content was read"
CHANGED = "changed after it was read"
NOT_YET = "not hashed yet"
AT_END = "the process ended before it was hashed"
ONLY_ADDRESS = "only its address is known"

_MOST_CONTENTS = 20  # of one file in one run
_MOST_SCRATCH = 10_000  # names that `tempfile` has made; most are gone by then
_LONGEST_PATH = 2_000  # bytes, which every database has an index for
_AT_ONCE = 0.25  # seconds of hashing before what is known is written
_SMALL = 2**24  # bytes that take less
_CLOCK_STEP = 0.01  # seconds by which a file system's clock is behind
_QUIET = 30.0  # seconds after which a file that nobody holds open is taken for complete, though its cell runs


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
class _Touched:
    """What was done with a file since the last time that it was settled."""

    cell: float | None
    via: str
    at: float
    is_read: bool = False
    writer: tuple[float | None, str] | None = None
    before: tuple[int, int, int] | None = None
    is_update: bool = False


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
    _position: int = 0
    _touched: dict[str, _Touched] = field(default_factory=dict)
    _by_path: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    _scratch: set[str] = field(default_factory=set)
    _spawned: dict[float | None, float] = field(default_factory=dict)
    _to_hash: list[Row] = field(default_factory=list)
    _hashes: dict[tuple[str, tuple[int | None, ...]], str] = field(default_factory=dict)
    _spent: dict[float | None, float] = field(default_factory=dict)
    _unlisted: set[tuple[str, str]] = field(default_factory=set)
    _held: dict[str, str] = field(default_factory=dict)
    """What is updated through a file that is kept open, as a database is, and how that was seen."""
    _folders: dict[str, str] = field(default_factory=dict)
    """Folders that a library has named, as paths in them begin, and by which it writes them; empty where it only reads."""

    def take(self, seen: Iterable[Event]) -> None:
        """Note what was done, in its order."""
        for event in seen:
            if event.access == audit.PROCESS:
                self._spawned.setdefault(event.cell, event.at)
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
            touched = self._touched[event.path] = _Touched(event.cell, event.via, event.at)
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
        inside = next((each for each in self._folders if event.path.startswith(each)), None)
        if event.via != "open" or inside is None:
            return event
        if event.access == READ:
            return None
        via = self._folders[inside]
        return event._replace(path=inside[:-1], access=WRITE, via=via, before=None) if via else event

    def _rename(self, event: Event) -> None:
        """Let what was written under one name be written under the other."""
        inside = os.path.join(event.path, "")  # noqa: PTH118 - a text
        for path in [each for each in self._touched if each == event.path or each.startswith(inside)]:
            touched = self._touched[path]
            if touched.writer is not None or touched.is_update:
                del self._touched[path]
                self._scratch.discard(path)
                if path != event.path:
                    self._touch(
                        event._replace(path=event.target + path[len(event.path) :], access=WRITE, via=touched.via)
                    )
        if not os.path.isdir(event.target):  # noqa: PTH112 - as above
            self._touch(event._replace(path=event.target, access=WRITE, via="open"))

    def settle(self, running: set[float], *, is_last: bool, is_over: Callable[[], bool]) -> None:
        """Make rows of what was done in cells that have ended, and hash what is in them.

        Args:
            running: The cells that have not ended: what they have written may be incomplete.
            is_last: Nothing follows.
            is_over: Asked while a file is hashed; when it says so, the rest waits, or stays unknown.
        """
        self._look_at_held()
        for path in self._done(running, is_last=is_last):
            self._settle(path, self._touched.pop(path))
        for cell in [each for each in self._spawned if is_last or each not in running]:
            self._look_around(cell, self._spawned.pop(cell))
        self._hash(is_last=is_last, is_over=is_over)
        if not running:
            self._spent.clear()

    @property
    def has_more(self) -> bool:
        """Whether something waits to be hashed."""
        return bool(self._to_hash)

    @property
    def unstored(self) -> list[Row]:
        """The rows that the registry does not have as they are here."""
        return [row for row in self.rows if not row.is_stored]

    def _done(self, running: set[float], *, is_last: bool) -> list[str]:
        """Return what is over: what was only read, and what was written and is complete."""
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
        return done

    @staticmethod
    def _is_complete(path: str, touched: _Touched, running: set[float], held: set[str]) -> bool:
        if path in held and touched.writer is not None:
            return False
        cell = touched.cell if touched.writer is None else touched.writer[0]
        if cell is not None and running.isdisjoint({cell, touched.cell}):
            return True
        modified = hashing.look(path).modified_ns
        return modified is not None and time.time() - modified / 1e9 > _QUIET

    def _look_at_held(self) -> None:
        """Add what was written to files that were opened once: nothing tells of a write."""
        held = snapshot.held() if self._held else set()
        for path, via in list(self._held.items()):
            content = hashing.look(path)
            if content.is_there and not self._is_known(path, content) and path not in self._touched:
                self._add("output", "file", path, (None, via), content)
            if path not in held:
                del self._held[path]

    def _is_known(self, path: str, content: Content) -> bool:
        rows = (row for role in ("input", "output") for row in self._by_path.get((role, path), ()))
        return any(row.content.stamp == content.stamp for row in rows)

    def _settle(self, path: str, touched: _Touched) -> None:
        if "://" in path:
            self._settle_url(events.without_credentials(path), touched)
            return
        content = hashing.look(path)
        if content.is_there:
            if not self._is_scratch(path) and (content.members is None or touched.via != "open"):
                self._settle_there(path, touched, content)
        elif glob.has_magic(path) and touched.via != "open":  # which opens what it is given, stars or not
            for each in sorted(glob.glob(path, recursive=True)):  # noqa: PTH207 - a text
                if not self.noise.leaves_out(each, READ):
                    self._settle(each, touched)

    def _settle_url(self, address: str, touched: _Touched) -> None:
        content = Content(None, None, None, None, None, ONLY_ADDRESS)
        if touched.is_read:
            self._add("input", "url", address, (touched.cell, touched.via), content)
        if touched.writer is not None:
            self._add("output", "url", address, touched.writer, content)

    def _settle_there(self, path: str, touched: _Touched, content: Content) -> None:
        kind, reader, writer = "file", (touched.cell, touched.via), touched.writer
        if content.members is not None:
            kind = "folder"
            if touched.is_update and (
                touched.before is None or (content.modified_ns or 0) >= (touched.at - _CLOCK_STEP) * 1e9
            ):
                writer = writer or reader
            inside = os.path.join(path, "")  # noqa: PTH118 - a text
            if self.folder is None or not os.path.join(self.folder, "").startswith(inside):  # noqa: PTH118 - likewise
                self._folders[inside] = writer[1] if writer else self._folders.get(inside, "")
        elif touched.is_update:
            self._held[path] = touched.via
            if touched.before != content.stamp[:3]:
                writer = writer or reader
        if writer is not None:
            if touched.is_read or (touched.is_update and touched.before is not None):
                self._add("input", kind, path, reader, self._old(path, touched))
            self._add("output", kind, path, writer, content)
        elif not self._is_own_work(path, content):
            if self._is_newer(content, touched.at):
                content = content._replace(reason=content.reason or CHANGED)
            self._add("input", kind, path, reader, content)

    def _is_own_work(self, path: str, content: Content) -> bool:
        """Return whether the run reads what it has written itself."""
        written = self._by_path.get(("output", path))
        return written is not None and any(each.content.stamp == content.stamp for each in written)

    @staticmethod
    def _is_newer(content: Content, at: float) -> bool:
        """Return whether a file was written after that moment: its own time may lie in the future."""
        moment = (at + _CLOCK_STEP) * 1e9
        return min(content.modified_ns or 0, content.changed_ns or 0) > moment

    def _old(self, path: str, touched: _Touched) -> Content:
        """Return what is known of what was there before it was overwritten."""
        size, modified, inode = touched.before or (None, None, None)
        old = Content(None, size, modified, inode, None, OVERWRITTEN)
        for role in ("input", "output"):
            for row in self._by_path.get((role, path), ()):
                if touched.before is not None and row.content.stamp[:3] == touched.before:
                    return row.content
        return old

    def _is_scratch(self, path: str) -> bool:
        while path not in self._scratch:
            folder = os.path.dirname(path)  # noqa: PTH120 - a text
            if folder == path:
                return False
            path = folder
        return True

    def _look_around(self, cell: float | None, since: float) -> None:
        """Add what has appeared in the folder since a process was started: by whom, nobody says."""
        if self.folder is None:
            return
        for path in snapshot.changed_since(self.folder, since - _CLOCK_STEP, leaves_out=self.noise.leaves_out):
            content = hashing.look(path)
            is_known = self._is_known(path, content)
            if content.is_there and not is_known and path not in self._touched and not self._is_scratch(path):
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
            row.content = content._replace(reason=NOT_YET)
            self._to_hash.append(row)

    def _hash(self, *, is_last: bool, is_over: Callable[[], bool]) -> None:
        """Hash what waits for it: large files when the registry knows of them, so that a kill loses no more than a hash."""
        began = time.monotonic()
        waiting, self._to_hash = self._to_hash, []
        for row in waiting:
            is_next = row.is_stored or (row.content.size or 0) <= _SMALL
            if is_last or (is_next and time.monotonic() - began < _AT_ONCE):
                self._hash_one(row, is_over=is_over)
            else:
                self._to_hash.append(row)

    def _hash_one(self, row: Row, *, is_over: Callable[[], bool]) -> None:
        """Hash what is in a file; where it is written meanwhile, once more when it is quiet."""
        was_stored, row.is_stored = row.is_stored, False
        seen = hashing.look(row.path)
        if seen.stamp != row.content.stamp:
            if row.role == "input" or not seen.is_there:
                row.content = row.content._replace(reason=OVERWRITTEN)
                return
            row.content = seen
        key = (row.path, row.content.stamp)
        if key in self._hashes:
            row.content = row.content._replace(hash=self._hashes[key], reason=None)
            self._merge(row, was_stored=was_stored)
            return
        began, spent = time.monotonic(), self._spent.get(row.cell, 0.0)

        def stops() -> bool:
            return is_over() or spent + time.monotonic() - began > SECONDS_A_CELL

        found = hashing.of_path(row.path, seen=seen, is_over=stops)
        self._spent[row.cell] = spent + time.monotonic() - began
        if found.hash is not None:
            self._hashes[key] = found.hash
        elif found.reason == hashing.BEING_WRITTEN and not row.was_disturbed:
            row.was_disturbed = True
            self._to_hash.append(row)
        elif found.reason == hashing.TOOK_TOO_LONG and is_over():
            found = found._replace(reason=AT_END)
        row.content = found
        self._merge(row, was_stored=was_stored)

    def _merge(self, row: Row, *, was_stored: bool) -> None:
        """Let a file that was written again with the same content be one row, unless the registry has both."""
        known = self._by_path[row.role, row.path]
        same = [each for each in known if each is not row and each.content.hash == row.content.hash]
        if same and row.content.hash is not None and not was_stored:
            known.remove(row)
            self.rows.remove(row)
            same[0].cell, same[0].content, same[0].is_stored = row.cell, row.content, False
