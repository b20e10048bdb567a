"""What a real terminal is shown: it fits, it says states in words before colours, and its encoding can show it."""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import os
import pty
import re
import struct
import sys
import termios
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter.schema as lns
from ln_jupyter import cli
from ln_jupyter.humanize import columns
from ln_jupyter.orm.session import OrmSession
from tests.cli.conftest import NOW, ago, execution, notebook
from tests.faults import processes

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # every kind of database is shown alike

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
OVERRIDES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "PYTHONIOENCODING", "TERM")


@pytest.fixture
def busy(engine: sa.Engine) -> None:
    """Fill the registry with what makes rows long: titles, names, reasons, users and results."""
    with OrmSession(engine) as session:
        users = {name: lns.User(id=f"{name[:3]}00000", handle=name) for name in ("ann", "somebody-with-a-long-name")}
        made = [
            notebook("Train0000000", "1", title="Train growth model", days=9),
            notebook("Wide00000000", "1", title="実験データの解析と成長曲線のモデル化" * 5, days=3),
            notebook("Long00000000", "1", title="n" * 1_000_000, days=2),
        ]
        names = ["train.ipynb", "実験ノート_成長曲線_2026年度.ipynb", f"{'a_long_name_' * 9}.ipynb"]
        reasons = [
            "cell 4: TypeError: unsupported operand type(s) for -: 'str' and 'float' " * 3,
            "cell 5",
            "入力データ" * 30,
        ]
        kept = lns.Text(id=1, content=zlib.compress(b"x = 1"))
        session.add_all([*users.values(), kept])
        for number, (each, name, reason) in enumerate(zip(made, names, reasons, strict=True)):
            path = f"/lab/growth/{name}"
            each.paths.append(lns.NotebookPath(host="wren", path=path, seen_at=NOW))
            facts = [
                {"finished_at": ago(number, 30), "outcome": "failed", "reason": reason, "failures": 1},
                {"finished_at": ago(number, 40), "outcome": "interrupted", "reason": "cell 5"},
                {"heard_at": ago(number, 60)},
                {"finished_at": ago(number, 50), "outcome": "ok", "results": {"rate_of_growth": 1 / 3, "n": "x" * 60}},
            ]
            for place, fact in enumerate(facts):
                run = execution(f"{number}{place}".ljust(20, "abcdefghij"[place]), days=number + place / 9, path=path)
                for key, value in fact.items():
                    setattr(run, key, value)
                run.notebook, run.created_by = each, users["ann" if place else "somebody-with-a-long-name"]
                run.tags, run.note = ["final"], "a note " * 40
                run.parameters = {"alpha": 0.2, "names": ["a"] * 40}
                run.cells = [
                    lns.ExecutedCell(
                        position=n,
                        number=n,
                        started_at=run.started_at + dt.timedelta(seconds=n),
                        seconds=0.5,
                        ok=n != 4,
                        error_type=None if n != 4 else "TypeError",
                        error_message=None if n != 4 else reason,
                        text=kept,
                        source_hash=hashlib.sha256(b"x = 1").hexdigest(),
                    )
                    for n in range(1, 6)
                ]
                session.add(run)
        session.commit()


@pytest.fixture
def terminal(db: list[str]) -> Callable[..., str]:
    """Run a command in a terminal of its own, and read what it shows."""
    return lambda *words, **options: show([*words, *db], **options)


def show(words: list[str], *, width: int = 80, **environment: str) -> str:
    """Run a command in a terminal of this width."""
    code, text = exit_code_and_text(words, width=width, **environment)
    assert code in (0, 1 if "doctor" in words else 0), text
    return text


def exit_code_and_text(words: list[str], *, width: int = 80, **environment: str) -> tuple[int | None, str]:
    """Run a command in a terminal, and give how it ended, too."""
    variables = {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"} | environment
    (((code, text),),) = processes.run(run_in_terminal, [(words, width, variables)])
    return code, str(text)


def run_in_terminal(tell: Callable[[object], None], words: list[str], width: int, variables: dict[str, str]) -> None:
    """Be a command in a terminal."""
    for name in OVERRIDES:
        os.environ.pop(name, None)
    os.environ.update(variables)
    time.tzset()
    encoding = variables["PYTHONIOENCODING"]
    master, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.extend(iter(lambda: read(master), b"")))
    reader.start()
    sys.argv = ["ln-jupyter", *words]
    code = None
    with os.fdopen(end, "w", encoding=encoding) as stream:
        sys.stdout = sys.stderr = sys.__stdout__ = stream  # type: ignore[misc]
        try:
            cli.main()
        except SystemExit as error:
            code = error.code
    reader.join()
    tell((code, b"".join(found).decode(encoding).replace("\r\n", "\n")))


def read(master: int) -> bytes:
    """Read what the terminal is shown; nothing once its other end is closed."""
    try:
        return os.read(master, 1 << 16)
    except OSError:
        return b""


def plain(text: str) -> list[str]:
    return COLOUR.sub("", text).splitlines()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["list", "--utc"],
        ["runs"],
        ["runs", "--utc"],
        ["runs", "--state", "failed"],
        ["show", "00"],
        ["show", "10", "--utc"],
        ["show", "20", "--full"],
        ["show", "Long0"],
        ["show", "Wide0", "--utc"],
        ["doctor"],
        ["delete", "--dry-run", "00aaaaaaaaaaaaaaaaaa"],
    ],
    ids=" ".join,
)
def test_nothing_wraps(busy: None, terminal: Callable[..., str], words: list[str], width: int) -> None:
    """No line is wider than the terminal, whatever is in the registry, and lines use the room that there is."""
    lines = plain(terminal(*words, width=width))

    assert [] == [line for line in lines if columns(line) > width]
    assert max(map(columns, lines)) > width * 0.6


@pytest.mark.parametrize("words", [["list"], ["runs"], ["show", "00"], ["show", "Train0"]], ids=" ".join)
def test_a_narrow_terminal(busy: None, terminal: Callable[..., str], words: list[str]) -> None:
    """Half a screen is enough: what may be cut is cut to little, before a line is wider."""
    assert [] == [line for line in plain(terminal(*words, width=60)) if columns(line) > 60]


def test_what_fits_stays(filled: None, terminal: Callable[..., str]) -> None:
    """What is short is not cut, and states stand before everything else."""
    header, *rows, last = plain(terminal("runs"))

    assert ["STATE", "RUN", "NOTEBOOK", "STARTED", "BUSY", "BY"] == header.split()[:6]
    assert "…" not in "".join(rows)
    assert ["► running", "? lost", "✗ failed", "✓ finished", "✓ finished", "- by hand"] == [
        row.partition("  ")[0] for row in rows if not row.startswith(" ")
    ]
    assert "6 runs · one in full: ln-jupyter show RUN" == last


def test_a_reason_has_a_line(busy: None, terminal: Callable[..., str]) -> None:
    """A reason that does not fit behind its row stands below it, and widens none."""
    lines = plain(terminal("runs", "--notebook", "train.ipynb"))

    at = next(n for n, line in enumerate(lines) if line.startswith("✗ failed"))
    assert lines[at + 1].startswith("               cell 4: TypeError: unsupported operand type(s) for")
    assert lines[at + 1].endswith("…")
    assert any(line.startswith("■ interrupted") and line.endswith("  in cell 5") for line in lines)


def test_a_name_of_a_megabyte(busy: None, terminal: Callable[..., str], command: Any, db: list[str]) -> None:
    """A title of a megabyte takes no more than its cell, on a terminal and, where nothing is cut, a bounded line."""
    assert max(len(terminal(*words)) for words in (["list"], ["runs"], ["show", "Long0"], ["show", "20"])) < 10_000
    assert len(command("runs", *db).stdout) < 30_000


@pytest.mark.parametrize("length", [6, 12, 19])
def test_an_id_is_as_long_as_it_takes(
    engine: sa.Engine, terminal: Callable[..., str], command: Any, db: list[str], length: int
) -> None:
    """A run is listed by as much of its id as no other has that is listed, six letters at least, and `show` takes it."""
    ids = [f"{'k' * (length - 1)}{letter}".ljust(20, "z") for letter in "ab"]
    with OrmSession(engine) as session:
        session.add_all([execution(each, days=1, finished_at=NOW) for each in ids])
        session.commit()

    listed = sorted(line.split()[2] for line in plain(terminal("runs"))[1:3])

    assert [each[:length] for each in ids] == listed
    assert f"run {ids[0]}" in command("show", listed[0], *db).stdout


def test_times_are_seen_from_now(engine: sa.Engine, terminal: Callable[..., str]) -> None:
    """A time is told as it is seen from now, on this machine's clock; with ``--utc`` as a date, and the header says so.

    What a command in a notebook shows is saved with it: there it is a date, too.
    """
    started = NOW - dt.timedelta(days=400)
    with OrmSession(engine) as session:
        session.add(execution("a" * 20, days=400, finished_at=started))
        session.add(execution("b" * 20, days=5 / 1440, finished_at=NOW))
        session.commit()

    here = plain(terminal("runs", TZ="Asia/Tokyo"))
    kept = plain(terminal("runs", TZ="Asia/Tokyo", JPY_PARENT_PID="1"))
    utc = plain(terminal("runs", "--utc", TZ="Asia/Tokyo"))

    assert re.search(r"  \d+ min ago  ", here[1])
    assert re.search(r"  \d+ \w{3} \d{4} \d\d:\d\d  ", kept[1])
    tokyo = started.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert f"  {tokyo.day} {tokyo:%b %Y}  " in here[2]
    assert f"  {started:%Y-%m-%d %H:%M}  " in utc[2]
    assert "STARTED (UTC)" in utc[0]


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"CLICOLOR": "0"}, False),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True),
    ],
    ids=str,
)
def test_colours(filled: None, terminal: Callable[..., str], environment: dict[str, str], *, is_coloured: bool) -> None:
    """There is colour where the terminal has it and nothing forbids it."""
    assert is_coloured == ("\x1b[" in terminal("runs", **environment))


@pytest.mark.parametrize("words", [["list"], ["runs"], ["show", "failed0"], ["show", "Growth"]], ids=" ".join)
def test_words_without_colours(filled: None, terminal: Callable[..., str], words: list[str]) -> None:
    """Colours add nothing to the words: without them, all the rest is the same."""
    coloured, bare = (terminal(*words, **environment) for environment in ({}, {"NO_COLOR": "1"}))

    assert bare == COLOUR.sub("", coloured) != coloured
    assert re.search("[✗?] (failed|lost)", bare)


def test_colours_of_states(filled: None, terminal: Callable[..., str]) -> None:
    """What is wrong is bold and coloured; what is finished is quiet, but for its sign."""
    text = terminal("runs")

    assert "\x1b[31m\x1b[1mfailed\x1b[0m" in text
    assert "\x1b[33m\x1b[1mlost\x1b[0m" in text
    assert "\x1b[32m✓\x1b[0m \x1b[2mfinished\x1b[0m" in text


def test_colours_in_a_pipe(filled: None, run: Any, db: list[str]) -> None:
    """Into a pipe goes no colour, unless one is asked for: then it is in front of whole ids all the same."""
    variables = {name: value for name, value in os.environ.items() if name not in OVERRIDES}

    bare, forced = (run("runs", *db, env=variables | more).stdout for more in ({}, {"FORCE_COLOR": "1"}))

    assert (False, True) == ("\x1b" in bare, "\x1b[31m" in forced)
    assert bare == COLOUR.sub("", forced)
    assert "failed000000000000aa" in forced


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
@pytest.mark.parametrize("words", [["list"], ["runs"], ["show", "failed0"], ["show", "Growth"]], ids=" ".join)
def test_another_encoding(filled: None, terminal: Callable[..., str], words: list[str], encoding: str) -> None:
    """Where the encoding has no signs, words say all: nothing is replaced, and nothing fails."""
    lines = plain(terminal(*words, PYTHONIOENCODING=encoding))

    assert all(line.isascii() and "?" not in line for line in lines)
    assert any(re.match(r"(failed|lost)\b", line) for line in lines)


def test_more_than_is_shown(filled: None, terminal: Callable[..., str], run: Any, db: list[str]) -> None:
    """The last line says how many there are and how to see them; beside a pipe, stderr does."""
    last = {words: plain(terminal(*words))[-1] for words in (("runs", "--limit", "2"), ("runs", "--all"))}
    piped = run("runs", "--limit", "2", *db)

    assert last["runs", "--limit", "2"] == "2 of 6 · more: --all · one in full: ln-jupyter show RUN"
    assert last["runs", "--all"].startswith("6 runs · ")
    assert ("2 of 6 · more: --all\n", 3) == (piped.stderr, len(piped.stdout.splitlines()))


def test_where_the_notebooks_are(filled: None, terminal: Callable[..., str]) -> None:
    """The list ends with the registry, without a password."""
    assert re.fullmatch(r"2 notebooks · registry \S*test\.db", plain(terminal("list", width=200))[-1])
    folded = "".join(plain(terminal("list"))).replace(" ", "")  # a long path is broken where a folder ends
    assert re.search(r"2notebooksregistry\S*test\.db$", folded)


def test_a_run_at_a_glance(busy: None, terminal: Callable[..., str]) -> None:
    """`show` says state and reason, what and who, what was given and came out, when its cells ran, and what else there is."""
    lines = plain(terminal("show", "00"))

    assert "✗ failed at cell 4:" == lines[0]
    assert lines[1].startswith("  TypeError: unsupported operand")
    assert "run 00aaaa · Train growth model · train.ipynb, version 1 draft" in lines
    assert any(line.startswith("PARAMETERS  alpha 0.2, names") for line in lines)
    cells = lines[next(n for n, line in enumerate(lines) if line.startswith("CELL")) :]
    assert re.match(r"CELL    TOOK  \d\d:\d\d:\d\d +\d\d:\d\d:\d\d$", cells[0])
    starts = [re.match(r" +\d  0\.50 s  ( *)[▏▎▍▌▋▊▉█]+ +(.*)$", line) for line in cells[1:6]]
    assert all(starts)
    assert ["x = 1", "x = 1", "x = 1", "✗ x = 1", "x = 1"] == [found[2] for found in starts if found]
    assert sorted(offsets := [len(found[1]) for found in starts if found]) == offsets
    assert "more: --full --executed" == lines[-1]


def test_a_run_in_full(filled: None, terminal: Callable[..., str]) -> None:
    """``--full`` shows whole ids and hashes, and what else was recorded."""
    text = " ".join(plain(terminal("show", "failed0", "--full")))

    assert all(word in text for word in ("run failed000000000000aa", "e" * 64, "KERNEL", "GIT", "numpy 2.0"))
    assert "more:" not in text


def test_many_cells(filled: None, engine: sa.Engine, terminal: Callable[..., str]) -> None:
    """A terminal gets the newest cells, and is told how to see all."""
    with OrmSession(engine) as session:
        run = session.get_one(lns.Run, "lost00000000000000aa")
        run.cells = [lns.ExecutedCell(position=n, started_at=ago(30, n), seconds=1, ok=True) for n in range(1, 101)]
        session.commit()

    lines = plain(terminal("show", "lost"))

    assert "the last 50 executed cells; --full shows all" in lines
    assert [f"#{n}" for n in range(51, 101)] == [line.split()[0] for line in lines if line.lstrip().startswith("#")]
    assert 100 == sum(line.lstrip().startswith("#") for line in plain(terminal("show", "lost", "--full")))


def test_notes_of_several_lines(filled: None, engine: sa.Engine, terminal: Callable[..., str]) -> None:
    """A note keeps its lines, below its name; the lines of an error are one, so that each run stays a row."""
    with OrmSession(engine) as session:
        run = session.get_one(lns.Run, "failed000000000000aa")
        run.note, run.reason = "first\n\nthird", "cell 2: KeyError: 'od'\nin clean.csv"
        session.commit()

    lines = plain(terminal("show", "failed0"))

    assert "✗ failed at cell 2: KeyError: 'od' in clean.csv" == lines[0]
    at = next(n for n, line in enumerate(lines) if line.startswith("NOTE"))
    assert ["NOTE        first", "", "            third"] == lines[at : at + 3]
    assert "            cell 2: KeyError: 'od' in clean.csv" in plain(terminal("runs"))
