import dataclasses
import datetime as dt
import decimal
import enum
import ipaddress
import logging
import types
import uuid
from collections import namedtuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from ln_jupyter import schema as lns
from ln_jupyter.display import values
from ln_jupyter.display.options import DEFAULT, Options
from ln_jupyter.display.values import bare, short

Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - what users have


class Colour(enum.Enum):
    """Is named."""

    RED = 1


class Level(enum.StrEnum):
    """Is a string too."""

    HIGH = "high"


class Access(enum.Flag):
    """Has values without a name."""

    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Point:
    """Has a secret, and a field that its repr leaves out."""

    x: int
    password: str
    raw: str = dataclasses.field(default="hidden", repr=False)


class Plain:
    """Has no repr of its own."""


class Hostile:
    """Everything that can be asked of it raises."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def _raise(self, *_):
        raise RuntimeError

    __repr__ = __str__ = __len__ = __bool__ = __eq__ = __hash__ = __iter__ = _raise


class Wide:
    """Says too much."""

    def __repr__(self):
        return "wide\n " * 1_000_000


class Discreet(str):
    """Hides what it holds."""

    __slots__ = ()

    def __repr__(self):
        return "Discreet('***')"


class HostileList(list):
    """Has methods that raise."""

    def _raise(self, *_):
        raise RuntimeError

    __repr__ = __len__ = __iter__ = __bool__ = _raise


class HostileDict(dict):
    """Has methods that raise."""

    def _raise(self, *_):
        raise RuntimeError

    __repr__ = __len__ = __iter__ = __bool__ = items = _raise


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (True, "True"),
        (7, "7"),
        (0.1, "0.1"),
        (float("nan"), "nan"),
        ("it's", '"it\'s"'),
        ("a\nb\x1b\u202e", r"'a\nb\x1b\u202e'"),
        ("\udce9", r"'\udce9'"),
        (b"abc", "b'abc'"),
        (bytearray(b"abc"), "b'abc'"),
        (memoryview(b"abc"), "b'abc'"),
        (decimal.Decimal("1.50"), "1.50"),
        (dt.datetime.fromisoformat("2026-01-02T03:04:05.678"), "2026-01-02 03:04:05"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.UTC), "2026-01-02 03:04:05 UTC"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=ZoneInfo("Asia/Tokyo")), "2026-01-02 03:04:05+09:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.time(3, 4), "03:04:00"),
        (dt.timedelta(hours=1, milliseconds=5), "1:00:00.005000"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "Colour.RED"),
        (Level.HIGH, "Level.HIGH"),
        (Access.READ | Access.WRITE, "Access.READ|WRITE"),
        (Access(0), "Access(0)"),
        ({"a": 1, "b": [1, (2,), {3}]}, "{'a': 1, 'b': [1, (2,), {3}]}"),
        ([], "[]"),
        (set(), "set()"),
        (frozenset(), "frozenset()"),
        ((), "()"),
        (Pair(1, "b"), "(1, 'b')"),
        (Plain(), "<Plain>"),
        (Point(1, "hunter2"), "Point(x=1, password=••• redacted)"),
        (ipaddress.ip_address("10.0.0.1"), "IPv4Address('10.0.0.1')"),
        (Discreet("secret"), "Discreet('***')"),
        (np.float64(1.5), "1.5"),
        (np.int64(3), "3"),
        (np.zeros((1000, 3)), "<ndarray float64 1,000 x 3>"),
        (pd.DataFrame({"a": range(7)}), "<DataFrame 7 x 1>"),
        (pd.Series(range(7)), "<Series int64 7>"),
        (pd.Timestamp("2026-01-02 03:04:05.678"), "2026-01-02 03:04:05"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_value(value, expected):
    """A value is written as short as it can be and still be told from others."""
    assert expected == short(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x" * 10_000_000, "'xxxxxxxxxx'… 10,000,000 characters"),
        (bytes(50_000_000), f"{bytes(12)!r}… 50,000,000 bytes"),
        (list(range(100_000)), "[0, 1, 2, … 99,997 more]"),
        (dict.fromkeys(range(100_000)), "{0: None, … 99,999 more}"),
        (set(range(100_000)), "{0, 1, 2, … 99,997 more}"),
        ([["x" * 1000] * 1000] * 1000, "[['xxxxxxxxxx'… 1,000 characters, … 999 more], … 999 more]"),
        (1 << 1_000_000, "<int of 1,000,001 bits>"),
        (decimal.Decimal("1" * 100_000), f"<Decimal of {decimal.Decimal('1' * 100_000).__sizeof__():,} bytes>"),
        (Wide(), "wide wide …"),
    ],
    ids=["str", "bytes", "list", "dict", "set", "nested", "int", "Decimal", "repr"],
)
def test_large_value(value, expected):
    """Of a large value there is the beginning, and how large it is."""
    assert expected == short(value, options=Options(length=10))


@pytest.mark.parametrize("value", ["x" * 10_000_000, bytes(50_000_000), [[0] * 1000] * 1000, {"k": ["x" * 10_000]}])
def test_size_is_bounded(value):
    """A value's line has about the length that was asked for, whatever the value's size."""
    assert len(short(value)) < 3 * Options().length


def test_cycle():
    """A value that contains itself is written to a depth."""
    value = {"a": 1}
    value["self"] = [value]

    assert "{'a': 1, 'self': [{'a': 1, 'self': […]}]}" == short(value)


def test_bad_value_is_named(caplog):
    """A value that cannot be shown is named by its type, in a container too, and one line is logged for it."""
    caplog.set_level(logging.DEBUG, logger="ln_jupyter")

    text = short([1, Hostile()])

    assert "[1, <Hostile: showing it raised RuntimeError>]" == text
    assert ["cannot show a Hostile"] == [each.getMessage() for each in caplog.records]


def test_subclasses_do_not_interfere():
    """A container is read as its built-in type is, whatever a subclass has made of it."""
    assert "[1, {'a': 1}]" == short(HostileList([1, HostileDict(a=1)]))


def test_nested_secrets():
    """What is a secret by its key in a dictionary is not shown; nor are values of every column of that name."""
    assert "{'user': 'ann', 'api_key': ••• redacted, 7: [{'token': ••• redacted}]}" == short(
        {"user": "ann", "api_key": "sk-1", 7: [{"token": "t"}]}
    )


def test_secrets_under_any_kind_of_key():
    """What is a secret by its key is not shown, whatever kind of text that is, nor by the name of a field."""

    class Key(enum.StrEnum):
        PASSWORD = "password"

    class Name(enum.Enum):
        TOKEN = 1

    login = namedtuple("Login", "user password")("ann", "hunter2")  # noqa: PYI024 - what users have
    settings = types.SimpleNamespace(password="hunter2")

    for hidden in ({Key.PASSWORD: "hunter2"}, {Name.TOKEN: "hunter2"}, {b"password": "hunter2"}, login):
        assert "hunter2" not in short(hidden)
        assert "••• redacted" in short(hidden)
    assert "namespace(password='***')" == short(settings)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (decimal.Decimal("NaN"), "NaN"),
        (decimal.Decimal("-Infinity"), "-Infinity"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2026-01-02 03:04:05 UTC"),
        (dt.timedelta(days=-1, hours=2), "-1 day, 2:00:00"),
        (uuid.UUID(int=10), "00000000-0000-0000-0000-00000000000a"),
        (set(), "set()"),
        ("x" * 1000, f"{'x' * 80}… 1,000 characters"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_text_is_told_from_other_values(value, text):
    """Text that reads as another value has quotes, and that value has none."""
    assert text == bare(value)
    assert f"'{text}'" == bare(text, options=dataclasses.replace(DEFAULT, length=200))


@pytest.mark.parametrize("text", ["x · modified, not saved", "- not set", "= another name of id"])
def test_text_is_told_from_our_own_words(text):
    """Text that reads as what a card says of an attribute has quotes."""
    assert repr(text) == bare(text)


def test_records_are_named():
    """A record inside a value is named by its class and key, and not asked for its repr."""
    assert "[<File 'Kq2x'>, <User>]" == short([lns.File(id="Kq2x"), lns.User(id=None)])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, ""),
        ({"id": 7}, "7"),
        ({"id": "Rx2s", "v": "1"}, "('Rx2s', '1')"),
        ({"id": 7, "token": "s3cret"}, "(7, ••• redacted)"),
    ],
)
def test_key(parts, expected):
    """A key is written as it is typed, but for secrets in it."""
    assert expected == values.key(parts)
