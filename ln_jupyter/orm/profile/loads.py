"""Which query a session's records came from, and what was loaded for them: one by one, or for nothing."""

from __future__ import annotations

import itertools
import sys
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import orm
from sqlalchemy.orm import loading

from ln_jupyter import callsite
from ln_jupyter.db.events import takes_notes
from ln_jupyter.orm import internals
from ln_jupyter.orm.profile import lazy_loads
from ln_jupyter.orm.profile.model import Flush, LazyLoads, UnreadLoad
from ln_jupyter.orm.profile.reads import Reads

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from ln_jupyter.orm.session import OrmSession

_EAGER = {"joined", "selectin", "subquery", "immediate"}
_MOST_QUERIES = 20_000
_MOST_GROUPS = 1000
_DEEPEST = 8

# SQLAlchemy numbers its queries, and marks each record with the number of the query that made it.
_next_number = getattr(loading, "_new_runid", itertools.count().__next__)

Place = tuple[str, int]
"""File and line."""


@dataclass(slots=True, eq=False)
class Origin:
    """Where records came from: a query, or what was loaded for the records of one.

    Attributes:
        place: Of the query.
        mapper: What the query selects.
        path: The names from there to these records.
        rows: How many rows were read for it.
        lazily: What was loaded lazily for them.
    """

    place: Place | None
    mapper: orm.Mapper[Any] | None
    path: tuple[str, ...] = ()
    rows: int = 0
    lazily: dict[object, _Lazily] = field(default_factory=dict)
    _below: dict[str, Origin] = field(default_factory=dict)

    def below(self, name: str) -> Origin:
        """Return the origin of what is loaded from these records."""
        if len(self.path) >= _DEEPEST:  # a chain, not a path that anybody would write
            return self
        if name not in self._below:
            self._below[name] = Origin(self.place, self.mapper, (*self.path, name))
        return self._below[name]


@dataclass(slots=True)
class _Lazily:
    """One attribute that is loaded lazily for the records of one origin."""

    name: str
    fix: str | None
    count: int = 0


@dataclass(slots=True)
class _Group:
    """Lazy loads that belong in one line of a report."""

    fix: str | None
    count: int = 0
    most: int = 0


class Loads:
    """What is loaded for the records of one session.

    Args:
        session: The session.
    """

    def __init__(self, session: OrmSession) -> None:
        self.asking: Origin | None = None
        """The query that is about to be sent."""
        self._query = self._unknown = Origin(None, None)
        self._asked: list[tuple[int, Origin]] = []
        self._groups: dict[tuple[str, Place | None, Place | None], _Group] = {}
        self._flushes: Counter[Place | None] = Counter()
        self._eager: dict[tuple[orm.RelationshipProperty[Any], ...], Origin] = {}
        self._is_machinery: dict[int, tuple[CodeType, bool]] = {}
        self._reads = Reads(session)

    def stop(self) -> None:
        """Follow no reads any more."""
        self._reads.stop()
        self._asked.clear()
        self._is_machinery.clear()
        self.asking = None

    @takes_notes
    def expect(self, execution: orm.ORMExecuteState) -> None:
        """Take note of a statement that is about to be sent."""
        if not execution.is_select:
            return
        if (record := execution.lazy_loaded_from) is not None:
            self._load_lazily(record, execution.loader_strategy_path)
        elif execution.is_relationship_load:
            origin = self._query
            for step in lazy_loads.relationships(execution.loader_strategy_path):
                origin = origin.below(step.key)
            self._remember(origin)
        elif execution.is_column_load:
            self._load_columns(execution)
        elif execution.is_orm_statement:
            self._query = self.asking = Origin(self._place(), execution.bind_mapper)
            self._remember(self._query)
            self._follow(execution.statement)

    def note_flush(self) -> None:
        """Take note of a statement that is sent because of a read."""
        place = self._place()
        if len(self._flushes) < _MOST_GROUPS or place in self._flushes:
            self._flushes[place] += 1

    def flushes(self) -> tuple[Flush, ...]:
        """Return what was sent because of a read."""
        return tuple(Flush(count, _line(place)) for place, count in self._flushes.items())

    def lazy(self) -> tuple[LazyLoads, ...]:
        """Return what was loaded one record at a time, most first."""
        groups = sorted(self._groups.items(), key=lambda item: -item[1].count)
        return tuple(
            LazyLoads(name, group.count, _line(place), _line(query), group.fix if group.most > 1 else None)
            for (name, place, query), group in groups
        )

    def unread(self) -> tuple[UnreadLoad, ...]:
        """Return what was loaded with its records, and read on none of them."""
        found = []
        for path, origin in self._eager.items():
            *before, last = path
            # below what was not read, or held nothing, there was nothing to read
            if origin.rows and not self._reads.saw(last) and all(map(self._reads.saw_something, before)):
                dotted = ".".join(each.key for each in path)
                found.append(UnreadLoad(f"{path[0].parent.class_.__name__}.{dotted}", dotted, _line(origin.place)))
        return tuple(found)

    def _load_lazily(self, state: Any, path: Any) -> None:
        relationship, origin = path[-1], self._origin(state)
        lazily = origin.lazily.get(relationship)
        if lazily is None:
            names = tuple(step.key for step in lazy_loads.relationships(path))
            if not state.load_options:  # else SQLAlchemy knows the whole path
                names = (*origin.path, *names)
            entity = relationship.parent.class_.__name__
            fix = _load(origin.mapper, names, state.mapper) or f".options(selectinload({entity}.{relationship.key}))"
            lazily = origin.lazily[relationship] = _Lazily(lazy_loads.name(relationship), fix)
        self._count(lazily, origin)
        self._remember(origin.below(relationship.key))

    def _load_columns(self, execution: orm.ORMExecuteState) -> None:
        state = internals.refreshed_state(execution)
        origin = self._origin(state)
        self._remember(origin)  # the record gets a new number
        if internals.is_asked_refresh(execution):
            return
        names = internals.refreshed_columns(execution)
        entity = state.class_.__name__
        name = f"{entity}.{next(iter(names))}" if len(names) == 1 else entity
        # what only a subclass has was not selected, which SQLAlchemy keeps as expired too
        is_known = origin.mapper is None or any(each in origin.mapper.attrs for each in names)
        kind = "expired" if state.expired_attributes and is_known else "deferred"
        lazily = origin.lazily.get((name, kind))
        if lazily is None:
            fix = _undefer(origin, tuple(names), state.mapper) if kind == "deferred" else None
            lazily = origin.lazily[name, kind] = _Lazily(f"{name} ({kind})", fix)
        self._count(lazily, origin)

    def _count(self, lazily: _Lazily, origin: Origin) -> None:
        if len(origin.path) < _DEEPEST:
            lazily.count += 1
        key = (lazily.name, self._place(), origin.place)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= _MOST_GROUPS:
                return
            group = self._groups[key] = _Group(lazily.fix)
        group.count += 1
        group.most = max(group.most, lazily.count)

    def _origin(self, state: Any) -> Origin:
        """Find the query that made a record."""
        position = bisect_left(self._asked, state.runid or 0, key=itemgetter(0)) - 1
        return self._unknown if position < 0 else self._asked[position][1]

    def _remember(self, origin: Origin) -> None:
        """Take note that the next query to be numbered is this one."""
        if self._asked and self._asked[-1][1] is origin:
            return
        if len(self._asked) >= _MOST_QUERIES:
            self._asked = [each for each in self._asked if not each[1].path][-_MOST_QUERIES // 2 :]
        self._asked.append((_next_number(), origin))

    def _follow(self, statement: Any) -> None:
        """Follow the relationships that options of the statement load eagerly."""
        for option in internals.options_of(statement):
            for element in getattr(option, "context", ()):
                path = tuple(lazy_loads.relationships(element.path))
                known = self._eager.get(path)
                if known is None:
                    is_eager = dict(element.strategy or ()).get("lazy") in _EAGER
                    if not is_eager or not all(isinstance(step, orm.RelationshipProperty) for step in path):  # "*"
                        continue
                    self._reads.follow(path[-1])
                if known is None or not known.rows:
                    self._eager[path] = self._query

    def _place(self) -> Place | None:
        """Find the user's line, as `callsite.current` does, asking once for each function on the way."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            code = frame.f_code
            known = self._is_machinery.get(id(code))
            if known is None:
                known = self._is_machinery[id(code)] = (code, callsite.is_machinery(frame))
            if not known[1]:
                return code.co_filename, frame.f_lineno
            frame = frame.f_back
        return None


def _line(place: Place | None) -> callsite.Line | None:
    return None if place is None else callsite.Line(*place)


def _load(mapper: orm.Mapper[Any] | None, names: tuple[str, ...], record: orm.Mapper[Any]) -> str | None:
    """Write what loads *names* with the records, if they lead from the class that is selected to the *record*."""
    current = mapper or record
    for step in names[:-1]:
        if step not in current.relationships:
            return None
        current = current.relationships[step].mapper
    if names[-1] not in current.attrs or not (record.isa(current) or current.isa(record)):
        return None
    return f'.load("{".".join(names)}")'


def _undefer(origin: Origin, names: tuple[str, ...], record: orm.Mapper[Any]) -> str | None:
    """Write what loads deferred columns, or a subclass's own, with the records."""
    if len(names) == 1 and (fix := _load(origin.mapper, (*origin.path, *names), record)) is not None:
        return fix
    selected = origin.mapper
    if selected is None or selected is record or not record.isa(selected):
        return None
    return f".options(selectin_polymorphic({selected.class_.__name__}, [{record.class_.__name__}]))"
