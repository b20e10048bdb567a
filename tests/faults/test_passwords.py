"""The password of a database URL is shown nowhere and stored nowhere, whatever is wrong with the URL."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import traceback
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote

import nbformat
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from nbclient import NotebookClient

import ln_jupyter as ln
from ln_jupyter import callsite, cli, errors, settings
from ln_jupyter import schema as lns
from ln_jupyter.cli import environment as surroundings
from ln_jupyter.db import engines, error_translation
from ln_jupyter.notebook import document, parameters
from ln_jupyter.notebook.document import Cell
from ln_jupyter.registry import choose
from tests.conftest import new_database
from tests.ipython.shells import shell_in
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "k7Zq9xPw"
ODD = f"p@ss/w:rd%{SECRET}#?&="
CLOSED = "127.0.0.1:1"  # nobody listens there

WELL_FORMED = [
    f"postgresql://ann:{SECRET}@{CLOSED}/lab",
    f"postgres://ann:{SECRET}@{CLOSED}/lab",
    f"postgresql+psycopg2://ann:{SECRET}@{CLOSED}/lab?sslmode=disable",
    f"postgresql://ann:{quote(ODD, safe='')}@{CLOSED}/lab",
    f"postgresql://:{SECRET}@{CLOSED}",
    f"postgresql://ann:{SECRET}@{CLOSED}/lab?nonsense=1",
    f"postgresql://ann:{SECRET}@{CLOSED}/lab?connect_timeout=soon",
    f"postgresql://ann:{SECRET}@{CLOSED}/lab?passfile=/nowhere",
    f"postgresql://ann:/{SECRET}?#@{CLOSED}/lab",
    f"postgresql://ann:{SECRET}@/lab?host=127.0.0.1:1&host=localhost:1",
    f"postgresql://ann:%zz{SECRET}@{CLOSED}/lab",
]
REFUSED = [
    f"postgresql://ann:p@{SECRET}@{CLOSED}/lab",
    f"postgresql://an/n:{SECRET}@{CLOSED}/lab",
    f"postgresql://ann:{SECRET}",
    f"postgresql://ann:{SECRET}/lab",
    f"postgresql://ann:{SECRET}@{CLOSED}port/lab",
    f"postgresql://ann@host:{SECRET}/lab",
    f"postgresql://ann:{SECRET}@[::1/lab",
    f"postgresql:ann:{SECRET}@{CLOSED}/lab",
    f" postgresql://ann:{SECRET}@{CLOSED}/lab",
    f"ann:{SECRET}@{CLOSED}/lab",
    f"postgresql://ann:\ud800{SECRET}@{CLOSED}/lab",
    f"mysql://ann:{SECRET}@{CLOSED}/lab",
    f"sqlite://ann:{SECRET}@/lab.db",
    f"sqlite://ann:{SECRET}@host/lab.db",
    f"sqlite+pysqlcipher://:{SECRET}@/lab.db",
    f"sqlite+aiosqlite://:{SECRET}@/lab.db",
    *(
        f"postgresql://ann@{CLOSED}/lab?{query}"
        for query in (
            f"password={SECRET}",
            f"PASSWORD={SECRET}",
            f"pass%77ord={SECRET}",
            f"sslmode=disable&password={SECRET}",
            f"password=&password={SECRET}",
            f"sslpassword={SECRET}",
            f"oauth_client_secret={SECRET}",
            f"sslmode=disable;password={SECRET}",
            f"options=-c%20my.password%3D{SECRET}",
            f"passwd={SECRET}",
            f"pwd={SECRET}",
            f"passphrase={SECRET}",
            f"token={SECRET}",
        )
    ),
    f"sqlite:///lab.db?password={SECRET}",
    f"sqlite:///file:lab.db?uri=true&Password={SECRET}",
]
URLS = [*WELL_FORMED, *REFUSED]


def every(urls: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("url", urls, ids=range(len(urls)))


@pytest.fixture(autouse=True)
def nothing_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[None]:
    """Nothing of a test is in a log, in a stream, or in what is decided afterwards."""
    for name in settings.NAMES:
        monkeypatch.delenv(f"LN_JUPYTER_{name.upper()}", raising=False)
    monkeypatch.setattr(engines, "_connected", None)  # to be put back
    monkeypatch.chdir(tmp_path)
    settings.forget()
    caplog.set_level(logging.DEBUG)
    yield
    settings.forget()
    assert not [each for each in caplog.records if each.name != "traitlets" and SECRET in each.getMessage()]
    assert SECRET not in "".join(capfd.readouterr())


def told(use: Callable[[], object]) -> str:
    """Call it, and give all that an error, its notes, its causes and the variables of all its frames say."""
    try:
        return repr(use())
    except Exception as error:  # noqa: BLE001 - whatever it is
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        rendered = error._render_traceback_() if isinstance(error, errors.LnJupyterError) else []
        return "\n".join([*whole.format(), *rendered, repr(error), repr(vars(error))])


def list_runs() -> object:
    return ln.select(lns.Run).all()


def in_a_block() -> None:
    with ln.Session(profile=True) as session:
        session.add(lns.User(handle="ann"))


USES: list[Callable[[], object]] = [
    ln.connect,
    settings.current,
    lambda: settings.current().url,
    lambda: engines.current().url,
    lambda: vars(engines.current().pool),
    lambda: error_translation.describe(engines.current().url),
    ln.Session,
    list_runs,
    in_a_block,
    lambda: ln.add(lns.User(handle="ann")),
    lambda: engines.current().connect(),
    lambda: ln.Session(write=True).begin(),
    ln.view,
]


@pytest.mark.parametrize("use", USES, ids=range(len(USES)))
def test_urls_of_a_variable(monkeypatch: pytest.MonkeyPatch, use: Callable[[], object]) -> None:
    """What the environment says is in no value, error, cause or variable of a frame."""

    def leaks(url: str) -> bool:
        monkeypatch.setenv("LN_JUPYTER_URL", url.encode(errors="replace").decode())
        settings.forget()
        return SECRET in told(use)

    assert [] == list(filter(leaks, URLS))


@pytest.mark.parametrize(
    "table", ['url = "{}"', 'url = ["{}"]', 'mode = "{}"', '"{}" = 1', 'url = "{}', 'url = "{}"\nulr = "x"']
)
def test_urls_of_a_project(tmp_path: Path, table: str) -> None:
    """What a project's file says is in no value, error, cause or variable of a frame."""

    def leaks(url: str) -> bool:
        text = "[tool.ln_jupyter]\n" + table.format(url.encode(errors="replace").decode())
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        settings.forget()
        return any(SECRET in told(use) for use in USES[:8])

    assert [] == list(filter(leaks, URLS))


@every(REFUSED)
def test_refused(url: str) -> None:
    """A password that would be shown is refused, with what to write instead."""
    with pytest.raises(errors.InvalidUrlError) as raised:
        ln.connect(url)

    assert raised.value.fix
    assert SECRET not in f"{raised.value} {raised.value.fix} {raised.value.__cause__}"


@every(WELL_FORMED)
def test_not_reached(url: str) -> None:
    """An error of psycopg names the server, and not the password."""
    ln.connect(url)

    with pytest.raises(errors.DatabaseUnavailableError, match="cannot be reached") as raised:
        list_runs()

    assert SECRET not in f"{raised.value} {raised.value.__cause__!r} {raised.value.__context__!r}"


@pytest.mark.parametrize("command", ["doctor", "list", "runs", "migrate", "prune", "show"])
def test_commands(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """No command repeats a URL, in words or as JSON, from the environment or an option, not even with --debug."""
    monkeypatch.setattr(surroundings, "server_extension", list)  # it starts a process of its own
    words = [command, *(["x"] if command == "show" else ["--older-than", "1d"] if command == "prune" else [])]

    def leaks(url: str) -> bool:
        url = url.encode(errors="replace").decode()
        said = []
        for options in ([], ["--json"]):
            monkeypatch.delenv("LN_JUPYTER_URL", raising=False)
            said.append(CliRunner().invoke(cli.main, [*words, *options, "--db", url]))
            monkeypatch.setenv("LN_JUPYTER_URL", url)
            settings.forget()
            said += [CliRunner().invoke(cli.main, [*prefix, *words, *options]) for prefix in ([], ["--debug"])]
        return any(SECRET in done.output + "".join(traceback.format_exception(done.exception)) for done in said)

    assert [] == list(filter(leaks, URLS[::4]))


CELLS = [
    "%%ln_session --db {}\nln.select(lns.Run).all()",
    "%%ln_session --write --db {}\n1",
    "%%ln_session --db {} --nonsense\n1",
    "%ln_session open --db {}",
    "%ln_session open --db '{}",
    "%ln_session close {}",
    "%ln_session {}",
    "ln.connect('{}')\nln.select(lns.Run).all()",
    "ln.Session('{}').select(lns.Run).all()",
    "ln.header()",
]


@every([WELL_FORMED[0], WELL_FORMED[3], REFUSED[0], REFUSED[11], REFUSED[16]])
@pytest.mark.parametrize("mode", ["Verbose", "Context", "Plain", "Minimal"])
def test_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, mode: str) -> None:
    """No traceback of ours shows the password, not even on the user's own line, in any of IPython's modes."""
    monkeypatch.setenv("LN_JUPYTER_URL", url)
    out = io.StringIO()
    with shell_in(tmp_path) as shell, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        shell.run_cell("%load_ext ln_jupyter\nimport ln_jupyter as ln, ln_jupyter.schema as lns")
        shell.run_line_magic("xmode", mode)
        results = [shell.run_cell(cell.format(url)) for cell in CELLS]
        shell.run_cell("%ln_session status\n%ln_session close")

    failed = [result.error_in_exec for result in results if result.error_in_exec is not None]
    assert len(failed) > len(CELLS) / 2
    assert all(isinstance(error, errors.LnJupyterError) for error in failed)
    assert SECRET not in out.getvalue()


def test_an_interrupt_while_connecting() -> None:
    """Ctrl-C while the server is waited for leaves no frame behind that holds the password."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes the connection, and says nothing
        code = (
            "import signal, traceback, ln_jupyter as ln\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
            "engine = ln.connect()\n"
            "try:\n"
            "    engine.connect()\n"
            "except BaseException as error:\n"
            "    print(*traceback.TracebackException.from_exception(error, capture_locals=True).format())\n"
        )
        url = f"postgresql://ann:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/lab"
        environment = {**os.environ, "LN_JUPYTER_URL": url}
        pipe = subprocess.PIPE
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=pipe, stderr=pipe, text=True)
        connection, _ = silent.accept()

        process.send_signal(signal.SIGINT)

        shown, said = process.communicate(timeout=180)
        connection.close()

    assert "KeyboardInterrupt" in shown
    assert SECRET not in shown + said


def test_a_script_that_cannot_register(tmp_path: Path) -> None:
    """What header() says of a registry that is away, in a script, names no password."""
    (tmp_path / "script.py").write_text("import ln_jupyter as ln\nln.header()\n", encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "LN_JUPYTER_URL": WELL_FORMED[0]},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert "cannot be reached" in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("url", WELL_FORMED[:5], ids=range(5))
def test_an_engine_of_the_user(url: str) -> None:
    """An engine that was made elsewhere is named without its password, and without its query."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg").update_query_pairs([("x", SECRET)]))

    with contextlib.suppress(sa.exc.SQLAlchemyError):
        choose.with_registry(engine)
    shown = f"{ln.Session(engine)!r} {error_translation.describe(engine.url)}"

    assert SECRET not in shown


def test_a_session_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session shows itself where the settings name no database that can be used."""
    monkeypatch.setenv("LN_JUPYTER_URL", REFUSED[0])

    assert "<Session nowhere: the database URL has an @" in repr(ln.Session())


def test_an_engine_without_a_registry(tmp_path: Path) -> None:
    """That an engine holds no registry is said without the query of its URL."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'own.db'}")
    engine.url = engine.url.update_query_pairs([("password", SECRET)])

    with pytest.raises(errors.NotARegistryError) as raised:
        choose.with_registry(engine)

    assert SECRET not in str(raised.value)
    engine.dispose()


@pytest.mark.parametrize("source", ["x = '{}'", "%ln_session open --db {}", "# {}\n", "ln.connect(\n    '{}')"])
@every(WELL_FORMED)
def test_sources_that_are_stored(tmp_path: Path, url: str, source: str) -> None:
    """A notebook is stored without the passwords of its URLs, and hashed without them."""
    source = source.format(url)
    file = tmp_path / "n.ipynb"
    file.write_text(json.dumps({"cells": [{"cell_type": "code", "source": source}]}), encoding="utf-8")
    other = source.replace(SECRET, "another")

    assert SECRET not in document.read(file).source.decode()
    assert "***@" in document.read(file).source.decode()
    assert document.hash_of(source) == document.hash_of(other)


def test_sources_are_else_stored_as_they_are() -> None:
    """Addresses without a password, and what fills one in elsewhere, are stored as they are."""
    sources = [
        "requests.get('http://localhost:8888/lab/@me')",
        "f'postgresql://{user}:{password}@{host}/lab'",
        "'postgresql://%s:%s@host/lab' % (user, password)",
        "'postgresql://ann@host/lab'",
        "see https://example.org/a:b, or ann@example.org",
        "x = 'sqlite:////data/a.db'  # ann@example.org: done",
    ]
    cells = tuple(Cell(None, "code", source) for source in sources)
    found = document.Document(path=None, title=None, metadata={}, carried=(), cells=cells)  # type: ignore[arg-type]

    assert sources == [cell.source for cell in document.cells_of(found.source)]


def test_parameters_that_are_stored() -> None:
    """Parameters are stored without what is named like a secret, and without the passwords of URLs."""
    source = (
        f"url = 'postgresql://ann:{SECRET}@host/lab'\npassword = '{SECRET}'\napi_key: str = '{SECRET}'\n"
        f"options = {{'token': '{SECRET}', 'urls': ['postgresql://ann:{SECRET}@host']}}\nmax_tokens = 7\nsecret = None"
    )

    found = parameters.read([Cell(None, "code", source, ("parameters",))])

    assert {
        "url": "postgresql://ann:***@host/lab",
        "password": "••• redacted",
        "api_key": "••• redacted",
        "options": {"token": "••• redacted", "urls": ["postgresql://ann:***@host"]},
        "max_tokens": 7,
        "secret": None,
    } == found


def test_lines_that_are_shown(tmp_path: Path) -> None:
    """The user's own line is named without the password in it."""
    file = tmp_path / "cell.py"
    file.write_text(f"ln.connect('postgresql://ann:{SECRET}@host/lab')\n", encoding="utf-8")

    assert "ln.connect('postgresql://ann:***@host/lab')" == callsite.Line(str(file), 1).text


@pytest.mark.postgres
def test_a_notebook_that_is_registered(postgres: sa.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file of a notebook and in every row of the registry, the password is where the user wrote it, or nowhere."""
    with new_database(postgres) as bare:
        url = bare.set(username=bare.username or "postgres", password=SECRET)
        written = url.render_as_string(hide_password=False)
        monkeypatch.setenv("LN_JUPYTER_URL", written)
        sources = [
            "import ln_jupyter as ln, ln_jupyter.schema as lns\nln.header()",
            f"lab = '{written}'",
            f"%%ln_session --profile --db {written}\nln.add(lns.Pipeline(name='A'))\nln.select(lns.Pipeline)",
            "%ln_session open --db lab\n%ln_session status\nln.current_session()",
            "%ln_session close",
            "ln.Session(lab)",
            "ln.connect(lab)",
            "[ln.settings.current(), ln.settings.current().url]",
            "ln.publish()",
        ]
        path = notebooks.write(tmp_path / "Growth.ipynb", *sources, title="Growth")
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[2].metadata["tags"] = ["parameters"]
        nbformat.write(notebook, path)
        NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}, timeout=120).execute()

        rows = []
        engine = sa.create_engine(bare, poolclass=sa.NullPool)
        with engine.connect() as connection:
            for table in lns.Base.metadata.sorted_tables:
                found = [tuple(row) for row in connection.execute(sa.select(table))]
                rows += found if table.name != "ln_source" else [zlib.decompress(bytes(row[1])) for row in found]

    outputs = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert "Growth" in repr(rows)
    assert "+psycopg://postgres:***@" in repr(rows)
    assert SECRET not in repr(rows)
    assert SECRET not in outputs
