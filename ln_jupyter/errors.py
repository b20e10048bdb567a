"""What went wrong, and the fix.

The tree::

    LnJupyterError
    ├── SettingsError                   a setting has an unusable value
    │   ├── InvalidUrlError             a database URL cannot be used
    │   ├── UntrustedProjectError       a project folder belongs to somebody else
    │   └── UnapprovedRegistryError     a project names a registry outside of it, and nobody approved that
    ├── NotebookError
    │   ├── NotebookNotFoundError       nobody could say which file is running
    │   ├── NotebookUnreadableError     the file is not a notebook that can be read
    │   ├── InvalidIdentityError        an id, version or name cannot name a notebook
    │   ├── NotebookOpenError           an editor has the file open, and would undo a change of it
    │   └── PublishError                the notebook cannot be published as it is
    │       ├── NotRegisteredError      header() did not run in this process
    │       ├── TitleMissingError       it has no title
    │       ├── NotLastCellError        publish() is not in the last cell
    │       ├── CellOrderError          its cells did not run from the first to the last
    │       ├── SourceDiffersError      what ran is not what is saved
    │       └── AlreadyPublishedError   the version is published with other source
    ├── DatabaseError
    │   ├── DatabaseUnavailableError    it cannot be reached, opened, read or written
    │   ├── DatabaseBusyError           somebody else holds the write lock
    │   ├── DatabaseReplacedError       the file changed under an open connection
    │   ├── TransactionUndoneError      the transaction that was to be committed has ended before
    │   ├── NotARegistryError           it holds somebody else's tables
    │   ├── CopyError                   a registry cannot be copied as asked; nothing is left of it
    │   ├── MissingExtraError           a driver or library is not installed
    │   └── SchemaVersionError          its tables are of another release
    ├── RecordError
    │   ├── NotMappedError              no SQLAlchemy mapping where one is needed
    │   ├── UnknownFieldError           a name the mapped class does not have
    │   ├── InvalidValueError           a value that its field or argument cannot have
    │   ├── NothingGivenError           a call that would act on nothing, or on everything
    │   ├── NotExecutedError            a statement that has not run is used as if it were its rows
    │   ├── InvalidRunError             a word that says neither which run nor in which state
    │   ├── RunNotFoundError            no run has the id
    │   ├── ForeignSessionError         a record belongs to another open session, or database
    │   ├── UnknownOriginError          nobody knows which of several databases a record is in
    │   ├── DuplicateRecordError        two objects stand for one row
    │   ├── StaleRecordError            the row changed after it was read
    │   ├── UnloadableError             a relationship or column cannot be loaded
    │   └── DiagramTooLargeError        more tables than a diagram can be drawn of
    ├── SessionError
    │   ├── SessionClosedError          used after close()
    │   └── ReadOnlySessionError        opened to read only, and was to write
    ├── MagicError                      a line of %ln_session cannot be understood
    ├── UnknownNameError                a name that a module or a statement of ours does not have
    └── LamindbInstalledError           the name `lamindb` is taken by the real package

Errors of SQLAlchemy (``DetachedInstanceError``, ``IntegrityError``, ``NoResultFound`` ...)
keep their type and gain a note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter import callsite, sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType


_LONGEST = 4_000  # characters: a name in it may be a megabyte of them


class LnJupyterError(Exception):
    """Root of every error raised on purpose by this package.

    Args:
        message: What happened, in one sentence.
        fix: What to type or do next, in one line.

    Attributes:
        fix: The same line, for programs.

    Example:
        >>> error = LnJupyterError("the disk is full", fix="free some space")
        >>> str(error), error.fix
        ('the disk is full', 'free some space')
    """

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(sanitize.shortened(message, _LONGEST))
        self.fix = sanitize.shortened(fix, _LONGEST)
        if fix:
            self.add_note(f"fix: {self.fix}")

    def _render_traceback_(self) -> list[str]:
        """Show the sentence, the user's own line and the fix (an IPython hook)."""
        lines = [f"{type(self).__name__}: {self}"]
        line = callsite.innermost(self.__traceback__)
        if line is not None:
            lines.append(f"  at {line}")
        lines += getattr(self, "__notes__", ())
        return [sanitize.plain(each) for line in lines for each in line.split("\n")]  # a name may command a terminal


class SettingsError(LnJupyterError, ValueError):
    """A setting has an unusable name or value."""


class InvalidUrlError(SettingsError):
    """A database URL cannot be used; the message never repeats the URL."""


class UntrustedProjectError(SettingsError, PermissionError):
    """A project folder on the way up belongs to another user of this machine."""


class UnapprovedRegistryError(SettingsError, PermissionError):
    """A project names a registry outside of its folder that nobody has approved; nothing was opened or sent."""


class NotebookError(LnJupyterError):
    """Something about the notebook, not about the database."""


class NotebookNotFoundError(NotebookError, FileNotFoundError):
    """No finder could say which notebook is running."""


class NotebookUnreadableError(NotebookError, ValueError):
    """The file is there and is not a notebook this release can read."""


class InvalidIdentityError(NotebookError, ValueError):
    """An id, a version or a name cannot name a notebook."""


class NotebookOpenError(NotebookError):
    """An editor has the file open: its next save would undo what was to be done to the file."""


class PublishError(NotebookError):
    """The notebook cannot be published as it is; nothing was written."""


class NotRegisteredError(PublishError):
    """`header()` did not run in this process."""


class TitleMissingError(PublishError):
    """The notebook has no title."""


class NotLastCellError(PublishError):
    """`publish()` is not in the notebook's last cell."""


class CellOrderError(PublishError):
    """The cells did not run from the first to the last."""


class SourceDiffersError(PublishError):
    """What ran is not what is saved."""


class AlreadyPublishedError(PublishError):
    """The version is published, with other source."""


class DatabaseError(LnJupyterError):
    """The database cannot do what was asked."""


class DatabaseUnavailableError(DatabaseError, OSError):
    """The database cannot be reached, opened, read or written."""


class DatabaseBusyError(DatabaseError):  # and no TimeoutError: SQLAlchemy drops a connection for one
    """Somebody else holds the write lock."""


class DatabaseReplacedError(DatabaseError):
    """The database file was deleted or replaced under an open connection."""


class TransactionUndoneError(DatabaseError):
    """A transaction ended before its session: by the database, for a statement that failed, or by somebody else."""


class NotARegistryError(DatabaseError):
    """The database is not one of ours; it was left as it was."""


class CopyError(DatabaseError):
    """A registry cannot be copied, or backed up, as asked; nothing is left of the attempt."""


class MissingExtraError(DatabaseError, ImportError):
    """An optional driver or library is not installed."""


class SchemaVersionError(DatabaseError):
    """The registry's tables are of a release that does not serve this one."""


class RecordError(LnJupyterError):
    """A record, or a mapped class, cannot be used like this."""


class NotMappedError(RecordError, TypeError):
    """A SQLAlchemy-mapped class or instance was needed."""


class UnknownFieldError(RecordError, TypeError):
    """A field or relationship that the mapped class does not have."""


class InvalidValueError(RecordError, ValueError):
    """A value that its field, or an argument, cannot have."""


class NothingGivenError(RecordError, ValueError):
    """A call that names nothing to act on."""


class NotExecutedError(RecordError, TypeError):
    """A statement that has not run is used as if it were its rows."""


class InvalidRunError(RecordError, ValueError):
    """A word that says neither which run is meant, nor in which state."""


class RunNotFoundError(RecordError, LookupError):
    """No run has the id."""


class ForeignSessionError(RecordError):
    """Records belong to another open session or database, or to two."""


class UnknownOriginError(RecordError):
    """Nobody knows which of several databases a record was read from; nothing was read or written."""


class DuplicateRecordError(RecordError):
    """Two objects in memory stand for one row of the database."""


class StaleRecordError(RecordError):
    """The row was changed or deleted after it was read."""


class UnloadableError(RecordError):
    """A relationship or column cannot be loaded from here."""


class DiagramTooLargeError(RecordError, ValueError):
    """A schema has more tables than a diagram can be drawn of."""


class SessionError(LnJupyterError):
    """A session cannot be used like this."""


class SessionClosedError(SessionError):
    """The session was closed before this call."""


class ReadOnlySessionError(SessionError):
    """A session that was opened to read only was to write; nothing was saved."""


class MagicError(LnJupyterError, ValueError):
    """The line after ``%ln_session`` cannot be understood; the body did not run."""


class UnknownNameError(LnJupyterError, AttributeError):
    """A name that a module or a statement of this package does not have."""

    @classmethod
    def for_name(cls, module: ModuleType, name: str) -> UnknownNameError:
        """Make the error for a *name* that a *module* does not have; Python names near ones only in plain tracebacks."""
        return cls(f"module {module.__name__!r} has no attribute {name!r}", fix=near_miss(name, dir(module)))


class LamindbInstalledError(LnJupyterError, ImportError):
    """The real lamindb is installed, and taking its name was not asked for."""


def near_miss(name: str, names: Iterable[str]) -> str:
    """Say which of *names* the writer of *name* may have meant; private ones only where it is written like one.

    Returns:
        ``"did you mean 'x'?"`` for a near miss, else the names to choose from, or that there are none.

    Example:
        >>> near_miss("nmae", ["name", "id"])
        "did you mean 'name'?"
        >>> near_miss("colour", ["name", "id"])
        'it has: id, name'
        >>> near_miss("state_expression", ["_state_expression", "id"])
        'it has: id'
    """
    import difflib  # here for cost: only an error needs it

    known = sorted(each for each in names if name.startswith("_") or not each.startswith("_"))
    matches = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    if matches:
        return f"did you mean {' or '.join(map(repr, matches))}?"
    return f"it has: {', '.join(known)}" if known else "it has none"
