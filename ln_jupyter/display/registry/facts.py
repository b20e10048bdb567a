"""What is known of a run from what it holds in memory, in the words of cards and lists."""

from __future__ import annotations

import datetime as dt
import math
import ntpath
from itertools import islice
from typing import TYPE_CHECKING, Any

from ln_jupyter import humanize, redaction, sanitize
from ln_jupyter.display import values
from ln_jupyter.display.card import SEPARATOR
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.orm import users
from ln_jupyter.orm.inspect.record import Status, state_of
from ln_jupyter.queries import progress
from ln_jupyter.schema import models
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ln_jupyter.display.options import Options
    from ln_jupyter.orm.inspect.record import Record

WANTED = ("notebook", "created_by", "cells", "runs", "paths")
"""What of the relationships somebody wants to see of a run or a notebook."""

_TONES = {"running": "ask", "finished": "", "failed": "bad", "interrupted": "wait", "lost": "wait"}
_EVENTS = ("finished_at", "outcome", "started_at", "heard_at")
_NAMES = {"name", "title", "file", "handle"}
_LONGEST = dict.fromkeys([*_NAMES, "host", "notebook_v", "path", "v"], 100) | {"reason": 200}  # characters
_MOST = 12  # pairs of one dictionary, tags, and files
_LOOKED_AT = 2_000  # files


def held(seen: Record) -> dict[str, Any]:
    """Return what a record holds in memory by name; reading any of it costs nothing.

    Of what it is related to there are the ``title`` of its notebook, and the ``handle`` of who made it; of a run its
    ``state``, too.
    """
    held = {key: each.value for key, each in seen.attributes.items() if each.status is Status.LOADED}
    held.setdefault("title", _held_by(held.get("notebook"), "title"))
    held.setdefault("file", _held_by(held.get("notebook"), "name"))
    made_by = users.handle_of(held.get("created_by_id") or "")
    return with_state(held | {"handle": _held_by(held.get("created_by"), "handle") or made_by})


def _bounded(held: dict[str, Any]) -> dict[str, Any]:
    """Write names, paths and reasons as they stand in a line, however long, and leave out what is no time or number."""
    held = {name: value for name, value in held.items() if value is None or _is_fit(name, value)}
    return {
        **held,
        **{name: _in_line(name, held[name]) for name in _LONGEST.keys() & held.keys() if held[name] is not None},
    }


def _is_fit(name: str, value: object) -> bool:
    """Tell whether a time is one, and a duration a number: before a record is saved, they may be anything."""
    if name.endswith("_at"):
        return isinstance(value, dt.datetime)
    return not name.endswith("seconds") or (isinstance(value, (int, float)) and math.isfinite(value))


def _in_line(name: str, value: object) -> str:
    if type(value) is not str or (name in _NAMES and SEPARATOR in value[: _LONGEST[name]]):
        return values.short(value)
    return sanitize.shortened(value, _LONGEST[name])


def with_state(held: dict[str, Any]) -> dict[str, Any]:
    """Add what the events of a run say now: asked once, since that may look for locks; and let no text be too long.

    Example:
        >>> with_state({"name": "Train · unsaved", "title": 17, "host": None, "pid": 17})
        {'name': "'Train · unsaved'", 'title': '17', 'host': None, 'pid': 17, 'state': None}
    """
    held = _bounded(held)
    known = all(name in held for name in _EVENTS)
    return held | {"state": models.state_by(*(held[name] for name in _EVENTS)) if known else None}


def _held_by(related: object, name: str) -> Any:
    state = None if related is None else state_of(related)
    return None if state is None else state.dict.get(name)


def state(held: Mapping[str, Any]) -> tuple[str, str]:
    """Say the state of a run as a word with its mark, and what follows it; nothing where it is not known.

    Of one that has not ended it says when that was seen, so that it stays true.

    Example:
        >>> state({"state": "failed", "reason": "cell 4: TypeError: no"})
        ('✗ failed', ' at cell 4: TypeError: no')
    """
    found = held.get("state")
    if found is None:
        return "", ""
    word = f"{humanize.STATE_SIGNS[found]} {found}"
    if found == "running":
        return word, f" at {humanize.moment(utcnow())}"
    heard = held.get("heard_at") or held.get("started_at")
    said = progress.in_words(
        found, reason=held.get("reason"), heard=humanize.moment(heard) if found == "lost" and heard else None
    )
    return word, (said or "").removeprefix(found)


def tone(held: Mapping[str, Any]) -> str:
    """Say in which colour a run's state is told."""
    found = held.get("state")
    return "" if found is None else _TONES[found]


def notebook(held: Mapping[str, Any]) -> list[str]:
    """Say which notebook a run is of: its title where it is loaded, the name of its file, its version; else its id."""
    path, v = held.get("path"), held.get("notebook_v")
    file = ntpath.basename(path) if path else held.get("file")
    if v and not file and not held.get("title"):
        file = f"Notebook {humanize.short_id(str(held.get('notebook_id') or ''))}".rstrip()
    said = held.get("title"), ", ".join(filter(None, (file, f"version {v}" if v else "")))
    return [str(each) for each in said if each]


def handle(held: Mapping[str, Any]) -> str:
    """Name who made a row, if that is in memory."""
    return str(held.get("handle") or "")


def took(held: Mapping[str, Any]) -> str:
    """Say how long a run's cells ran, and of how long; nothing of one that goes on."""
    if held.get("state") == "running":
        return ""
    busy, alive = _durations(held)
    if busy is None:
        return "" if alive is None else f"took {humanize.duration_in_words(alive)}"
    of = "" if alive is None else f" of {humanize.duration(alive)}"
    return f"busy {humanize.duration(busy)}{of}"


def busy(held: Mapping[str, Any]) -> str:
    """Say how long a run's cells ran, as it stands in a column."""
    seconds = _durations(held).busy
    return "" if seconds is None or held.get("state") == "running" else humanize.duration(seconds)


def offset(time: dt.datetime | None) -> str:
    """Write the whole of a time, with its offset."""
    return "" if time is None else time.astimezone().isoformat(" ", "seconds")


def pairs(value: object, *, options: Options = DEFAULT) -> str:
    """Write names and values as people read them; passwords are hidden, and more than a dozen are counted.

    Example:
        >>> pairs({"alpha": 0.2, "model": "ridge", "api_key": "sk-1"})
        'alpha 0.2, model ridge, api_key ••• redacted'
    """
    if type(value) is not dict:
        return values.bare(value, options=options)
    shown = [
        f"{values.bare(name, options=options)} {named_value(name, each, options=options)}"
        for name, each in islice(value.items(), _MOST)
    ]
    more = [f"… {len(value) - _MOST:,} more"] if len(value) > _MOST else []
    return ", ".join([*shown, *more])


def named_value(name: object, value: object, *, options: Options) -> str:
    """Write a value that has a name, which may be that of a secret."""
    return redaction.HIDDEN if values.names_secret(name, options) else values.bare(value, options=options)


def tags(tagged: Iterable[Any]) -> list[str]:
    """Return the words on a run."""
    states = (state_of(each) for each in islice(tagged, _MOST))
    return [values.bare(each.dict["tag"]) for each in states if each is not None and "tag" in each.dict]


def files(seen: Iterable[Any], role: str, notebook: object) -> str:
    """Name the files that a run read or wrote, as they are seen from its notebook's folder.

    Args:
        seen: Its rows of files, which are loaded.
        role: Which of the two.
        notebook: The path of the notebook.
    """
    states = (state_of(each) for each in islice(seen, _LOOKED_AT))
    paths = [each.dict.get("path") for each in states if each is not None and each.dict.get("role") == role]
    folder = ntpath.dirname(notebook) if isinstance(notebook, str) else ""
    named = [values.in_column(humanize.near(each, folder)) for each in paths if isinstance(each, str)]
    more = [f"… {len(named) - _MOST:,} more"] if len(named) > _MOST else []
    return ", ".join([*filter(None, named[:_MOST]), *more])


def _durations(held: Mapping[str, Any]) -> progress.Durations:
    asked = (*_EVENTS, "busy_seconds", "alive_seconds")
    known = {name: held.get(name) for name in asked} | {"state": held.get("state"), "in_cell_since": None}
    return progress.durations(known)
