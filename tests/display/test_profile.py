import dataclasses

import pytest

from ln_jupyter.callsite import Line
from ln_jupyter.display import profile as display
from ln_jupyter.display.profile import ProfileView
from ln_jupyter.orm.profile.model import Flush, LazyLoads, Profile, SlowStatement, UnreadLoad
from tests.display.html_reader import Reader

LOOP, QUERY = Line("<ipython-input-1>", 3), Line("<ipython-input-1>", 2)
PROFILE = Profile(
    statements=7,
    seconds=0.00312,
    rows_read=1110,
    rows_written=10,
    lazy_loads=(
        LazyLoads("Run.pipeline", 12, LOOP, QUERY, '.load("pipeline")'),
        LazyLoads("Run (expired)", 1, LOOP, None, None),
    ),
    unread=(UnreadLoad("Run.inputs.source", "inputs.source", QUERY),),
    lock_seconds=3.21,
    slowest=(SlowStatement("SELECT a\nFROM b", 2, 1.5), SlowStatement("SELECT 1", 1, 0.001)),
    flushes=(Flush(2, LOOP),),
)


def test_the_text():
    """It says what was sent, what was loaded one by one or for nothing, and what took long."""
    expected = """\
7 statements · 3.1 ms in the database · 1,120 rows
  12 × Run.pipeline  loaded when it was read at line 3 → .load("pipeline") on the select at line 2
  1 × Run (expired)  loaded when it was read at line 3
  flush              2 statements for what was unsaved when something was read at line 3
  Run.inputs.source  not read while the session was open → leave it out of the select at line 2
  write lock         SQLite's was held for 3.2 s: nobody else could write
  1.5 s              2 × SELECT a FROM b"""  # noqa: RUF001 - the sign that is shown

    assert expected == display.text(PROFILE)


def test_a_profile_of_nothing():
    """Where there is nothing to say, it is one line."""
    nothing = Profile(1, 0.0, 0, 1, lock_seconds=1.9)

    assert "1 statement · 0.0 ms in the database · 1 row" == display.text(nothing)
    assert "<table" not in display.to_html(nothing)


def test_an_open_session_may_still_read():
    """While the session is open, nothing is final."""
    assert "not read so far" in display.text(dataclasses.replace(PROFILE, is_final=False))


def test_text_and_html_say_the_same():
    """Stripped of its tags, the HTML has every word of the text, in order; it has no script and no ids."""
    reader = Reader(display.to_html(PROFILE))

    assert display.text(PROFILE).split() == reader.words
    assert {"div", "style", "p", "b", "table", "tbody", "tr", "th", "td"} == set(reader.tags)
    assert "id" not in {name for name, _ in reader.attributes}


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x>', "</table>", "\x1b[2J", "\u202e"])
def test_no_value_is_markup_or_a_command(hostile, tmp_path):
    """Whatever a name, a line or a statement is, it adds no tag and commands no terminal."""
    file = tmp_path / "code.py"
    file.write_text(f"x = {hostile!r} # {hostile}\n", encoding="utf-8")
    line = Line(str(file), 1)
    profile = Profile(
        1, 1.0, 1, 1, (LazyLoads(hostile, 2, line, line, hostile),), (UnreadLoad(hostile, hostile, line),), 9.0,
        (SlowStatement(hostile, 1, 1.0),), flushes=(Flush(2, line),),
    )  # fmt: skip
    tame = Reader(
        display.to_html(dataclasses.replace(PROFILE, slowest=PROFILE.slowest[:1], lazy_loads=PROFILE.lazy_loads[:1]))
    ).tags

    assert tame == Reader(display.to_html(profile)).tags
    assert not {"\x1b", "\u202e"} & set(display.text(profile) + display.to_html(profile))


def test_many_facts_are_cut():
    """A long list ends with how many more there are."""
    loads = tuple(LazyLoads(f"Run.x{n}", 1, None, None, None) for n in range(13))

    said = display.text(Profile(1, 0.0, 0, 0, loads))

    assert "x9" in said
    assert "x10" not in said
    assert said.endswith("3 more")


def test_the_view_shows_itself():
    """What users get has the facts, and shows them."""
    view = ProfileView.from_profile(PROFILE)

    assert (7, 1120, PROFILE.lazy_loads) == (view.statements, view.rows, view.lazy_loads)
    assert (display.text(PROFILE), display.to_html(PROFILE)) == (repr(view), view._repr_html_())
