"""What is wrong with a record that cannot be loaded where it is read, and the line that works for exactly this one."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ln_jupyter import schema
from ln_jupyter.display.options import Place
from ln_jupyter.ipython import places
from ln_jupyter.ipython.error_hints import failed_load
from ln_jupyter.ipython.error_hints.failed_load import Kind
from ln_jupyter.ipython.names import Names
from ln_jupyter.orm.current import current_block
from ln_jupyter.orm.inspect.model import shares_keys
from ln_jupyter.orm.inspect.paths import keys_of, property_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ln_jupyter.ipython.error_hints.failed_load import FailedLoad
    from ln_jupyter.ipython.names import Name

# Types whose repr is Python's own, and can be pasted without an import.
_LITERALS = (bool, bytes, float, int, str, type(None))
_PYTHONS_OWN = {"builtins", "datetime", "decimal", "uuid"}


def explain(error: BaseException, namespace: Mapping[str, Any]) -> str | None:
    """Say what could not be loaded, and what to type.

    Args:
        error: A `DetachedInstanceError`, or a `MissingGreenlet`.
        namespace: The notebook's variables.

    Returns:
        The note, whose last line begins with ``fix``; None where the error does not tell what failed.
    """
    failed = failed_load.find(error)
    if failed is None:
        return None
    is_attached = failed.state.session is not None
    if is_attached and failed.state.async_session is None:
        return None
    names = Names(error, namespace)
    name = None if failed.record is None else names.find(failed.record)
    place = Place() if is_attached else places.find(failed.record, failed.state.class_, names.of_type)
    return _Case(failed, names, name, place).note()


class _Case:
    """One record and what of it could not be loaded."""

    def __init__(self, failed: FailedLoad, names: Names, name: Name | None, place: Place) -> None:
        self._failed, self._names, self._name, self._place = failed, names, name, place
        self._expression = None if name is None else name.expression
        package = next((n for n, module in names.of_type(ModuleType) if module is sys.modules["ln_jupyter"]), None)
        self._ln = package or names.unused("ln")
        self._import = "" if package else f"import ln_jupyter as {self._ln}\n"
        self._mapper = failed.state.manager.mapper
        self._session: Any = failed.state.async_session

    def note(self) -> str:
        """Say what is wrong, and below it the fix."""
        wrong, lines, others = self._wrong(), self._lines(), self._others()
        where = f", in {self._name.function}()" if self._name is not None and self._name.function else ""
        setup = self._import if f"{self._ln}." in lines else ""
        for needed in ("AsyncSession", "async_object_session"):
            if f"{needed}(" in lines and not self._names.has(needed):
                setup = f"from sqlalchemy.ext.asyncio import {needed}\n"
        return f"{wrong}\nfix{where}: {setup}{lines}{others}"

    def _wrong(self) -> str:
        state, name = self._failed.state, self._failed.name
        this = f"this {state.class_.__name__} {', '.join(map(_shown, state.identity or ()))}".rstrip()
        if state.was_deleted:
            return f"{name} of {this} cannot be loaded any more: its row was deleted"
        if self._failed.kind is Kind.QUERY:
            return f"{name} of {this} is asked of the database when it is read, and its session is closed"
        place = "its session is closed" if self._session is None else "its session is asynchronous"
        if self._failed.kind is Kind.REFRESH and state.expired:
            return f"{name} of {this} was expired by a commit or rollback, and {place}"
        return f"{name} of {this} is not loaded, and {place}"

    def _lines(self) -> str:
        failed = self._failed
        if failed.state.was_deleted:
            return "read it before the record is deleted"
        if self._session is not None or self._place.opened:
            return self._awaited()
        return self._query() if failed.kind is Kind.QUERY else self._loaded()

    def _loaded(self) -> str:
        failed, ln = self._failed, self._ln
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

    def _awaited(self) -> str:
        """Read it through a session that must be awaited: the record's own, or one that is opened for it."""
        state, record = self._failed.state, self._expression or "record"
        listed = ", ".join(f'"{key}"' for key in keys_of(property_of(self._mapper, self._failed.name)))
        names = "" if state.expired else f", [{listed}]"
        if self._session is not None:
            found = self._names.find(self._session)
            session = f"async_object_session({record})" if found is None else found.expression
            return f"await {session}.refresh({record}{names})"
        session, opened = self._names.unused("session"), self._place.opening(is_modified=state.modified)
        return f"async with {opened} as {session}: {session}.add({record}); await {session}.refresh({record}{names})"

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
        is_awaited = self._session is not None or bool(self._place.opened)
        if self._expression is not None and self._place.is_known and not is_awaited:
            base = self._mapper.base_mapper
            as_subclass = "" if base.has_property(failed.name) else f" as a {failed.state.class_.__name__}"
            others.append(f'select it{as_subclass} with .load("{failed.name}")')
        if failed.kind is Kind.DEFERRED and failed.name in self._mapper.column_attrs:
            others.append(f"select it with .options(undefer({cls}.{failed.name}))")
        elif failed.kind is Kind.RELATIONSHIP and (is_awaited or not self._place.is_known):
            others.append(f"select it with .options(selectinload({cls}.{failed.name}))")
        others += [
            f"with {each} in place of {self._place.engine}, if it was read from there" for each in self._place.others
        ]
        is_passing = self._name is None or self._name.function
        if is_passing and self._place.engine is None and current_block() is None and not is_awaited:
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
