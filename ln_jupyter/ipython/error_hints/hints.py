"""What to type after a `DetachedInstanceError`, a `MissingGreenlet` or a misspelt name: a note on the error, which stays what it is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ln_jupyter import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EXPLAINED = {"DetachedInstanceError", "MissingGreenlet"}

_log = logging.getLogger(__name__)


def annotate(error: BaseException | None, namespace: Mapping[str, Any]) -> None:
    """Add one note to each `DetachedInstanceError` and `MissingGreenlet` in *error*, its causes and its groups.

    And to an `AttributeError` of a record, or of its class, where a near name is there, which IPython does not say.

    Type, arguments and text of the errors stay as they are. Nothing is loaded. Never raises:
    the error is about to be shown, and showing it must not fail.

    Args:
        error: What is about to be shown.
        namespace: The user's variables, where the record may have a name.
    """
    for each in all_of(error):
        try:
            note = _near_name(each) if type(each) is AttributeError else _explanation(each, namespace)
            if note is not None and note not in _notes(each):
                each.add_note(note)
        except Exception:  # noqa: BLE001 - SQLAlchemy's frames are not ours, and may be others tomorrow
            _log.debug("no hint for a %s", type(each).__name__, exc_info=True)


def _explanation(error: BaseException, namespace: Mapping[str, Any]) -> str | None:
    # a statement that was not awaited is an error around the MissingGreenlet
    kinds = {type(error).__name__, type(getattr(error, "orig", None)).__name__}
    if not kinds & _EXPLAINED or any("\nfix" in note for note in _notes(error)):
        return None
    from ln_jupyter.ipython.error_hints import detached  # here for cost: it imports SQLAlchemy

    return detached.explain(error, namespace)


def _near_name(error: AttributeError) -> str | None:
    owner = error.obj if isinstance(error.obj, type) else type(error.obj)
    if error.name is None or not any("_sa_class_manager" in vars(each) for each in owner.__mro__):
        return None
    said = errors.near_miss(error.name, dir(owner))
    return f"fix: {said}" if said.startswith("did you mean") else None


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
