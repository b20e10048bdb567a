"""Who the notebook says it is, in nbproject's words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter import errors
from ln_jupyter.notebook.document import MIME, Document, moment, ran_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MIME", "Identity", "bundle", "check", "nbproject_metadata", "stated"]

_BUNDLE_SCHEMA = 1
# nbproject's ids are 12 base62 characters; longer and older ones name a notebook just as well.
_LONGEST_NAME = 255  # as of a file
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")
_FIRST_VERSION = "1"  # what nbproject's own reader assumes


class Identity(NamedTuple):
    """The names of a notebook that survive renames and machines.

    Attributes:
        id: Made by nbproject or by us: 12 base62 characters. Any 1 to 64 of letters, digits,
            ``_`` and ``-`` are taken.
        version: Such as ``"1"`` or ``"1.2"``.
        time_init: When the id was made, in UTC; None where the file does not say.
    """

    id: str
    version: str = _FIRST_VERSION
    time_init: datetime | None = None


def stated(document: Document) -> Identity | None:
    """Read what the file itself says: the newest of its metadata and its saved header outputs.

    Newer is the later ``time_run``; without one it is the oldest, and the metadata wins a tie.
    A malformed id is no statement; a malformed version is nbproject's first, ``"1"``.
    """
    statements = [each for each in (document.metadata, *reversed(document.carried)) if _is(_ID, each.get("id"))]
    if not statements:
        return None
    newest = max(statements, key=ran_at)  # of equally new ones the first, as for the save hook
    version = newest.get("version")
    return Identity(
        id=newest["id"],
        version=version if isinstance(version, str) and _is(_VERSION, version) else _FIRST_VERSION,
        time_init=moment(newest.get("time_init")),
    )


def check(notebook_id: str | None = None, version: str | None = None, name: object = None) -> None:
    """Refuse an id, version or name that a notebook cannot have, before anything is written.

    Raises:
        InvalidIdentityError: It is not text or too long; of an id or version, it is empty or has other characters.

    Example:
        >>> check("Rx2s9cPTMQLY", "1.2")
    """
    if notebook_id is not None and not _is(_ID, notebook_id):
        message = f"id={notebook_id!r} cannot name a notebook: 1 to 64 letters, digits, '_' and '-' can"
        raise errors.InvalidIdentityError(message, fix='ln.header(id="Rx2s9cPTMQLY"), or leave id out to get a new one')
    if version is not None and not _is(_VERSION, version):
        message = (
            f"{version!r} cannot be a version: 1 to 32 letters, digits, '.', '_', '+' and '-' can, "
            "the first a letter or digit"
        )
        raise errors.InvalidIdentityError(
            message, fix='the version as text: ln.header(v="1"), ln.publish(version="1.2")'
        )
    if not isinstance(name, str | None):
        message = f"name={name!r} cannot be a name: it is no text"
        raise errors.InvalidIdentityError(message, fix='ln.header(name="Solve Problem X")')
    if name is not None and len(name) > _LONGEST_NAME:
        message = f"a name of {len(name):,} characters is too long: {_LONGEST_NAME} are possible"
        raise errors.InvalidIdentityError(message, fix='ln.header(name="Solve Problem X")')


def nbproject_metadata(  # noqa: PLR0913 - one argument for each of its keys
    identity: Identity,
    *,
    time_run: datetime,
    pypackage: Mapping[str, str] | None = None,
    parent: str | Sequence[str] | None = None,
    user_handle: str | None = None,
    user_id: str | None = None,
    user_name: str | None = None,
) -> dict[str, Any]:
    """Build ``metadata.nbproject`` as nbproject writes it; what is None is left out.

    ``time_run`` is ours, and kept by nbproject: it tells which of two statements is newer.

    Args:
        identity: Of the notebook; without a *time_init* it begins now.
        time_run: When header() ran, aware.
        pypackage: Packages and their versions.
        parent: The ids of the notebooks this one descends from.
        user_handle: Of the user who ran it.
        user_id: Of the same user.
        user_name: Of the same user.

    Example:
        >>> nbproject_metadata(Identity("Rx2s9cPTMQLY"), time_run=datetime(2026, 1, 2, tzinfo=UTC))
        ... # doctest: +NORMALIZE_WHITESPACE
        {'id': 'Rx2s9cPTMQLY', 'version': '1',
         'time_init': '2026-01-02T00:00:00+00:00', 'time_run': '2026-01-02T00:00:00+00:00'}
    """
    optional = {
        "pypackage": None if pypackage is None else dict(pypackage),
        "parent": parent if parent is None or isinstance(parent, str) else list(parent),
        "user_handle": user_handle,
        "user_id": user_id,
        "user_name": user_name,
    }
    return {
        "id": identity.id,
        "version": identity.version,
        "time_init": (identity.time_init or time_run).astimezone(UTC).isoformat(),
        "time_run": time_run.astimezone(UTC).isoformat(),
        **{key: value for key, value in optional.items() if value is not None},
    }


def bundle(nbproject: Mapping[str, Any]) -> dict[str, Any]:
    """Wrap nbproject's metadata for the header's output, of type ``MIME``.

    Example:
        >>> bundle({"id": "Rx2s9cPTMQLY"})
        {'schema': 1, 'nbproject': {'id': 'Rx2s9cPTMQLY'}}
    """
    return {"schema": _BUNDLE_SCHEMA, "nbproject": dict(nbproject)}


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
