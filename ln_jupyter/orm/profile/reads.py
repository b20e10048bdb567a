"""Which relationships of a session's records are read by the user's code.

SQLAlchemy has no event for that. While somebody wants to know, the descriptors of just those
attributes are of a class that notes each read, and become what they were when nobody does.
"""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm.attributes import InstrumentedAttribute, instance_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import orm

Key = tuple[Any, str]
"""A mapped class and the name of its attribute."""


class _Noted(InstrumentedAttribute[Any]):
    """Notes which sessions' records it is read on; otherwise as it was."""

    __slots__ = ()
    inherit_cache = True

    def __get__(self, instance: Any, owner: Any) -> Any:
        # not super(), which fails if another thread turns this one back in between
        value = InstrumentedAttribute.__get__(self, instance, owner)
        if instance is not None:
            for reads in _of_session.get(instance_state(instance).session_id, ()):
                reads.note((self.class_, self.key), value)
        return value


_lock = threading.Lock()
_wanted: Counter[Key] = Counter()
_of_session: dict[int | None, tuple[Reads, ...]] = {}


class Reads:
    """What is read on the records of one session, of the relationships that are followed.

    Args:
        session: The session. Should it vanish without `stop`, all is given back too.
    """

    def __init__(self, session: orm.Session) -> None:
        self._held: dict[Key, bool] = {}
        self._followed: list[InstrumentedAttribute[Any]] = []
        number = session.hash_key
        self.stop = weakref.finalize(session, _stop, number, self, self._followed)
        """Follow nothing any more; may be called twice."""
        with _lock:
            _of_session[number] = (*_of_session.get(number, ()), self)

    def follow(self, relationship: orm.RelationshipProperty[Any]) -> None:
        """Note from now on whether a relationship is read, on records of subclasses too."""
        for attribute in _attributes(relationship):
            if not self.stop.alive or any(attribute is each for each in self._followed):
                continue
            with _lock:
                self._followed.append(attribute)
                _wanted[attribute.class_, attribute.key] += 1
                attribute.__class__ = _Noted

    def note(self, key: Key, value: object) -> None:
        """Remember that an attribute was read, and whether it held something."""
        held = value is not None and not (isinstance(value, (list, set, dict)) and not value)
        self._held[key] = held or self._held.get(key, False)

    def saw(self, relationship: orm.RelationshipProperty[Any]) -> bool:
        """Return whether it was read on any record."""
        return any((each.class_, each.key) in self._held for each in _attributes(relationship))

    def saw_something(self, relationship: orm.RelationshipProperty[Any]) -> bool:
        """Return whether it was read on any record, and was neither None nor empty there."""
        return any(self._held.get((each.class_, each.key)) for each in _attributes(relationship))


def note_shown(state: orm.InstanceState[Any]) -> None:
    """Count what a record shows of itself as read: whoever looks at it wanted it loaded."""
    for reads in _of_session.get(state.session_id, ()):
        for relationship in state.manager.mapper.relationships:
            if relationship.key in state.dict:
                reads.note((state.class_, relationship.key), state.dict[relationship.key])


def _attributes(relationship: orm.RelationshipProperty[Any]) -> Iterable[InstrumentedAttribute[Any]]:
    for mapper in relationship.parent.self_and_descendants:
        attribute = mapper.class_manager.get(relationship.key)
        if type(attribute) in (InstrumentedAttribute, _Noted):
            yield attribute  # type: ignore[misc]


def _stop(number: int, reads: Reads, followed: list[InstrumentedAttribute[Any]]) -> None:
    with _lock:
        others = tuple(each for each in _of_session.pop(number) if each is not reads)
        if others:
            _of_session[number] = others
        for attribute in followed:
            key = (attribute.class_, attribute.key)
            _wanted[key] -= 1
            if not _wanted[key]:
                del _wanted[key]
                attribute.__class__ = InstrumentedAttribute
