"""What is wrong with a record that has no session, and the line that works for exactly this one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import schema
from ln_jupyter.db import engine as engines
from ln_jupyter.db import origins
from ln_jupyter.db.block import current_block
from ln_jupyter.db.loaded_attribute import shares_keys
from ln_jupyter.ipython import failed_load
from ln_jupyter.ipython.failed_load import Kind
from ln_jupyter.ipython.names import Names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ln_jupyter.ipython.failed_load import FailedLoad
    from ln_jupyter.ipython.names import Name

# Types whose repr is Python's own, and can be pasted without an import.
_LITERALS = (bool, bytes, float, int, str, type(None))
_PYTHONS_OWN = {"builtins", "datetime", "decimal", "uuid"}


def explain(error: BaseException, namespace: Mapping[str, Any]) -> str | None:
    """Say what could not be loaded, and what to type.

    Args:
        error: A `DetachedInstanceError`.
        namespace: The notebook's variables.

    Returns:
        The note, whose last line begins with ``fix``; None where the error does not tell what failed.
    """
    failed = failed_load.find(error)
    if failed is None:
        return None
    names = Names(error, namespace)
    name = None if failed.record is None else names.of(failed.record)
    return _Case(failed, names, name, _place(failed, names)).note()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the record's row is.

    Attributes:
        engine: The user's name of the engine; None for the one that is used where none is named.
        is_known: Whether `ln.load` finds it by itself.
        others: Engines that it may be instead.
    """

    engine: str | None = None
    is_known: bool = True
    others: tuple[str, ...] = ()


def _place(failed: FailedLoad, names: Names) -> _Place:
    origin = None if failed.record is None else origins.origin(failed.record)
    visible: list[tuple[str, sa.Engine]] = names.of_type(sa.Engine)
    connected = engines.connected()  # current() would decide on one where none was chosen yet
    if origin is not None:
        if origin is connected:
            return _Place()
        url = origin.url
        spelled = repr(str(url)) if engines.is_ours(origin) and url.password is None else "engine"
        return _Place(next((name for name, engine in visible if engine is origin), spelled))
    if issubclass(failed.state.class_, schema.Base) or (connected is not None and not engines.is_ours(connected)):
        return _Place()
    # A session of SQLAlchemy's own leaves no trace on its records. The user has made an
    # engine that we were not told of, so it is the likely one.
    foreign = {engine: name for name, engine in visible if engine is not connected and not engines.is_ours(engine)}
    if not foreign:
        return _Place()
    first, *others = foreign.values()
    return _Place(first, is_known=False, others=tuple(others))


class _Case:
    """One record and what of it could not be loaded."""

    def __init__(self, failed: FailedLoad, names: Names, name: Name | None, place: _Place) -> None:
        self._failed, self._names, self._name, self._place = failed, names, name, place
        self._expression = None if name is None else name.expression
        package = next((n for n, module in names.of_type(ModuleType) if module is sys.modules["ln_jupyter"]), None)
        self._ln = package or names.unused("ln")
        self._import = "" if package else f"import ln_jupyter as {self._ln}\n"
        self._mapper = failed.state.manager.mapper

    def note(self) -> str:
        """Say what is wrong, and below it the fix."""
        wrong, lines, others = self._wrong(), self._lines(), self._others()
        where = f", in {self._name.function}()" if self._name is not None and self._name.function else ""
        setup = self._import if f"{self._ln}." in lines else ""
        return f"{wrong}\nfix{where}: {setup}{lines}{others}"

    def _wrong(self) -> str:
        state, name = self._failed.state, self._failed.name
        this = f"this {state.class_.__name__} {', '.join(map(_shown, state.identity or ()))}".rstrip()
        if state.was_deleted:
            return f"{name} of {this} cannot be loaded any more: its row was deleted"
        if self._failed.kind is Kind.QUERY:
            return f"{name} of {this} is asked of the database when it is read, and its session is closed"
        if self._failed.kind is Kind.REFRESH and state.expired:
            return f"{name} of {this} was expired by a commit or rollback, and its session is closed"
        return f"{name} of {this} is not loaded, and its session is closed"

    def _lines(self) -> str:
        failed, ln = self._failed, self._ln
        if failed.state.was_deleted:
            return "read it before the record is deleted"
        if failed.kind is Kind.QUERY:
            return self._query()
        is_expired = failed.kind is Kind.REFRESH and failed.state.expired
        selected = self._selected("" if is_expired else f'.load("{failed.name}")')
        is_replaced = is_expired and self._name is not None and self._name.is_assignable and self._place.engine is None
        loaded = f'{ln}.load({self._expression}, "{failed.name}")'
        if self._expression is not None and self._place.is_known and not (is_replaced and selected):
            return loaded
        if selected is None:
            return f'select it again, with .load("{failed.name}")'
        if self._place.engine is None:
            return f"{self._expression} = {selected}" if is_replaced else selected
        return f"with {ln}.Session({self._place.engine}): {self._target()} = {selected}"

    def _query(self) -> str:
        ln, found = self._ln, self._names.unused("found")
        opened = f"with {ln}.Session({self._place.engine or ''})"
        if self._failed.state.key is None:
            record = self._expression or "record"
            return f"{opened} as ss: ss.add({record}); {found} = {record}.{self._failed.name}.all()"
        selected = self._selected("")
        if selected is None:
            return f"select it again in {opened}:"
        return f"{opened}: {found} = {selected}.{self._failed.name}.all()"

    def _others(self) -> str:
        """Say what else works; the user may rather change what read the record."""
        failed, cls = self._failed, self._class()
        if failed.state.was_deleted or failed.kind is Kind.QUERY:
            return ""
        if failed.kind is Kind.REFRESH:
            return ", or make its session with expire_on_commit=False" if failed.state.expired else ""
        others = []
        if self._expression is not None and self._place.is_known:
            base = self._mapper.base_mapper
            as_subclass = "" if base.has_property(failed.name) else f" as a {failed.state.class_.__name__}"
            others.append(f'select it{as_subclass} with .load("{failed.name}")')
        if failed.kind is Kind.DEFERRED and failed.name in self._mapper.column_attrs:
            others.append(f"select it with .options(undefer({cls}.{failed.name}))")
        elif failed.kind is Kind.RELATIONSHIP and not self._place.is_known:
            others.append(f"select it with .options(selectinload({cls}.{failed.name}))")
        others += [
            f"with {each} in place of {self._place.engine}, if it was read from there" for each in self._place.others
        ]
        is_passing = self._name is None or self._name.function
        if is_passing and self._place.engine is None and current_block() is None:
            others.append("start the cell that selects it with %%ln_session")
        return "".join(f", or {other}" for other in others)

    def _selected(self, options: str) -> str | None:
        """Spell the statement that reads the record again, if its key can be written down."""
        state, criteria = self._failed.state, []
        if shares_keys(self._mapper):
            return None
        for column, value in zip(self._mapper.primary_key, state.identity or (), strict=True):
            key = self._mapper.get_property_by_column(column).key
            if type(value) in _LITERALS:
                criteria.append(f"{key}={value!r}")
            elif self._expression is not None and key in state.dict:
                criteria.append(f"{key}={self._expression}.{key}")
            else:
                return None
        return f"{self._ln}.select({self._class()}, {', '.join(criteria)}){options}.one()"

    def _class(self) -> str:
        cls = self._failed.state.class_
        found = self._names.of_class(cls)
        if found is None and getattr(schema, cls.__name__, None) is cls:
            return f"{self._ln}.schema.{cls.__name__}"
        if found is None and self._expression is not None:
            return f"type({self._expression})"
        return found or cls.__name__

    def _target(self) -> str:
        if self._name is not None and self._name.is_assignable:
            return self._name.expression
        return self._names.unused(self._failed.state.class_.__name__.lower())


def _shown(value: object) -> str:
    """Show a part of a key, unless that would run somebody's code."""
    return repr(value) if type(value).__module__ in _PYTHONS_OWN else f"<{type(value).__name__}>"
