"""A run and a notebook lead with what somebody looks for, and say nothing that stops being true."""

from __future__ import annotations

import datetime as dt
import enum
import math
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import schema as lns
from ln_jupyter.display import html, table, text
from ln_jupyter.display.options import Options
from ln_jupyter.display.registry import cards, runs
from ln_jupyter.orm import users
from ln_jupyter.schema.types import utcnow
from tests.display.html_reader import Reader
from tests.display.registry.conftest import BEGAN, run
from tests.display.test_html import filled_run


def shown(obj: object, **options: Any) -> list[str]:
    return text.render(cards.view(obj, options=Options(**options))).splitlines()


def test_a_run_that_failed() -> None:
    """State and reason come first, then what it is of, then who, when and how long; what is empty is left out."""
    made = run(
        notebook=lns.Notebook(id="TfJkHoVJ9f5H", v="2", title="Train growth model"),
        created_by=lns.User(id="Us3rAnn0", handle="ann"),
        tagged=[lns.RunTag(tag="final"), lns.RunTag(tag="paper")],
        results={"mae": 0.21, "model": "ridge"},
    )

    assert [
        "✗ failed at cell 4: TypeError: unsupported operand",
        "Run Kd81mT · Train growth model · train.ipynb, version 2 · session closed",
        "by ann on wren · 27 Nov 2026 14:09 · busy 8.4 s of 31 s",
        "  parameters  alpha 0.2, folds 5",
        "  results     mae 0.21, model ridge",
        "  tags        final, paper",
        "  notebook    ● loaded · Notebook TfJkHoVJ9f5H, 2 · Train growth model · unsaved",
    ] == shown(made)[:7]


@pytest.mark.parametrize(
    ("changed", "line", "tone"),
    [
        ({"outcome": "ok", "reason": None}, "✓ finished", None),
        ({"outcome": "ok", "reason": "cell 4: ValueError (errors were allowed)"}, "✓ finished at cell 4: ", None),
        ({"outcome": "interrupted", "reason": "cell 5: KeyboardInterrupt"}, "■ interrupted in cell 5", "wait"),
        ({"finished_at": None, "outcome": None, "reason": None}, "? lost, last heard 27 Nov 2026 14:09", "wait"),
        ({"finished_at": None, "outcome": None, "started_at": None, "heard_at": None}, "Run Kd81mT", None),
    ],
    ids=["finished", "errors were allowed", "interrupted", "lost", "without events"],
)
def test_states(changed: dict[str, Any], line: str, tone: str | None) -> None:
    """Each state is a shape and a word, and a colour where something is wrong."""
    made = run(**changed)

    assert shown(made)[0].startswith(line)
    word = " ".join(line.split()[:2]).rstrip(",")
    expected = f'<span class="{tone}">{word}</span>' if tone else word
    assert expected in html.render(cards.view(made))


def test_a_run_that_goes_on_says_when_that_was_seen() -> None:
    """A notebook is saved and sent: that a run goes on is told with the moment, and how long it took is not."""
    made = run(finished_at=None, outcome=None, reason=None, heard_at=utcnow())

    first, _, third, *_ = shown(made)

    assert first.startswith("► running at ")
    assert third == "on wren · 27 Nov 2026 14:09"


def test_state_that_is_not_in_memory_is_not_told() -> None:
    """Of a run whose events were expired nothing is said that would have to be read, and nothing is read."""
    made = run()
    expired = sa.inspect(made)
    expired._expire_attributes(made.__dict__, ["finished_at"])

    assert shown(made)[0].startswith("Run Kd81mT · train.ipynb")


def test_who_made_it_is_told_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's handle is told of a loaded user, and of the one as whom this process writes."""
    monkeypatch.setitem(users._handles, "Us3rAnn0", "ann")

    assert "by ann on wren · 27 Nov" in shown(run(created_by_id="Us3rAnn0"))[2]
    assert shown(run(created_by_id="Us3rBob0"))[2].startswith("on wren · 27 Nov")


def test_what_is_not_loaded_is_folded_into_one_line() -> None:
    """Relationships take one row for each state, with their count where they are folded, and what to type."""
    made = run(notebook=lns.Notebook(id="TfJkHoVJ9f5H", v="2"), created_by_id="Us3rBob0")
    names = "pipeline, inputs, outputs, environment, source, cells, parent, continues, repeats, tagged, texts, files"

    markup = html.render(cards.view(made, options=Options(variable="run")))

    assert f"⊘ session closed</span> · {names}, created_by" in markup
    loaded, closed = '<span class="good">●</span>', '<span class="wait">⊘</span>'
    summary = f"{loaded} 1 relationship loaded, {closed} 13 not loaded · session closed"
    assert f"<summary>{summary}</summary>" in markup
    assert "ln.load(run, &quot;created_by&quot;, &quot;cells&quot;)" in markup


def test_files() -> None:
    """What a run read and wrote is named as it is seen from its notebook's folder, where that is loaded; a name is text."""
    paths = [
        "/lab/growth/clean.csv",
        "/data/<raw>\u202e.csv",
        *(f"/lab/growth/part{number}.csv" for number in range(20)),
    ]
    files = [lns.RunFile(position=n, role="input", kind="file", path=path, via="open") for n, path in enumerate(paths)]
    files.append(lns.RunFile(position=99, role="output", kind="file", path="/lab/params.toml", via="open"))
    made = run(files=files, path="/lab/growth/train.ipynb")

    rows = {row.name: row.value for row in cards.view(made).rows}

    assert rows["read"].startswith("clean.csv, /data/<raw>")
    assert rows["read"].endswith("part9.csv, … 10 more")
    assert "../params.toml" == rows["wrote"]
    markup = html.render(cards.view(made))
    assert "&lt;raw&gt;" in markup
    assert "\u202e" not in markup
    assert not {"read", "wrote"} & {row.name for row in cards.view(run()).rows}


def test_columns_are_folded() -> None:
    """The other columns are folded, the whole id first; as text the others are named."""
    markup, lines = html.render(cards.view(run())), " ".join(" ".join(shown(run())).split())

    assert "<dl><dt>id</dt><dd>Kd81mTqZ2xVYc0RuW5bN</dd>" in markup
    assert 'title="Kd81mTqZ2xVYc0RuW5bN">Run Kd81mT</b>' in markup
    assert "columns id Kd81mTqZ2xVYc0RuW5bN · started_at, heard_at, finished_at, outcome, host, path," in lines
    assert "None name, external_id, last_cell_at, pid," in lines


def test_what_is_not_saved_is_not_folded(engine: sa.Engine) -> None:
    """A column that was changed stands above what is folded, and says so."""
    with orm.Session(engine) as session:
        session.add(made := lns.Run(id="r" * 20, path="a.ipynb", note="old", created_at=BEGAN))
        session.commit()
        made.path, made.note = "b.ipynb", "new"

        card = cards.view(made)

    assert [("note", "new", True), ("path", "b.ipynb", True)] == [(r.name, r.value, r.modified) for r in card.rows]


def test_a_notebook() -> None:
    """A notebook leads with its title, its file and version, and when it was published, if it was."""
    fields = dict.fromkeys(lns.Notebook.__table__.c.keys())
    fields |= {"id": "TfJkHoVJ9f5H", "v": "2", "name": "train", "title": "Train growth model", "created_at": BEGAN}
    draft, published = lns.Notebook(**fields), lns.Notebook(**fields | {"published_at": BEGAN})
    for each in (draft, published):
        orm.make_transient_to_detached(each)

    first, second, third, *_ = shown(published)

    assert "Train growth model · train · version 2 · published 27 Nov 2026 14:09" == first
    assert "Notebook TfJkHo · session closed" == second
    assert "made 27 Nov 2026 14:09" == third
    assert "Train growth model · train · version 2" == shown(draft)[0]


def test_others_are_as_any_record() -> None:
    """A record of another class of the registry is shown as the user's own are."""
    assert "User u · unsaved" == shown(lns.User(id="u", handle="ann"))[0]


@pytest.mark.parametrize("make", [run, filled_run, lns.Run, lns.Notebook], ids=["run", "full", "new", "notebook"])
def test_text_and_html_say_the_same(make: Any) -> None:
    """Above what is folded, stripped of its tags, the HTML has every word of the text, in order."""
    card = cards.view(make())._replace(folds=())

    assert text.render(card).split() == Reader(html.render(card)).words


def test_size() -> None:
    """The card of a run takes less than 4 KB, and the text no more than two dozen lines of 80 characters."""
    made = run(results={f"result_{number}": "x" * 40 for number in range(100)})
    options = Options(variable="run")

    assert len(html.render(cards.view(made, options=options)).encode()) < 4096
    full = filled_run()
    orm.make_transient_to_detached(full)
    assert len(html.render(cards.view(full, options=options)).encode()) < 5120
    lines = shown(full, variable="run")
    assert len(lines) <= 24
    assert max(map(len, lines[2:])) <= 90


HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\x1b[2J", "\u202e", "a\nb"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_value_is_markup_or_a_command(hostile: str) -> None:
    """Whatever a run, its notebook, its user, its host and what was put on it are called, nothing of it acts."""

    def card(word: str) -> Any:
        return cards.view(
            run(
                **dict.fromkeys(("id", "name", "reason", "host", "path", "note", "notebook_v"), word),
                parameters={word: word},
                results={word: word},
                notebook=lns.Notebook(id=word, v=word, title=word),
                created_by=lns.User(id=word, handle=word),
                tagged=[lns.RunTag(tag=word)],
            )
        )

    tame, reader = Reader(html.render(card("tame"))), Reader(html.render(card(hostile)))

    assert (tame.tags, len(tame.attributes)) == (reader.tags, len(reader.attributes))
    assert all(line.isprintable() for line in text.render(card(hostile)).splitlines())


def test_a_password_is_not_shown() -> None:
    """What is named like a secret is hidden among parameters and results, however deep."""
    made = run(parameters={"api_key": "hunter2", "db": {"password": "hunter2"}}, results={"token": "hunter2"})

    card = cards.view(made)

    assert "hunter2" not in text.render(card) + html.render(card)


@pytest.mark.parametrize("ends", [dt.timedelta(0), -dt.timedelta(days=1)])
def test_clock_that_was_set_back(ends: dt.timedelta) -> None:
    """A run that seems to have ended before it began has no duration."""
    made = run(busy_seconds=None, alive_seconds=None, finished_at=BEGAN + ends)

    assert ("took" in shown(made)[2]) == (ends == dt.timedelta(0))


@pytest.mark.parametrize("name", ["name", "path", "host", "reason"])
def test_no_text_is_too_long(name: str) -> None:
    """However long a name, a path or a reason is, the card is as short as any, and so is a list."""
    some = run(**{name: "x" * 1_000_000})

    assert len(html.render(cards.view(some))) < 4096
    assert len(table.render(runs.of_records([some], count=1))) < 4096


def test_tags_and_titles_are_bounded() -> None:
    """A long tag, and a long title of a notebook, take one line."""
    notebook = lns.Notebook(id="n", v="1", title="t" * 1_000_000, name="n" * 1_000_000)
    some = run(notebook=notebook, tagged=[lns.RunTag(tag="t" * 1_000_000)])

    assert len(html.render(cards.view(some))) < 4096
    assert len(html.render(cards.view(notebook))) < 4096


def test_a_name_does_not_speak_for_us() -> None:
    """A name that goes on like a card is quoted, and one that is no text yet is shown."""
    assert "Run Kd81mT · 'x · finished' · unsaved" in shown(lns.Run(id="Kd81mTqZ2xVYc0RuW5bN", name="x · finished"))
    assert "Run Kd81mT · 17 · unsaved" in shown(lns.Run(id="Kd81mTqZ2xVYc0RuW5bN", name=17))


def test_a_secret_under_any_kind_of_key() -> None:
    """A value is hidden by its key, whatever kind of text the key is."""

    class Key(enum.StrEnum):
        PASSWORD = "password"

    said = " ".join(shown(run(results={Key.PASSWORD: "hunter2", b"api_key": "hunter2"})))

    assert "hunter2" not in said
    assert said.count("••• redacted") == 2


@pytest.mark.parametrize(
    "fields", [{"started_at": "2026-01-01"}, {"busy_seconds": "long"}, {"alive_seconds": math.nan}]
)
def test_what_is_no_time_or_number_is_not_told(fields: dict[str, Any]) -> None:
    """Before a run is saved its times may be anything: then its state or duration is not told, and its card is shown."""
    made = run(**fields)

    assert any(line.startswith("Run Kd81mT") for line in shown(made))
    assert "Run" == runs.of_records([made], count=1).name


def test_a_tag_without_a_word() -> None:
    """A tag that says nothing yet has no row."""
    assert not any(line.startswith("  tags ") for line in shown(lns.Run(tagged=[lns.RunTag()])))
