"""What there is to know of a run beside its cells, and changes while they run: read again only where it may have."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ln_jupyter import errors, redaction, settings
from ln_jupyter.environment import distributions, git, modules, origins, packages, process
from ln_jupyter.notebook import document as documents
from ln_jupyter.notebook import imports, parameters, sequence
from ln_jupyter.notebook.document import Cell, Document
from ln_jupyter.tracking.recording import texts
from ln_jupyter.tracking.recording.texts import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ln_jupyter.environment.distributions import Environment


@dataclass(frozen=True)
class Source:
    """The code of a notebook, as it is stored.

    Attributes:
        hash: SHA-256 of the content.
        content: Compressed by zlib.
    """

    hash: str
    content: bytes


@dataclass
class Facts:
    """What is known of one run. It belongs to the thread that writes the run.

    Attributes:
        path: The notebook's file; None where there is none.
        runner: The program that runs it.
        has_log: Its cells are known as they run: not those of a script, or of a file given to `ipython`.
        packages: Name to version, of the packages that are named or imported.
        environment: What was installed at the last look.
        source: The code of the document.
        beside: What is kept beside the run, by kind and name, as far as the last look found it anew.
        document: The file, as it was written last.
    """

    path: Path | None
    runner: str
    has_log: bool
    packages: dict[str, Any] = field(default_factory=dict)
    environment: Environment | None = None
    source: Source | None = None
    _modules: set[str] = field(default_factory=set)
    document: Document | None = None
    beside: dict[tuple[str, str], Text] = field(default_factory=dict)
    keeps_text: bool = True
    _own: modules.OwnModules | None = None
    _read: tuple[int, ...] | None = None
    _injected: dict[str, Any] = field(default_factory=dict)
    _is_new: bool = True

    def look(self, executed: Iterable[str], *, is_last: bool) -> Mapping[str, Any]:
        """Return the run's columns that may have changed since the last look.

        Args:
            executed: The sources of the cells that have run since.
            is_last: Nothing can change any more.
        """
        found: dict[str, Any] = {}
        self.beside = {}
        if self._is_new or is_last:
            self.environment = distributions.current()
            found["environment_hash"] = self.environment.hash
            self.beside |= _packages()
        if self._is_new:
            found["platform"] = process.platform_name()
        if self._is_new and self.path is not None and (revision := git.revision(self.path.parent)) is not None:
            found |= {"git_commit": revision.commit, "git_dirty": revision.dirty}
        if (document := self._changed()) is not None:
            self.document = document
            self.source = stored(document)
            found["source_hash"] = self.source.hash
            self.beside |= _cells(document)
        if self._note(executed, document) or is_last:
            self.packages |= packages.find_versions(self._modules)
            found["imports"] = dict(self.packages)  # what is known as written must not change with it
        if document is not None or self._injected:
            cells = () if self.document is None else self.document.cells
            found["parameters"] = parameters.read(cells) | self._injected or None
        self.beside |= self._own_modules()
        self._is_new = False
        return found

    def _own_modules(self) -> dict[tuple[str, str], Text]:
        """Read the project's own modules that are imported since, or were written."""
        if self._own is None:
            folder = settings.working_folder() if self.path is None else self.path.parent
            if folder is None:  # it was deleted, and with it what could be of the project
                return {}
            self._own = modules.OwnModules(modules.project_root(folder))
        found = {}
        for name, module in self._own.look().items():
            raw = b"" if module.text is None else redaction.without_secrets(module.text).encode(errors="surrogatepass")
            is_kept = self.keeps_text and module.text is not None
            found["module", name] = texts.of_bytes(raw) if is_kept else Text(module.hash, None)
        return found

    def _changed(self) -> Document | None:
        """Read the file again if it was written since; a file that cannot be read is as it was."""
        if self.path is None:
            return None
        try:
            stat = self.path.stat()
            written = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if written == self._read:
                return None
            document = documents.read(self.path)
        except (OSError, errors.NotebookUnreadableError):
            return None
        self._read = written
        return document

    def _note(self, executed: Iterable[str], document: Document | None) -> bool:
        """Collect what the code imports; whether that is more than before."""
        before = len(self._modules)
        for source in executed:
            self._modules |= imports.modules(source)
            if is_injected(source, runner=self.runner):
                self._injected |= parameters.read([Cell(None, "code", source, ("injected-parameters",))])
        if not self.has_log and document is not None:
            self._modules |= imports.imported_modules(document.cells)
        return len(self._modules) > before


def _packages() -> dict[tuple[str, str], Text]:
    found = origins.origins(distributions.distributions())
    return {("packages", ""): texts.of_bytes(json.dumps(found, sort_keys=True).encode())} if found else {}


def _cells(document: Document) -> dict[tuple[str, str], Text]:
    """Write the id and tags of each cell, as `Source` has their sources; a script has none."""
    if document.path.suffix != ".ipynb":
        return {}
    listed = [{"id": cell.id, "tags": list(cell.tags)} for cell in document.cells]
    return {("cells", ""): texts.of_bytes(json.dumps(listed, separators=(",", ":")).encode())}


def is_injected(source: str, *, runner: str) -> bool:
    """Return whether a cell was added by the runner, and is in no file of the user's."""
    return runner == "papermill" and sequence.is_injected(source)


def stored(document: Document) -> Source:
    """Write the code of a notebook as it is stored."""
    return Source(document.source_hash, zlib.compress(document.source, 9))
