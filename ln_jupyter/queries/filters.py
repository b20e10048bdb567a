"""Which runs are wanted, as conditions that a database checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter.queries import rows
from ln_jupyter.schema import Notebook, Pipeline, Run, RunTag, User

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Wanted:
    """What runs have to be; what is not said may be anything.

    Attributes:
        notebook_ids: Of one of these notebooks.
        states: In one of these states.
        ids: One of these.
        by: Of this user, by the login name.
        since: Registered then or later.
        tag: With this tag.
        text: With this in the title, name, note, reason, a tag or the path, in letters of either case.
    """

    notebook_ids: Sequence[str] = ()
    states: Sequence[str] = ()
    ids: Sequence[str] = ()
    by: str | None = None
    since: dt.datetime | None = None
    tag: str | None = None
    text: str | None = None


ORDERS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "started": lambda: (),
    "busy": lambda: (sa.func.coalesce(Run.busy_seconds, Run.alive_seconds, 0.0).desc(),),
    "notebook": lambda: (sa.func.lower(sa.func.coalesce(Notebook.name, Notebook.title, Run.name)), Run.notebook_id),
}
"""What runs are sorted by; those that are equal in it, by when they were registered, the newest first."""


def ids(wanted: Wanted, *, sort: str = "started") -> sa.Select[Any]:
    """Select the ids of the runs that are wanted, in order."""
    picked = sa.select(Run.id)
    if wanted.notebook_ids:
        picked = picked.where(Run.notebook_id.in_(wanted.notebook_ids))
    if wanted.states:
        picked = picked.where(Run.state.in_(wanted.states))
    if wanted.ids:
        picked = picked.where(Run.id.in_(wanted.ids))
    if wanted.since is not None:
        picked = picked.where(Run.created_at >= wanted.since)
    if wanted.by is not None:
        picked = picked.where(Run.created_by_id.in_(sa.select(User.id).where(User.handle == wanted.by)))
    if wanted.tag is not None:
        picked = picked.where(Run.id.in_(sa.select(RunTag.run_id).where(RunTag.tag == wanted.tag)))
    if wanted.text is not None or sort == "notebook":
        picked = picked.outerjoin(Run.notebook)
    if wanted.text is not None:
        picked = picked.outerjoin(Run.pipeline).where(_holds(wanted.text))
    return picked.order_by(*ORDERS[sort](), *rows.newest_first(Run))


def _holds(text: str) -> sa.ColumnElement[bool]:
    columns = (Notebook.title, Notebook.name, Run.name, Pipeline.name, Run.note, Run.reason, Run.path)
    tagged = sa.select(RunTag.run_id).where(_contains(RunTag.tag, text))
    return sa.or_(*(_contains(column, text) for column in columns), Run.id.in_(tagged))


def _contains(column: Any, text: str) -> sa.ColumnElement[bool]:
    """Check for a text in letters of either case; SQLite knows no case but of ASCII, so others are tried as people write."""
    forms = dict.fromkeys((text, text.lower(), text.upper(), text.capitalize(), text.title()))
    return sa.or_(*(column.icontains(form, autoescape=True) for form in ((text,) if text.isascii() else forms)))
