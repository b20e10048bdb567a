"""Which version a notebook goes on with."""

from __future__ import annotations

import datetime as dt

import pytest

from ln_jupyter.tracking import versions
from ln_jupyter.tracking.versions import Version


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 1, number, tzinfo=dt.UTC)


DRAFT = Version("1", day(1))
PUBLISHED = Version("1", day(1), day(2), "a")
FOLLOWING = Version("2", day(3))
BESIDE = Version("1.2", day(2), day(2), "b")


@pytest.mark.parametrize(
    ("stated", "known", "source", "expected"),
    [
        ("1", [], "a", "1"),
        (None, [], "a", "1"),
        ("3", [DRAFT], "a", "3"),
        ("1", [DRAFT], "b", "1"),
        ("1", [PUBLISHED], "a", "1"),
        ("1", [PUBLISHED], "b", "2"),
        ("1", [PUBLISHED], None, "1"),
        ("1", [PUBLISHED, FOLLOWING], "b", "2"),
        ("1", [PUBLISHED, FOLLOWING], "a", "1"),
        ("2", [PUBLISHED, FOLLOWING], "a", "2"),
        ("1", [PUBLISHED, Version("2", day(3), day(4), "b")], "b", "2"),
        ("1", [PUBLISHED, Version("2", day(3), day(4), "b")], "c", "3"),
        ("1", [DRAFT, BESIDE], "b", "1.2"),
        ("1", [DRAFT, BESIDE], "c", "1.3"),
        (None, [DRAFT, BESIDE], "b", "1.2"),
    ],
)
def test_a_version_lasts_while_its_source_does(
    stated: str | None, known: list[Version], source: str | None, expected: str
) -> None:
    """A published version goes on with the same source; another source is the next draft, whatever the file states."""
    assert expected == versions.choose(stated, known, source)


def test_the_version_after_another() -> None:
    """The last number counts on; a version without one gets one."""
    assert ["2", "1.10", "v2", "final.1"] == [versions.following(v) for v in ("1", "1.9", "v1", "final")]


@pytest.mark.parametrize(
    ("v", "known", "expected"),
    [
        ("1", [], None),
        ("11", ["9", "10"], "10"),
        ("12", ["11", "10", "9"], "11"),
        ("1.10", ["1.9", "2"], "1.9"),
        ("final.1", ["final", "z"], "final"),
        ("2026", ["9", "10"], "10"),
        ("2026", ["10", "9"], "9"),
        ("v10", ["v09", "v9", "w"], "v9"),
    ],
)
def test_the_version_before_another(v: str, known: list[str], expected: str | None) -> None:
    """A version is made from the one that it follows, else from the newest by time: names have no order."""
    made = [Version(each, day(number)) for number, each in enumerate(known, 1)]

    found = versions.before(v, made)

    assert expected == (None if found is None else found.v)
