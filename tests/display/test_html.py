import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import orm

from ln_jupyter import schema as lns
from ln_jupyter.display import html as pictures
from ln_jupyter.display import record, text
from ln_jupyter.display.options import Options
from tests.display.conftest import MOMENT
from tests.display.html_reader import Reader
from tests.orm.inspect import models as m
from tests.orm.inspect.scenarios import SCENARIOS, World, world_of


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    with closing(m.make_database()) as connection:
        yield connection


@pytest.fixture
def world(database: sqlite3.Connection) -> Iterator[World]:
    with world_of(database) as world:
        yield world


def shown(obj: object, **options: object) -> str:
    return pictures.render(record.view(obj, options=Options(**options)))


@pytest.mark.parametrize("name", SCENARIOS)
def test_text_and_html_say_the_same(name: str, world: World):
    """Stripped of every tag and style, the HTML is well formed and has every word of the text, in order."""
    view = record.view(SCENARIOS[name](world))

    assert text.render(view).split() == Reader(pictures.render(view)).words


def test_markup_is_semantic(run: lns.Run):
    """Each attribute is a row with a header of its own, and a collection folds, with no script, id or handler."""
    _ = run.inputs

    reader = Reader(shown(run))

    assert set(reader.tags) == {
        *("div", "style", "p", "b", "table", "tbody", "tr", "th", "td", "span", "details", "summary", "ul", "li")
    }
    assert reader.tags.count("tr") == reader.attributes.count(("scope", "row"))
    assert {"class", "scope", "align", "style", "cellpadding"} == {name for name, _ in reader.attributes}


def test_no_formula_in_a_value(run: lns.Run):
    """The frame tells MathJax that a dollar sign is a dollar sign."""
    assert shown(run).startswith('<div class="ln tex2jax_ignore mathjax_ignore">')


def test_collection_is_folded(run: lns.Run):
    """The members of a loaded collection are folded away under how many there are."""
    _ = run.inputs

    source = shown(run, members=2)

    assert ["File File0 · part-0.csv", "File File1 · part-1.csv", "… 5 more"] == Reader(source).folded
    assert '<details><summary><span class="good">● loaded</span> · 7 File</summary>' in source


def test_colours_need_no_theme(run: lns.Run):
    """Every colour is mixed into the colour of the text, and every class is ours."""
    source = shown(run)
    style = source[source.index("<style>") : source.index("</style>")]

    colours = re.findall(r"color:(?!inherit)([^;}]+)", style)
    selectors = re.findall(r"([^{}]+)\{", style.removeprefix("<style>"))
    mixed = "color-mix(in {},currentColor {}%,{})"
    assert {*colours} == {
        *("var(--jp-ui-font-color1,inherit)", mixed.format("oklab", 45, "var(--c,currentColor)")),
        f"var(--jp-ui-font-color2,{mixed.format('srgb', 72, 'transparent')})",
    }
    assert len(re.findall(r"\{--c:#[0-9a-f]{6}[;}]", style)) > 3
    assert [] == [each for each in ",".join(selectors).split(",") if not re.fullmatch(r"\.ln( .+)?", each)]
    assert not re.search(r"url\(|@|expression", style)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></tr></table></div><b>",
    "<!--",
    "]]>",
    "&lt;",
    "</style>",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_value_is_markup(hostile: str):
    """Whatever a value, a key, a class or a column is called, it adds no tag and no attribute."""

    def source(name: str) -> str:
        registry = orm.registry()
        cls = type(name, (), {})
        columns = [m.sa.Column("id", m.sa.String, primary_key=True), m.sa.Column(f"c{name}", m.sa.JSON)]
        child = type("Child", (), {})
        registry.map_imperatively(
            cls, m.Table("t", registry.metadata, *columns), properties={"children": orm.relationship(child)}
        )
        foreign = m.sa.ForeignKey("t.id")
        label = m.sa.Column("name", m.sa.String)
        registry.map_imperatively(
            child, m.Table("u", registry.metadata, m.sa.Column("id", foreign, primary_key=True), label)
        )
        each = cls()
        each.id = name
        setattr(each, f"c{name}", {name: [name]})
        each.children = [child()]
        each.children[0].name = name
        try:
            return shown(each)
        finally:
            registry.dispose()

    tame, reader = Reader(source("tame")), Reader(source(hostile))

    assert (tame.tags, tame.attributes) == (reader.tags, reader.attributes)
    assert hostile in " ".join(reader.words)


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\n", "\x00", "\u202e", "\u2066", "\u2028", "\udce9"])
def test_no_value_is_a_command(hostile: str):
    """What commands a terminal, turns the direction or is no character is shown and not acted on."""
    source = shown(lns.User(id="u", name=f"a{hostile}b"))

    assert hostile[0] not in source
    assert source.isprintable()
    assert source.encode()


def filled_run() -> lns.Run:
    """A run with a value of the usual length in every column."""
    return lns.Run(
        **dict.fromkeys(("id", "name", "external_id"), "x" * 20),
        **dict.fromkeys(("pipeline_id", "created_by_id"), "x" * 8),
        notebook_id="x" * 12,
        **dict.fromkeys(("started_at", "heard_at", "last_cell_at", "finished_at", "created_at"), MOMENT),
        **{name: {"numpy": "2.1", "pandas": "2.2"} for name in ("imports", "parameters")},
        **dict.fromkeys(("environment_hash", "source_hash"), "0" * 64),
        pipeline_v="1",
        notebook_v="1",
        outcome="ok",
        host="laptop.example.org",
        pid=123456,
        process_started_at=MOMENT,
        kernel_id="8f14e45f-ceea-467f-a8d1-34d0c7f7b5a5",
        kernel_name="python3",
        runner="jupyter-server",
        path="/home/ann/notebooks/growth/2026/analysis.ipynb",
        python="3.11.7",
        git_commit="0" * 40,
        git_dirty=False,
        revision=1,
    )


def test_size_of_a_run(run: lns.Run, session: orm.Session):
    """A run takes less than 4 KB, in a session, with a loaded collection, and detached."""
    in_session = len(shown(run).encode())
    _ = run.inputs, run.pipeline
    loaded = len(shown(run).encode())
    session.close()

    assert max(in_session, loaded, len(shown(run).encode())) < 4096


def test_size_of_a_full_run():
    """A run takes less than 6 KB also with a value in every column."""
    run = filled_run()
    orm.make_transient_to_detached(run)

    assert len(shown(run).encode()) < 6144


@pytest.mark.parametrize("count", [9, 10_000])
def test_size_of_a_collection(count: int):
    """The HTML of a record does not grow with its collections."""
    run = lns.Run(id="r", inputs=[lns.File(id=f"{number:06}") for number in range(count)])

    assert 4000 > len(shown(run).encode())


def test_size_of_large_values():
    """The HTML of a record does not grow with what is in its columns."""
    source = lns.Source(hash="0" * 64, content=bytes(50_000_000))
    environment = lns.Environment(
        hash="0" * 64, python="x" * 10_000_000, packages=dict.fromkeys(map(str, range(100_000)), "1")
    )

    assert max(len(shown(source)), len(shown(environment))) < 2000


def test_frame_is_for_other_markup():
    """Other markup of ours goes into the same frame."""
    assert Reader(pictures.framed("<table></table>")).tags == ["div", "style", "table"]
