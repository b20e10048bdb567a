"""What to type after a `DetachedInstanceError` or `MissingGreenlet`: a note on the error, which stays what it is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EXPLAINED = {"DetachedInstanceError", "MissingGreenlet"}

_log = logging.getLogger(__name__)


def annotate(error: BaseException | None, namespace: Mapping[str, Any]) -> None:
    """Add one note to each `DetachedInstanceError` and `MissingGreenlet` in *error*, its causes and its groups.

    Type, arguments and text of the errors stay as they are. Nothing is loaded. Never raises:
    the error is about to be shown, and showing it must not fail.

    Args:
        error: What is about to be shown.
        namespace: The user's variables, where the record may have a name.
    """
    for each in all_of(error):
        # a statement that was not awaited is an error around the MissingGreenlet
        if not {type(each).__name__, type(getattr(each, "orig", None)).__name__} & _EXPLAINED or any(
            "\nfix" in note for note in _notes(each)
        ):
            continue
        try:
            from ln_jupyter.ipython.error_hints import detached  # here for cost: it imports SQLAlchemy

            note = detached.explain(each, namespace)
            if note is not None:
                each.add_note(note)
        except Exception:  # noqa: BLE001 - SQLAlchemy's frames are not ours, and may be others tomorrow
            _log.debug("no hint for a %s", type(each).__name__, exc_info=True)


def _notes(error: BaseException) -> list[str]:
    return [note for note in getattr(error, "__notes__", ()) if isinstance(note, str)]


def all_of(error: BaseException | None) -> Iterator[BaseException]:
    """Go through an error, its causes and its groups, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
