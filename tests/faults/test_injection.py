"""Whatever something is called or holds: shown as HTML it is text, in a terminal it is letters, in a diagram a label."""

from __future__ import annotations

import dataclasses
import enum
import html.parser
import re
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from sqlalchemy import orm

import ln_jupyter as ln
from ln_jupyter import callsite, errors, sanitize
from ln_jupyter import schema as lns
from ln_jupyter.cli.output import screen
from ln_jupyter.cli.output import table as columns
from ln_jupyter.display import card, profile, record, records, sessions, statements, table, text, values
from ln_jupyter.display import html as pictures
from ln_jupyter.display.fixes import Fix
from ln_jupyter.display.registry import runs
from ln_jupyter.ipython.session_cell import report
from ln_jupyter.orm.profile.model import LazyLoads, Profile, SlowStatement, UnreadLoad
from tests.faults import fuzzing
from tests.ipython import shells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</td></tr></table></div></details><iframe src=javascript:alert(1)>",
    "</style><script>alert(1)</script>",
    "</textarea></title></script><b>",
    "<!--",
    "--><b>",
    "]]><b>",
    "<![CDATA[<b>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "![x](http://example.org/x.png)",
    "javascript:alert(1)",
    "$\\href{javascript:alert(1)}{x}$",
    "&lt;b&gt;",
    "&#60;b&#62;",
    "&",
    "{{7*7}}{%raw%}",
    "<b\x00>",
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m",
    "a\rb\nc\x08d",
    "\u202etxt.exe",
    "\u2066\u2069\u200f",
    "\u2028\u2029\u0085",
    "\ud800\udce9",
    "\ufeff\uffff",
]
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Elements(html.parser.HTMLParser):
    """The elements with their attributes, and the text between them, as a browser finds them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an element; a break is only where a line ends."""
        if tag != "br":
            # a title says what is shown in short beside it
            self.found.append((tag, tuple((name, None if name == "title" else value) for name, value in attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Take note of its end."""
        self.found.append((f"/{tag}", ()))

    def handle_data(self, data: str) -> None:
        """Take note of text."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """Complain: nothing of ours has comments, declarations or instructions."""
        raise AssertionError(data)

    unknown_decl = handle_decl = handle_pi = handle_comment


def mapped(class_name: str, column: str, *, relationship: str = "child") -> tuple[orm.registry, type, type]:
    """Make two classes whose names are whatever they are."""
    registry = orm.registry()
    parent, child = type(class_name, (), {}), type("Child", (), {})
    key = sa.Column("id", sa.String, primary_key=True)
    registry.map_imperatively(
        parent,
        sa.Table("parent", registry.metadata, key, sa.Column(column, sa.JSON, key=column)),
        properties={relationship: orm.relationship(child)},
    )
    registry.map_imperatively(
        child,
        sa.Table("child", registry.metadata, sa.Column("id", sa.ForeignKey("parent.id"), primary_key=True)),
    )
    return registry, parent, child


def record_of(word: str, value: Any, *, name: str = "Plain", column: str = "value", relationship: str = "child") -> str:
    registry, parent, child = mapped(name, column, relationship=relationship)
    try:
        one, other = parent(), child()
        one.id = other.id = word
        setattr(one, column, value)
        setattr(one, relationship, [other])
        return pictures.render(record.view(one))
    finally:
        registry.dispose()


def class_name(word: str) -> str:
    """Give the nearest name that Python lets a class have."""
    return word.replace("\0", "").encode(errors="replace").decode() or "x"


def own_repr(word: str) -> object:
    return type(class_name(word), (), {"__repr__": lambda _: word})()


def line_of(word: str) -> Any:
    return type("Line", (), {"__str__": lambda _: word})()


SURFACES: dict[str, Callable[[str], str]] = {
    "header": lambda word: pictures.render(header_of(word)),
    "value": lambda word: record_of(word, word),
    "JSON": lambda word: record_of("k", {word: [word, {word: (word,)}]}),
    "repr": lambda word: record_of("k", own_repr(word)),
    "bytes": lambda word: record_of("k", word.encode(errors="replace")[:3] and b"<b>"),
    "class": lambda word: record_of("k", 1, name=class_name(word)),
    "column": lambda word: record_of("k", 1, column=f"c{word}"),
    "relationship": lambda word: record_of("k", 1, relationship=f"r{word}"),
    "enum": lambda word: record_of("k", enum.Enum("Kind", {f"K{word}": 1})[f"K{word}"]),  # type: ignore[misc]
    "dataclass": lambda word: record_of("k", dataclasses.make_dataclass("Data", ["field"])(word)),
    "table": lambda word: table.render(table.of_rows(word, [word, "b"], [(word, {word: word})], count=2)),
    "table's remarks": lambda word: table.render(remarked(word)),
    "records": lambda word: table.render(some_table(word)),
    "runs": lambda word: table.render(
        runs.of_records([lns.Run(id=word, name=word, results={word[:40]: word})], count=1)
    ),
    "statement": lambda word: pictures.render(
        statements.of_statement(sa.select(sa.column(word)), title=word, hint=word)
    ),
    "card": lambda word: pictures.render(card_of(word)),
    "session": lambda word: pictures.render(sessions.to_card(orm.Session(), title=word)),
    "remark": lambda word: report.bundle(word)["text/html"],
    "profile": lambda word: profile.to_html(
        Profile(
            1,
            0.5,
            1,
            0,
            lazy_loads=(LazyLoads(word, 11, line_of(word), line_of(word), word),),
            unread=(UnreadLoad(word, word, line_of(word)),),
            slowest=(SlowStatement(f"SELECT {word}", 1, 0.5),),
        )
    ),
}


def card_of(word: str) -> card.Card:
    """Put the word in every place of a card."""
    part = card.Part(word, title=word)
    rows = (card.Row(word, value=word, members=(word,)), card.Row(word, names=(word,)))
    fix = Fix(word, word.replace("\n", " "))  # a line of code is an element
    folds = card.Fold((part,), rows, fix), card.Fold((part,), rows, fix, word)
    return card.Card((card.joined(part, part._replace(tone="b")),), rows, folds, fix, word, word)


def header_of(word: str) -> card.Card:
    return card.of_facts(word, facts=((word, word), ("file", word)))


def remarked(word: str) -> table.TableView:
    cell = table.Cell(word, below=word, title=word)
    remarks = ((card.Part(word),),)
    return table.TableView(word, 2, (word,), ((cell,),), word, word, remarks, Fix(word, word.replace("\n", " ")))


def some_table(word: str) -> table.TableView:
    view = records.of_records([lns.User(id=word, handle=word, name=word)], count=1)
    assert view is not None
    return view


@pytest.mark.parametrize("surface", SURFACES)
def test_no_word_is_markup(surface: str) -> None:
    """Whatever a word is, the elements and attributes are those that a tame word has."""
    render = SURFACES[surface]
    expected = Elements(render("tame")).found

    assert dict.fromkeys(HOSTILE, expected) == {word: Elements(render(word)).found for word in HOSTILE}


@pytest.mark.parametrize("surface", SURFACES)
def test_no_word_is_a_command(surface: str) -> None:
    """No control, no direction and no half of a character reaches a page, and all of it can be sent."""
    rendered = [SURFACES[surface](word) for word in HOSTILE]

    assert [] == [FORBIDDEN.findall(each) for each in rendered if FORBIDDEN.search(each)]
    assert "".join(rendered).encode()


@pytest.mark.parametrize("surface", ["header", "card", "remark", "table's remarks", "session", "class"])
def test_the_word_is_what_is_read(surface: str) -> None:
    """What a reader sees is the word itself, as far as it is letters."""
    words = [word for word in HOSTILE if word.isprintable()]

    assert [] == [word for word in words if word not in Elements(SURFACES[surface](word)).text]


@pytest.mark.parametrize("surface", SURFACES)
@given(word=fuzzing.text.filter(bool))
@settings(max_examples=25)
def test_no_text_is_markup(surface: str, word: str) -> None:
    """The same for any text."""
    rendered = SURFACES[surface](word)

    found = {tag for tag, _ in Elements(rendered).found}
    ours = {"div", "style", "b", "table", "thead", "tbody", "tr", "th", "td", "span", "details", "summary", "ul", "li"}
    ours |= {"small", "code", "pre", "br", "p", "dl", "dt", "dd"}
    assert set() == {tag.removeprefix("/") for tag in found} - ours
    assert not FORBIDDEN.search(rendered)


@pytest.mark.parametrize("surface", SURFACES)
def test_no_formula(surface: str) -> None:
    """No `$` starts a formula, in which a link could run a script: each frame tells MathJax to pass it by."""
    _, attributes = Elements(SURFACES[surface]("tame")).found[0]

    assert "tex2jax_ignore mathjax_ignore" in (dict(attributes)["class"] or "")


@given(fuzzing.text)
def test_attributes(word: str) -> None:
    """Between the quotes of an attribute, text ends neither the attribute nor the tag."""
    assert Elements(f'<i lang="{sanitize.escaped(word)}">').found == [("i", (("lang", sanitize.plain(word)),))]


class Error(errors.LnJupyterError):
    """An error whose words are anything."""


def diagram_of(word: str) -> str:
    registry, *classes = mapped(class_name(word), f"c{word}", relationship=f"r{word}")
    try:
        return repr(lns.view(classes))
    finally:
        registry.dispose()


PLAIN: dict[str, Callable[[str], str]] = {
    "header": lambda word: text.render(header_of(word)),
    "record": lambda word: text.render(record.view(lns.User(id=word, name=word))),
    "value": values.short,
    "repr": lambda word: values.short(own_repr(word)),
    "table": lambda word: table.text(table.of_rows("row", [word], [(word,)], count=1)),
    "remarks": lambda word: table.text(remarked(word)),
    "card": lambda word: text.render(card_of(word)),
    "remark": lambda word: report.bundle(word)["text/plain"],
    "diagram": diagram_of,
    "error": lambda word: "\n".join(Error(f"it is {word}", fix=word)._render_traceback_()),
}


@pytest.mark.parametrize("surface", PLAIN)
def test_a_terminal_is_not_commanded(surface: str) -> None:
    """No word moves a cursor, sets a title, or turns the direction of what is read in a terminal."""
    shown = [PLAIN[surface](word) for word in HOSTILE]

    assert [] == [each for each in shown if FORBIDDEN.search(each)]


@pytest.mark.parametrize("surface", ["header", "value", "card", "remark", "error"])
@given(word=fuzzing.text)
def test_no_text_commands_a_terminal(surface: str, word: str) -> None:
    """The same for any text."""
    assert not FORBIDDEN.search(PLAIN[surface](word))


@pytest.mark.parametrize("word", HOSTILE)
def test_diagrams(word: str) -> None:
    """In a diagram, a name is a label: it starts no statement, no directive and no HTML."""
    source = diagram_of(word)

    assert not re.search(r"[<>&#%\\]", source)
    assert [] == [line for line in source.splitlines() if line.count('"') % 2]
    assert len(diagram_of("tame").splitlines()) == len(source.splitlines())


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables and facts of the command line show no command to the terminal."""
    for word in HOSTILE:
        for shown in (screen.Screen(), screen.Screen(width=40, is_terminal=True, is_full=False)):
            row = columns.Row([columns.Cell(word)], columns.Cell(word), must_be_read=True)
            shown.write(columns.lines(shown, [columns.Column("NAME", least=5)], [row]))
            shown.write(columns.facts(shown, {"name": word}))

    assert not FORBIDDEN.search(capsys.readouterr().out)


def test_the_users_own_line(tmp_path: Path) -> None:
    """The line that an error names is shown without commands."""
    file = tmp_path / "cell.py"
    file.write_text("x = '\x1b[2J \u202e'\n", encoding="utf-8")

    shown = profile.to_html(
        Profile(1, 0, 1, 0, unread=(UnreadLoad("Run.notebook", "notebook", callsite.Line(str(file), 1)),))
    )

    assert not FORBIDDEN.search(shown)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    with shells.shell_in(tmp_path) as shell:
        shell.run_line_magic("load_ext", "ln_jupyter")
        yield shell


def test_no_other_form(shell: InteractiveShell) -> None:
    """What is shown is text and HTML: no Markdown, LaTeX or script that a front end would run."""
    user = lns.User(id="<b>", name="$x$")
    objects = [user, [user, user], ln.select(lns.User), ln.Session(), Profile(1, 0, 1, 0)]

    forms = {form for each in objects for form in shells.shown(shell, each)}

    assert forms == {"text/plain", "text/html"}


class PageElements(Elements):
    """The same of a whole page, which has comments and scripts of its own."""

    scripts = ""

    def handle_data(self, data: str) -> None:
        """Take note of text, and of scripts apart."""
        if self.found and self.found[-1][0] == "script":
            self.scripts += data
        else:
            super().handle_data(data)

    def handle_comment(self, data: str) -> None:
        """Pass it by."""

    unknown_decl = handle_decl = handle_pi = handle_comment


@pytest.mark.runner
def test_a_page_of_nbconvert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the page that nbconvert makes of an executed notebook, no word of a record, header or error is an element."""
    monkeypatch.setenv("LN_JUPYTER_URL", f"sqlite:///{tmp_path / 'registry.db'}")
    words = [word for word in HOSTILE if word.encode(errors="ignore").decode() == word]
    sources = [
        f"import ln_jupyter as ln, ln_jupyter.schema as lns\nwords = {words!a}\nln.header(name=words[1])",
        "[ln.add(lns.User(handle=str(n), name=word)) for n, word in enumerate(words) if '\\0' not in word]",
        "%%ln_session --profile\nln.select(lns.User).all()[1]",
        "ln.select(lns.User)",
        "ln.view()",
        "lns.view()",
        "type(words[0], (), {'__repr__': lambda _: words[1]})()",
        "ln.connect(words[1])",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbformat.write(notebook, tmp_path / "n.ipynb")
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}, timeout=120, allow_errors=True).execute()
    for cell in notebook.cells:
        cell.source = ""  # which is the user's own

    page, _ = HTMLExporter().from_notebook_node(notebook)

    elements = PageElements(page)
    assert "<img src=x onerror=alert(1)>" in elements.text
    assert [] == [each for each in elements.found if "alert(1)" in repr(each) or each[0] == "iframe"]
    assert "alert(1)" not in elements.scripts
