"""The user's own names of objects: what to write, in the notebook or where an error arose, to get them."""

from __future__ import annotations

import keyword
import sys
import traceback
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any

from IPython.core.displayhook import DisplayHook
from sqlalchemy.orm.collections import InstrumentedList

from ln_jupyter import callsite
from ln_jupyter.orm.inspect import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from IPython.core.interactiveshell import InteractiveShell

# Bounds of the search: elements of one container, elements in all, and how deep they lie.
_WIDTH, _TOTAL, _DEPTH = 1_000, 20_000, 3

_HISTORY = {"In", "Out"}  # IPython's own


@dataclass(frozen=True, slots=True)
class Name:
    """What to write to get an object.

    Attributes:
        expression: Such as ``run`` or ``runs[3]``.
        function: The function whose variables it needs; empty for the notebook.
        is_assignable: Whether something else may be put in the place of the object.
    """

    expression: str
    function: str = ""
    is_assignable: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Scope:
    variables: Mapping[str, Any]
    function: str = ""


def variable_of(wanted: object, namespace: Mapping[str, Any]) -> str | None:
    """Find the notebook's variable that holds an object; it is compared by identity."""
    return next(iter(_visible({name: each for name, each in list(namespace.items()) if each is wanted})), None)


def variables_of_type(namespace: Mapping[str, Any], kind: type) -> list[tuple[str, Any]]:
    """List the notebook's variables that hold an instance of *kind*, with it."""
    # isinstance() would ask the value for its class
    return [(name, value) for name, value in _visible(namespace).items() if issubclass(type(value), kind)]


def class_in(variables: Mapping[str, Any], wanted: type) -> str | None:
    """Find the name of a class: a variable, or an attribute of a module."""
    visible = _visible(variables)
    for name, value in visible.items():
        if value is wanted:
            return name
    for name, value in visible.items():
        if issubclass(type(value), ModuleType) and vars(value).get(wanted.__name__) is wanted:
            return f"{name}.{wanted.__name__}"
    return None


def unused(name: str, variables: Mapping[str, Any]) -> str:
    """Return a name for a new variable that is none of these yet."""
    while name in variables:
        name += "_"
    return name


def last_value(shell: InteractiveShell) -> str | None:
    """Say how the value that is being shown can be written afterwards, if it is the last of its cell and stays to be had.

    IPython calls it ``_``, unless the user gave that name to something else.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code is not DisplayHook.compute_format_data.__code__:
        frame = frame.f_back
    hook: Any = shell.displayhook
    if frame is None or not hook.cache_size:
        return None
    if all(getattr(hook, each) is shell.user_ns.get(each) for each in ("_", "__", "___")):
        return "_"
    return f"_{hook.prompt_count}" if hook.do_full_cache else None


class Names:
    """What the user can write where an error is shown, and where it arose.

    Objects are compared by identity, and no code of theirs is run.

    Args:
        error: What is about to be shown.
        namespace: The notebook's variables.
    """

    def __init__(self, error: BaseException, namespace: Mapping[str, Any]) -> None:
        frames = _frames(error)
        used = {name for frame in frames for name in frame.f_code.co_names}
        self._notebook = _visible(namespace, first=used)
        self._scopes = [_Scope(self._notebook)]
        for frame in frames:
            is_module = frame.f_locals is frame.f_globals
            name = frame.f_code.co_name
            if is_module and frame.f_globals is not namespace:
                self._scopes.append(_Scope(_visible(frame.f_globals, first=used)))
            elif not is_module and not name.startswith(("<", "__", "_repr_")):
                self._scopes.append(_Scope(_visible(frame.f_locals), function=name))

    def find(self, wanted: object) -> Name | None:
        """Find the name of an object: a variable, else an element or a loaded relationship of one.

        Variables of the notebook come first, because they can be written anywhere, and those on
        the failing line first among them.
        """
        for scope in self._scopes:
            for name, value in scope.variables.items():
                if value is wanted:
                    return Name(name, scope.function)
        return next(filter(None, (_inside(scope, wanted) for scope in self._scopes)), None)

    def of_class(self, wanted: type) -> str | None:
        """Find the name of a class: a variable, or an attribute of a module."""
        return next(filter(None, (class_in(scope.variables, wanted) for scope in self._scopes)), None)

    def has(self, name: str) -> bool:
        """Return whether a variable has this name."""
        return any(name in scope.variables for scope in self._scopes)

    def of_type(self, kind: type) -> list[tuple[str, Any]]:
        """List the variables that hold an instance of *kind*, with it."""
        return [
            (name, value)
            for scope in self._scopes
            for name, value in scope.variables.items()
            if issubclass(type(value), kind)  # isinstance() would ask the value for its class
        ]

    def unused(self, name: str) -> str:
        """Return a name for a new variable that is none of the notebook's yet."""
        return unused(name, self._notebook)


def _frames(error: BaseException) -> list[Any]:
    """List the frames of the user's code, the innermost first, of the file in which the error arose."""
    line = callsite.innermost(error.__traceback__)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return [frame for frame in reversed(frames) if line is not None and frame.f_code.co_filename == line.file]


def _visible(variables: Mapping[str, Any], *, first: set[str] | None = None) -> dict[str, Any]:
    """Choose the variables a user would write, in the order in which to try them."""
    names = [n for n in list(variables) if n.isidentifier() and not n.startswith("_") and not keyword.iskeyword(n)]
    names.sort(key=lambda name: (name in _HISTORY, first is not None and name not in first))
    return {name: variables[name] for name in names}


def _inside(scope: _Scope, wanted: object) -> Name | None:
    left = _TOTAL
    level = list(scope.variables.items())
    for _ in range(_DEPTH):
        below = []
        for expression, value in level:
            for part, each in islice(_parts(value), min(_WIDTH, left)):
                left -= 1
                if each is wanted:
                    return Name(f"{expression}{part}", scope.function, is_assignable=type(value) in (list, dict))
                below.append((f"{expression}{part}", each))
        level = below
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """List what can be written after a value, and what that gives, without running code of its class."""
    kind = type(value)
    if kind in (list, tuple, InstrumentedList):
        yield from ((f"[{number}]", each) for number, each in enumerate(value))
    elif kind is dict:
        yield from ((f"[{key!r}]", each) for key, each in value.items() if type(key) in (str, int))
    elif (state := record.state_of(value)) is not None:
        held = state.dict
        yield from ((f".{each.key}", held[each.key]) for each in state.manager.mapper.relationships if each.key in held)
