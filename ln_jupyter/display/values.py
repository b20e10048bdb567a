"""Any value as one short line, whatever it is and however large."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import logging
import re
import uuid
from typing import TYPE_CHECKING, Any

from ln_jupyter import redaction, sanitize
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.orm.inspect.record import state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy.orm import InstanceState

    from ln_jupyter.display.options import Options

_log = logging.getLogger(__name__)

_DEEPEST = 3
_LARGEST_INT = 256  # bits; Python itself refuses to write more than 4,300 digits
_LARGEST_DECIMAL = 400  # bytes of the object, which hold some 700 digits
_HEAD = 12  # bytes
_LONGEST_TYPE = 20
# Text that looks like another value, like nothing, or like our own words for one.
_MISTAKEN = re.compile(
    r"""$|\s|[-+.]?[0-9][-+0-9.,:eEjxT_ ]*(?:Z|UTC)?$|(?:None|True|False|not\ set|(?:frozen)?set\(\))$
    |(?i:[-+]?(?:inf(?:inity)?|s?nan[0-9]*)$)|-?[0-9]+\ days?,\ |[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$
    |b?['"]|[<{(\[•…∅●◐○◌⊘⊗⇉ƒ]|[-=]\ |.*(?:\ ·\ |…\ [0-9,]+\ characters$)""",
    re.VERBOSE,
)
_TYPE_ONLY = {"geoalchemy2", "shapely"}  # their repr() writes the whole geometry


def short(value: object, *, options: Options = DEFAULT) -> str:
    """Write a value as one line of about ``options.length`` characters.

    It takes the same time for any size. Built-in types are written without their own methods,
    so that no subclass interferes; a mapped record is named by its key; only what is left is
    asked for its ``repr()``, which may fail.

    Example:
        >>> import datetime as dt
        >>> short({"at": dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.UTC), "api_key": "sk-1", "raw": b"abc"})
        "{'at': 2026-01-02 03:04:05 UTC, 'api_key': ••• redacted, 'raw': b'abc'}"
        >>> print(short("x" * 10_000_000, options=dataclasses.replace(DEFAULT, length=10)))
        'xxxxxxxxxx'… 10,000,000 characters
    """
    return sanitize.plain(_write(value, options, 0))


def key(parts: Mapping[str, Any], *, options: Options = DEFAULT) -> str:
    """Write a primary or foreign key, given by the names of its columns.

    Example:
        >>> key({"id": 7}), key({"id": "Rx2s", "v": "1"}), key({"token": "s3cret"})
        ('7', "('Rx2s', '1')", '••• redacted')
    """
    written = [sanitize.plain(_named(name, value, options, 0)) for name, value in parts.items()]
    return ", ".join(written) if len(written) <= 1 else f"({', '.join(written)})"


def bare(value: object, *, options: Options = DEFAULT) -> str:
    """Write a value as `short` does, but text without quotes, unless it would be taken for something else.

    Example:
        >>> bare("s0-16"), bare("17"), bare("None"), bare(""), bare(" x"), bare(17), bare("100 mL")
        ('s0-16', "'17'", "'None'", "''", "' x'", '17', '100 mL')
    """
    if type(value) is not str:
        return short(value, options=options)
    head, size = value[: options.length], len(value)
    if not head.isprintable() or value[-1:].isspace() or _MISTAKEN.match(head) is not None:
        return short(value, options=options)
    return sanitize.plain(head if size <= options.length else f"{head}… {size:,} characters")


def in_column(value: str, *, options: Options = DEFAULT) -> str:
    """Write text as it stands in a column: in one line, without quotes."""
    text = " ".join(value[: options.length + 1].split())
    return sanitize.plain(text if len(value) <= options.length else f"{text[: options.length - 1]}…")


def bare_key(parts: Mapping[str, Any], *, options: Options = DEFAULT) -> str:
    """Write a primary or foreign key as people read it.

    Example:
        >>> bare_key({"id": 7}), bare_key({"id": "Rx2s", "v": "1"}), bare_key({"token": "s3cret"})
        ('7', 'Rx2s, 1', '••• redacted')
    """
    return ", ".join(
        redaction.HIDDEN if redaction.is_secret(name, names=options.secret_names) else _bare_part(value, options)
        for name, value in parts.items()
    )


def _bare_part(value: object, options: Options) -> str:
    """Leave the quotes away also where the text is a number: beside a class's name it is taken for what it is."""
    if type(value) is str and value and value.isprintable() and len(value) <= options.length:
        return sanitize.plain(value)
    return short(value, options=options)


def primary_key(state: InstanceState[Any]) -> dict[str, Any]:
    """Return a record's primary key by the names of its columns: the saved one, else the one it was given, else none."""
    mapper = state.manager.mapper
    names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    given = state.identity or [state.dict.get(name) for name in names]
    if state.identity is None and any(part is None for part in given):
        return {}
    return dict(zip(names, given, strict=True))


def _write(value: Any, options: Options, depth: int) -> str:
    try:
        return _writer_of(value)(value, options, depth)
    except Exception as error:  # noqa: BLE001 - code of the value's class, which must not hide the record
        _log.debug("cannot show a %s", type(value).__name__, exc_info=True)
        return f"<{type(value).__name__}: showing it raised {type(error).__name__}>"


def _writer_of(value: object) -> Callable[[Any, Options, int], str]:
    kind = type(value)
    if kind in _WRITERS:
        return _WRITERS[kind]
    if state_of(value) is not None:
        return _record
    if issubclass(kind, enum.Enum):
        return _enum
    return next((_WRITERS[base] for base in kind.__mro__ if base in _WRITERS), _foreign)


def _plainly(value: object, _options: Options, _depth: int) -> str:
    return repr(value)


def _int(value: int, _options: Options, _depth: int) -> str:
    bits = int.bit_length(value)
    return int.__repr__(value) if bits <= _LARGEST_INT else f"<int of {bits:,} bits>"


def _float(value: float, _options: Options, _depth: int) -> str:
    return float.__repr__(value)


def _decimal(value: decimal.Decimal, _options: Options, _depth: int) -> str:
    size = decimal.Decimal.__sizeof__(value)
    return decimal.Decimal.__str__(value) if size <= _LARGEST_DECIMAL else f"<Decimal of {size:,} bytes>"


def _str(value: str, options: Options, depth: int) -> str:
    if type(value).__repr__ is not str.__repr__:  # it may be there to hide the value
        return _foreign(value, options, depth)
    size = str.__len__(value)
    if size <= options.length:
        return str.__repr__(value)
    return f"{str.__getitem__(value, slice(options.length))!r}… {size:,} characters"


def _bytes(value: bytes | bytearray | memoryview, _options: Options, _depth: int) -> str:
    view = memoryview(value)
    size = view.nbytes
    head = bytes(view[:_HEAD])
    return repr(head) if size <= _HEAD else f"{head!r}… {size:,} bytes"


def _enum(value: enum.Enum, _options: Options, _depth: int) -> str:
    name = vars(value).get("_name_")
    return f"{type(value).__name__}.{name}" if name else f"{type(value).__name__}({value._value_!r})"


def _datetime(value: dt.datetime, _options: Options, _depth: int) -> str:
    text = value.isoformat(" ", "seconds")
    return f"{text.removesuffix('+00:00')} UTC" if text.endswith("+00:00") else text


def _readable(value: object, _options: Options, _depth: int) -> str:
    return str(value)


def _dict(value: dict[Any, Any], options: Options, depth: int) -> str:
    def pairs() -> Iterator[str]:
        for name, each in dict.items(value):
            yield f"{_write(name, options, depth + 1)}: {_named(name, each, options, depth)}"

    return _enclosed(("{", "}"), pairs(), dict.__len__(value), options, depth)


def _named(name: object, value: object, options: Options, depth: int) -> str:
    return redaction.HIDDEN if names_secret(name, options) else _write(value, options, depth + 1)


def names_secret(name: object, options: Options) -> bool:
    """Tell whether what stands under a key is a secret, also under a subclass of text, bytes or a member of an enum.

    Example:
        >>> [names_secret(name, DEFAULT) for name in ("api_key", b"password", 7, ("password",))]
        [True, True, False, False]
    """
    kind = type(name)
    if issubclass(kind, bytes):
        name, kind = bytes.decode(name, errors="replace"), str  # type: ignore[arg-type]  # issubclass does not narrow
    words = [str.__str__(name)] if issubclass(kind, str) else []
    if issubclass(kind, enum.Enum):
        words.append(str(vars(name).get("_name_")))
    return any(redaction.is_secret(each, names=options.secret_names) for each in words)


def _list(value: list[Any], options: Options, depth: int) -> str:
    parts = (_write(each, options, depth + 1) for each in list.__iter__(value))
    return _enclosed(("[", "]"), parts, list.__len__(value), options, depth)


def _tuple(value: tuple[Any, ...], options: Options, depth: int) -> str:
    size, names = tuple.__len__(value), getattr(type(value), "_fields", None)  # of a named one
    if type(names) is not tuple or len(names) != size:
        names = (None,) * size
    parts = (_named(name, each, options, depth) for name, each in zip(names, tuple.__iter__(value), strict=True))
    return _enclosed(("(", ",)" if size == 1 else ")"), parts, size, options, depth)


def _set(value: set[Any] | frozenset[Any], options: Options, depth: int) -> str:
    kind = set if issubclass(type(value), set) else frozenset
    size = kind.__len__(value)  # type: ignore[arg-type]  # issubclass does not narrow
    parts = (_write(each, options, depth + 1) for each in kind.__iter__(value))  # type: ignore[arg-type]
    return _enclosed(("{", "}"), parts, size, options, depth) if size else f"{kind.__name__}()"


def _enclosed(brackets: tuple[str, str], parts: Iterator[str], size: int, options: Options, depth: int) -> str:
    """Take as many parts as have room; the others are not even written."""
    opening, closing = brackets
    if depth >= _DEEPEST and size:
        return f"{opening}…{closing[-1]}"
    shown: list[str] = []
    room = options.length
    for part in parts:
        room -= len(part) + 2
        if shown and room < 0:
            break
        shown.append(part)
    if len(shown) < size:
        shown.append(f"… {size - len(shown):,} more")
    return f"{opening}{', '.join(shown)}{closing}"


def _record(value: object, options: Options, _depth: int) -> str:
    state = state_of(value)
    written = key(primary_key(state), options=options) if state is not None else ""
    return f"<{f'{type(value).__name__} {written}'.rstrip()}>"


def _foreign(value: Any, options: Options, depth: int) -> str:
    kind = type(value)
    if kind.__module__.partition(".")[0] in _TYPE_ONLY or kind.__repr__ is object.__repr__:  # type: ignore[comparison-overlap]
        return f"<{kind.__name__}>"
    if hasattr(kind, "shape"):
        return _array(value)
    if hasattr(kind, "__dataclass_fields__") and hasattr(kind.__repr__, "__wrapped__"):  # its repr() was generated
        return _dataclass(value, options, depth)
    return _cut(repr(value), options)


def _dataclass(value: Any, options: Options, depth: int) -> str:
    fields = [each.name for each in dataclasses.fields(value) if each.repr]
    parts = (f"{name}={_named(name, getattr(value, name), options, depth)}" for name in fields)
    return type(value).__name__ + _enclosed(("(", ")"), parts, len(fields), options, depth)


def _array(value: Any) -> str:
    """Name an array, a tensor or a frame by its shape, for which none of its data is read."""
    kind, shape = type(value).__name__, tuple(value.shape)
    if not shape:
        return str(value)[:_LONGEST_TYPE]
    dtype = f" {value.dtype}"[:_LONGEST_TYPE] if hasattr(type(value), "dtype") else ""
    sizes = (f"{size:,}" if isinstance(size, int) else "?" for size in shape)
    return f"<{kind}{dtype} {' x '.join(sizes)}>"


def _cut(text: str, options: Options) -> str:
    head = str.__getitem__(text, slice(4 * options.length))
    if options.secret_names:  # else the model has said that it holds none
        head = redaction.without_secrets(head)
    head = " ".join(head.split())
    whole = len(head) <= options.length and str.__len__(text) <= 4 * options.length
    return head if whole else f"{head[: options.length]}…"


_WRITERS: dict[type, Callable[[Any, Options, int], str]] = {
    type(None): _plainly,
    bool: _plainly,
    int: _int,
    float: _float,
    decimal.Decimal: _decimal,
    str: _str,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    dt.datetime: _datetime,
    dt.date: _readable,
    dt.time: _readable,
    dt.timedelta: _readable,
    uuid.UUID: _readable,
    dict: _dict,
    list: _list,
    tuple: _tuple,
    set: _set,
    frozenset: _set,
}
