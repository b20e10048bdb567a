"""Hear of the files that libraries open past Python: the functions of `libraries` tell it before they do as ever.

What calls a function cannot tell that it is wrapped: the arguments, the result and the error with its traceback are its
own, it has its signature, and it is pickled by its name. It is called from a frame that looks like its caller's: warnings
name the line that was written, and DuckDB finds the data frames there.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ln_jupyter.files.access import READ, UPDATE, WRITE
from ln_jupyter.files.fence import Fence
from ln_jupyter.files.wrapping import imports
from ln_jupyter.files.wrapping.libraries import LIBRARIES, Library, Point
from ln_jupyter.files.wrapping.sql_paths import files_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import CodeType, FrameType, ModuleType, TracebackType

    from ln_jupyter.files.access import Note

LONGEST = 4096
"""Characters of a path: longer texts are contents."""

MOST = 10_000
"""Paths of one call."""

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*(?:::[a-zA-Z][a-zA-Z0-9+.-]*)*://")
_IN_MEMORY = re.compile(r":\w*:|$|md:|motherduck:")
_LOCAL = frozenset({"file", "local", "zip", "tar", "libarchive", "blockcache", "filecache", "simplecache"})
"""File systems whose files Python's own `open` opens in the end, or another file system does."""

_CALL: Final = "what is called"  # no variable has such a name
_FRAME: Final = compile("call()", "", "eval").replace(co_names=(_CALL,))


class _Wrapped(NamedTuple):
    owner: Any
    name: str
    original: Any
    wrapper: Any
    library: str


class _State:
    """Who is told, and what is wrapped now, by the id of its wrapper: one for the process."""

    note: Note | None = None
    wrapped: Final = dict[int, _Wrapped]()


class _Outermost(threading.local):
    """Of the libraries that call each other in a thread, the one that the notebook has called."""

    library: str | None = None


_OUTERMOST: Final = _Outermost()


def install(note: Note) -> None:
    """Tell *note* of each file from now on, of libraries that are imported already and of those that will be.

    Called again, it finds what was imported or reloaded unheard, such as a lazy module.
    """
    is_on = _State.note is not None
    _State.note = note
    if is_on:
        imports.catch_up()
        return
    for module in LIBRARIES:
        with Fence(module):
            imports.when_imported(module, _wrap_all)


def uninstall() -> None:
    """Put all functions back. Whoever holds one that was wrapped goes on with it, and nobody is told."""
    _State.note = None
    with Fence("an import"):
        imports.forget()
    for key in list(_State.wrapped):
        _put_back(key)


def _put_back(key: int) -> None:
    if (wrapped := _State.wrapped.pop(key, None)) is not None:
        with Fence(wrapped.library):
            if vars(wrapped.owner).get(wrapped.name) is wrapped.wrapper:
                setattr(wrapped.owner, wrapped.name, wrapped.original)


def installed() -> list[str]:
    """Return the names of the libraries whose files are heard of now."""
    return sorted({each.library for each in list(_State.wrapped.values())})


def _wrap_all(module: ModuleType) -> None:
    library = LIBRARIES[module.__name__]
    for point in library.points:
        with Fence(library.name):
            for owner, name in _places(module, point.name, library.others):
                key = _wrap(owner, name, library, point)
                if key is not None and isinstance(owner, type):
                    imports.before_reload(owner.__module__, functools.partial(_put_back, key), of=module.__name__)


def _places(module: ModuleType, pattern: str, others: tuple[str, ...]) -> Iterator[tuple[Any, str]]:
    """Yield each owner and name that a pattern stands for, where this version of the library has any."""
    class_name, _, name = pattern.rpartition(".")
    owners: Sequence[Any] = [module]
    if class_name:
        # A method is wrapped in the class that defines it: others inherit it, too.
        owners = getattr(vars(module).get(class_name), "__mro__", (object,))[:-1]
    seen = set[str]()
    for owner in owners:
        for each in sorted(vars(owner)):
            is_meant = each == name or (name.endswith("*") and each.startswith(name[:-1]) and each not in others)
            if is_meant and each not in seen:
                seen.add(each)
                yield owner, each


def _wrap(owner: Any, name: str, library: Library, point: Point) -> int | None:
    """Wrap a function if it is one and is not wrapped, and return the key of what was done."""
    original = vars(owner)[name]
    if id(original) in _State.wrapped or not callable(original) or isinstance(original, (type, staticmethod)):
        return None
    wrapper = _watched(original, library, point)
    # It is pickled by the name that it is found under. The original may have another one, and keeps it.
    if isinstance(owner, type):
        wrapper.__module__, wrapper.__qualname__ = owner.__module__, f"{owner.__qualname__}.{name}"
    else:
        wrapper.__module__, wrapper.__qualname__ = owner.__name__, name
    try:
        setattr(owner, name, wrapper)
    except TypeError:  # a class of C that takes no other method, in this version
        return None
    _State.wrapped[id(wrapper)] = _Wrapped(owner, name, original, wrapper, library.name)
    return id(wrapper)


def _watched(_original: Callable[..., Any], _library: Library, _point: Point) -> Callable[..., Any]:
    # DuckDB before 1.1 looks for data frames among the variables of all frames: no name of ours is one of theirs.
    _fence = Fence(_library.name)

    @functools.wraps(_original)
    def watched(*_args: Any, **_kwargs: Any) -> Any:
        _code = None
        with _fence:
            if (_note := _State.note) is not None:
                for _text, _access in _files(_point, _args, _kwargs):
                    _note(_text, _access, _OUTERMOST.library or _library.name)
        with _fence:
            _frame = sys._getframe(1)
            _names, _variables = _frame.f_globals, _locals(_frame, _library)
            _variables[_CALL] = functools.partial(_original, *_args, **_kwargs)
            _code = _like(_frame)
        if _code is None:
            return _original(*_args, **_kwargs)
        _outer = _OUTERMOST.library
        try:
            _OUTERMOST.library = _outer or _library.name
            return eval(_code, _names, _variables)  # noqa: S307 - our own code
        except BaseException as _error:
            with _fence:
                _error.__traceback__ = _below(_below(_error.__traceback__))  # without our two frames
            raise
        finally:
            _OUTERMOST.library = _outer

    return watched


def _like(frame: FrameType) -> CodeType | None:
    """Return code that calls what is called, and looks like what runs in a frame."""
    if "__builtins__" not in frame.f_globals:  # else they would be put there
        return None
    seen = frame.f_code
    return _FRAME.replace(
        co_filename=seen.co_filename,
        co_firstlineno=frame.f_lineno or seen.co_firstlineno,
        co_name=seen.co_name,
        co_qualname=seen.co_qualname,
    )


def _locals(frame: FrameType, library: Library) -> dict[str, Any]:
    """Return the local variables for a library that looks for some: at the top of a cell they are the global ones."""
    if not library.finds_variables or frame.f_locals is frame.f_globals:
        return {}
    return dict(frame.f_locals)


def _below(traceback: TracebackType | None) -> TracebackType | None:
    return traceback and traceback.tb_next


def _files(point: Point, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield each file that a call names, and how it opens it."""
    given = args[1:] if "." in point.name else args
    value = _argument(given, kwargs, point.position, *point.keyword.split())
    if point.kind == "sql":
        if isinstance(value, str):
            yield from files_in(value, _argument(given, kwargs, point.position + 1, "parameters", "params") or ())
        return
    access = _access(point, given, kwargs)
    for text in _texts(value):
        if point.kind == "url" and not _URL.match(text):
            continue
        if point.kind == "database" and _IN_MEMORY.match(text):
            continue
        system = args[0] if point.kind == "remote" else kwargs.get("filesystem")
        if system is None:
            yield text, access
        elif (url := _in_system(system, text)) is not None:
            yield url, access


def _argument(given: tuple[Any, ...], kwargs: Mapping[str, Any], position: int, *names: str) -> Any:
    if position < len(given):
        return given[position]
    return next((kwargs[name] for name in names if name in kwargs), None)


def _access(point: Point, given: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    mode = _argument(given, kwargs, *point.mode) if point.mode else None
    if mode is True:  # read_only
        return READ
    if not isinstance(mode, str) or not mode:
        return point.access
    if "+" in mode or "a" in mode:
        return UPDATE
    return READ if mode[0] == "r" else WRITE


def _texts(value: object) -> Iterator[str]:
    """Yield each path: what is read once, such as an iterator, is left to whom it is for."""
    left = [value]
    for _ in range(MOST):
        if not left:
            return
        each = left.pop()
        if isinstance(each, (list, tuple, set, frozenset)):
            left += sorted(each, key=str) if isinstance(each, (set, frozenset)) else reversed(each)
        elif isinstance(each, (str, os.PathLike)):
            text = os.fsdecode(each)
            if 0 < len(text) <= LONGEST and "\n" not in text and "\0" not in text:
                yield str(text)


def _in_system(system: Any, path: str) -> str | None:
    """Return the URL of a path in a file system of fsspec or pyarrow, the path in a local one, or none."""
    kind = getattr(system, "type_name", None)
    if isinstance(kind, str):  # pyarrow's
        return path if kind in ("local", "subtree") else None if kind.startswith("py::") else f"{kind}://{path}"
    if hasattr(system, "unstrip_protocol"):
        protocol = system.protocol
        if _LOCAL.isdisjoint([protocol] if isinstance(protocol, str) else protocol):
            return str(system.unstrip_protocol(path)).replace(":///", "://", 1)  # as others write it
        return None
    return path
