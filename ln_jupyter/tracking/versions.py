"""Which version of a notebook its code is: a draft until it is published, and frozen from then on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from ln_jupyter.schema.tables import FIRST_VERSION, notebook, user

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

_LAST_NUMBER = re.compile(r"(\d+)$")


class Version(NamedTuple):
    """A version of a notebook that is registered, by columns of its row.

    Attributes:
        v: Its name.
        created_at: When it was made.
        published_at: When it was published; None for a draft.
        source_hash: Of what was published; None for a draft.
        publisher: Who published it; None for a draft, and where a release before did that.
    """

    v: str
    created_at: dt.datetime
    published_at: dt.datetime | None = None
    source_hash: str | None = None
    publisher: str | None = None


def read_versions(connection: sa.Connection, notebook_id: str) -> dict[Version, dict[str, Any]]:
    """Read the versions of a notebook, each with its row; none where it is not registered."""
    publisher = sa.select(user.c.handle).where(user.c.id == notebook.c.published_by_id).scalar_subquery()
    rows = sa.select(notebook, publisher.label("publisher")).where(notebook.c.id == notebook_id)
    return {
        Version(*(row[name] for name in Version._fields)): {each.name: row[each.name] for each in notebook.c}
        for row in connection.execute(rows).mappings()
    }


def choose(stated: str | None, known: Iterable[Version], source_hash: str | None) -> str:
    """Choose the version that a notebook goes on with.

    That is the published one for as long as its source is the same, then the next draft. A file may
    state an older version, because it was not saved since, or never will be: a draft that is older
    than the newest publication was left behind by it.

    Args:
        stated: What the file says; None where it says nothing.
        known: The versions that are registered.
        source_hash: Of the code as it is now; None where there is no file.
    """
    versions = {version.v: version for version in known}
    newest = max((each for each in versions.values() if each.published_at), key=_published_at, default=None)
    if stated is None:
        stated = FIRST_VERSION if newest is None else newest.v
    found = versions.get(stated)
    if (
        found is not None
        and found.published_at is None
        and newest is not None
        and found.created_at < _published_at(newest)
    ):
        found = newest
    while found is not None and found.published_at is not None and source_hash not in (None, found.source_hash):
        stated = following(found.v)
        found = versions.get(stated)
    return stated if found is None else found.v


def following(v: str) -> str:
    """Name the version after *v*.

    Example:
        >>> following("1"), following("1.9"), following("final")
        ('2', '1.10', 'final.1')
    """
    if _LAST_NUMBER.search(v) is None:
        return f"{v}.1"
    return _LAST_NUMBER.sub(lambda number: str(int(number[1]) + 1), v)


def before(v: str, known: Iterable[Version]) -> Version | None:
    """Find the version that *v* was made from: the one that it follows, else the one that was made last.

    Names have no order: as text, "9" is more than "10".

    Example:
        >>> import datetime as dt
        >>> known = [Version(each, dt.datetime(2026, 1, day)) for day, each in enumerate(("9", "10", "1.2"), 1)]
        >>> before("11", known).v, before("2026", known).v, before("1", [])
        ('10', '1.2', None)
    """
    versions = list(known)
    followed = [each for each in versions if following(each.v) == v]
    return max(followed or versions, key=lambda each: each.created_at, default=None)


def _published_at(version: Version) -> dt.datetime:
    assert version.published_at is not None  # noqa: S101 - asked of published ones only
    return version.published_at
