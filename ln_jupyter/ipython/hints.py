"""What to type after a `DetachedInstanceError`: a note on the error, which stays what it is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_log = logging.getLogger(__name__)

# Where SQLAlchemy finds that there is no session; each has the record's state among its variables.
_LOADERS = {"_load_for_state", "load_scalar_attributes", "_load_scalar_attributes"}


def annotate(error: BaseException | None, namespace: Mapping[str, Any]) -> None:
    """Add one note to each `DetachedInstanceError` in *error*, its causes and its group.

    Type, arguments and text of the errors stay as they are. Never raises: the error is
    about to be shown, and showing it must not fail.

    Args:
        error: What is about to be shown.
        namespace: The user's variables, where the record may have a name.
    """
    try:
        for each in _all_of(error):
            if type(each).__name__ == "DetachedInstanceError" and not getattr(each, "__notes__", None):
                note = _note(each, namespace)
                if note is not None:
                    each.add_note(note)
    except Exception:  # noqa: BLE001 - SQLAlchemy's frames are not ours, and may be others tomorrow
        _log.debug("no hint for %r", error, exc_info=True)


def _all_of(error: BaseException | None, seen: frozenset[int] = frozenset()) -> Iterator[BaseException]:
    if error is None or id(error) in seen:
        return
    yield error
    seen |= {id(error)}
    group = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for each in (error.__cause__, error.__context__, *group):
        yield from _all_of(each, seen)


def _note(error: BaseException, namespace: Mapping[str, Any]) -> str | None:
    found = _failed_load(error)
    if found is None or found[0].identity is None:
        return None
    state, names = found
    cls = state.class_.__name__
    record = state.obj()
    variable = next(
        (name for name, value in namespace.items() if value is record and not name.startswith("_")), cls.lower()
    )
    named = f"this {cls} {', '.join(map(repr, state.identity))}"
    if len(names) > 1:
        keys = [state.mapper.get_property_by_column(column).key for column in state.mapper.primary_key]
        wanted = ", ".join(f"{name}={value!r}" for name, value in zip(keys, state.identity, strict=True))
        what = f"{named} was expired by a commit or rollback, and its session is closed"
        return f"{what}\nfix: {variable} = ln.select({cls}, {wanted}).one()"
    what = f"{names[0]} of {named} is not loaded, and its session is closed"
    return f'{what}\nfix: ln.load({variable}, "{names[0]}"), or select it with .load("{names[0]}")'


def _failed_load(error: BaseException) -> tuple[Any, tuple[str, ...]] | None:
    """Find the record's state, and what was read of it, where SQLAlchemy gave up."""
    found = None
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name in _LOADERS and "state" in frame.f_locals:
            own = getattr(frame.f_locals.get("self"), "key", None)
            names = (own,) if own is not None else tuple(sorted(frame.f_locals.get("attribute_names") or ()))
            if names:
                found = frame.f_locals["state"], names
        traceback = traceback.tb_next
    return found
