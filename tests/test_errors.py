"""Every error of ours: raised by the product, with its fix, and shown as a sentence."""

from __future__ import annotations

import ast
import contextlib
import copy
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines, limits
from ln_jupyter.ipython.cell_log import Execution
from ln_jupyter.ipython.session_cell import arguments
from ln_jupyter.locate import jupyter_server
from ln_jupyter.notebook import document
from ln_jupyter.registry import backup, choose
from ln_jupyter.tracking import forget_file, prune
from ln_jupyter.tracking.publishing import checks
from tests.ipython import kernel_driver
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(ln.__file__).parent


def tree(root: type[errors.LnJupyterError] = errors.LnJupyterError) -> Iterator[type[errors.LnJupyterError]]:
    yield root
    for branch in root.__subclasses__():
        yield from tree(branch)


def leaves() -> list[Any]:
    """Every leaf."""
    return [kind for kind in tree() if not kind.__subclasses__() and kind.__module__ == "ln_jupyter.errors"]


Mistake = Callable[[Path, pytest.MonkeyPatch], None]

MISTAKES: dict[type[errors.LnJupyterError], Mistake] = {}


def meets(kind: type[errors.LnJupyterError]) -> Callable[[Mistake], Mistake]:
    """Register what a user does to meet an error."""
    return lambda mistake: MISTAKES.setdefault(kind, mistake)


@meets(errors.InvalidUrlError)
def malformed_url(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.connect("nonsense")


@meets(errors.UntrustedProjectError)
def untrusted_project(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / ".ln_jupyter").mkdir()
    patch.delenv("LN_JUPYTER_URL", raising=False)
    patch.setattr("os.getuid", lambda: -1)
    ln.settings.resolve(folder)


@meets(errors.UnapprovedRegistryError)
def unapproved_registry(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "pyproject.toml").write_text('[tool.ln_jupyter]\nurl = "postgresql://unapproved.example.org/lab"\n')
    patch.delenv("LN_JUPYTER_URL", raising=False)
    _ = ln.settings.resolve(folder).url


@meets(errors.NotebookNotFoundError)
def notebook_not_found(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.header()


@meets(errors.NotebookUnreadableError)
def notebook_unreadable(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "a.ipynb").touch()
    ln.header(filepath=folder / "a.ipynb")


@meets(errors.InvalidIdentityError)
def invalid_identity(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.header(id="")


@meets(errors.NotebookOpenError)
def notebook_open(folder: Path, patch: pytest.MonkeyPatch) -> None:
    path = notebooks.write(folder / "a.ipynb", nbproject={"id": "Rx2s9cPTMQLY"})
    patch.setattr(jupyter_server, "find_editor", lambda path: "http://localhost:8888/")  # a server is started elsewhere
    forget_file.forget(path)


@meets(errors.NotRegisteredError)
def not_registered(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.publish()


@meets(errors.TitleMissingError)
def title_missing(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.header(filepath=notebooks.write(folder / "a.ipynb"))
    ln.publish()


@meets(errors.AlreadyPublishedError)
def already_published(folder: Path, patch: pytest.MonkeyPatch) -> None:
    for source in ("x = 1", "x = 2"):
        ln.header(filepath=notebooks.write(folder / "a.ipynb", source, title="Growth"))
        ln.publish(version="2")


def publish_after(*ran: str) -> None:
    """Publish a notebook of three cells in a kernel that ran these."""
    cells = [document.Cell(None, "code", source) for source in ("x = 1", "y = x", "ln.publish()")]
    request = SimpleNamespace(document=document.Document(Path("a.ipynb"), "", {}, {}, tuple(cells)), runner="")
    *executed, running = [Execution(None, source) for source in ran]
    checks.check_order(request, SimpleNamespace(earlier=[], executed=executed, running=running))


@meets(errors.NotLastCellError)
def not_last_cell(folder: Path, patch: pytest.MonkeyPatch) -> None:
    publish_after("x = 1", "y = x")


@meets(errors.CellOrderError)
def cell_order(folder: Path, patch: pytest.MonkeyPatch) -> None:
    publish_after("y = x", "x = 1", "ln.publish()")


@meets(errors.SourceDiffersError)
def source_differs(folder: Path, patch: pytest.MonkeyPatch) -> None:
    publish_after("x = 1", "x = 2", "y = x", "ln.publish()")


@meets(errors.DatabaseUnavailableError)
def database_unavailable(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.Session(f"sqlite:///{folder}/nowhere/a.db").add(lns.Run())


@meets(errors.DatabaseBusyError)
def database_busy(folder: Path, patch: pytest.MonkeyPatch) -> None:
    with ln.Session() as ss:
        ss.add(lns.Run())
        ss.orm.flush()
        ln.Session().add(lns.Run())


@meets(errors.DatabaseReplacedError)
def database_replaced(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.add(lns.Run())
    for file in folder.glob("registry.db*"):
        file.unlink()
    ln.add(lns.Run())


@meets(errors.TransactionUndoneError)
def transaction_undone(folder: Path, patch: pytest.MonkeyPatch) -> None:
    with ln.Session() as ss:
        ss.add(lns.Run())
        ss.orm.flush()
        connection = ss.orm.connection(bind_arguments={"mapper": lns.Run})
        connection.exec_driver_sql("CREATE TEMP TABLE once (x UNIQUE ON CONFLICT ROLLBACK)")
        with contextlib.suppress(sa.exc.IntegrityError):
            connection.exec_driver_sql("INSERT INTO once VALUES (1), (1)")


@meets(errors.NotARegistryError)
def not_a_registry(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "a.db").write_text("a diary, and not a database at all")
    ln.Session(f"sqlite:///{folder}/a.db").add(lns.Run())


@meets(errors.CopyError)
def copy_over_a_file(folder: Path, patch: pytest.MonkeyPatch) -> None:
    backup.back_up(choose.of_registry(), folder)


@meets(errors.MissingExtraError)
def missing_extra(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "psycopg", None)
    ln.connect("postgresql://host/missing-extra")


@meets(errors.SchemaVersionError)
def schema_version(folder: Path, patch: pytest.MonkeyPatch) -> None:
    with choose.of_registry().connect() as connection:
        connection.exec_driver_sql("UPDATE ln_schema SET version_num = '0099', oldest_reader = 99")
        connection.commit()
    engines.dispose(ln.settings.current().url)
    ln.add(lns.Run())


@meets(errors.NotMappedError)
def no_record(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.add("a record")


@meets(errors.UnknownFieldError)
def unknown_field(folder: Path, patch: pytest.MonkeyPatch) -> None:
    lns.Run(nmae="x")


@meets(errors.InvalidValueError)
def invalid_value(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.select(lns.Run, pipeline="Transform A")


@meets(errors.NothingGivenError)
def nothing_given(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.add([])


@meets(errors.NotExecutedError)
def not_executed(folder: Path, patch: pytest.MonkeyPatch) -> None:
    _ = ln.select(lns.Run)[0]  # type: ignore[index]


@meets(errors.InvalidRunError)
def invalid_run(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.header(id="a", run="newest")


@meets(errors.RunNotFoundError)
def run_not_found(folder: Path, patch: pytest.MonkeyPatch) -> None:
    prune.delete_runs(["no such run"])


@meets(errors.ForeignSessionError)
def foreign_session(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ss = ln.Session()
    run = ss.add(lns.Run())
    with ln.Session():
        ln.add(run)


@meets(errors.UnknownOriginError)
def unknown_origin(folder: Path, patch: pytest.MonkeyPatch) -> None:
    choose.of_registry()
    with orm.Session(engines.current()) as session:
        session.add(lns.User(id="u", handle="u", revision=1))
        session.commit()
        user = session.get(lns.User, "u")
    ln.connect(f"sqlite:///{folder / 'other.db'}")
    ln.add(user)


@meets(errors.DuplicateRecordError)
def duplicate_record(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.add(lns.Run(name="x"))
    ln.add([ln.select(lns.Run).first(), ln.select(lns.Run).first()])


@meets(errors.StaleRecordError)
def stale_record(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.add(lns.Run(name="x"))
    first, second = ln.select(lns.Run).first(), ln.select(lns.Run).first()
    for run, name in ((first, "y"), (second, "z")):
        run.name = name
        ln.add(run)


@meets(errors.UnloadableError)
def unloadable(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ln.load(lns.Run(), "notebook")


@meets(errors.DiagramTooLargeError)
def diagram_too_large(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("ln_jupyter.schema.diagram._LONGEST", 10)
    lns.view()


@meets(errors.SessionClosedError)
def session_closed(folder: Path, patch: pytest.MonkeyPatch) -> None:
    ss = ln.Session()
    ss.close()
    ss.add(lns.Run())


@meets(errors.ReadOnlySessionError)
def read_only_session(folder: Path, patch: pytest.MonkeyPatch) -> None:
    with ln.Session(readonly=True) as ss:
        ss.add(lns.Pipeline(name="x"))


@meets(errors.MagicError)
def magic(folder: Path, patch: pytest.MonkeyPatch) -> None:
    arguments.read("cell --wrtie")


@meets(errors.UnknownNameError)
def unknown_name(folder: Path, patch: pytest.MonkeyPatch) -> None:
    _ = ln.headr  # type: ignore[attr-defined]


@meets(errors.LamindbInstalledError)
def lamindb_installed(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "lamindb", pytest)
    ln.install_as_lamindb()


@pytest.mark.usefixtures("ln_registry")
@pytest.mark.parametrize("kind", leaves(), ids=lambda kind: kind.__name__)
def test_every_leaf_is_raised_with_its_fix(
    kind: type[errors.LnJupyterError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake ends in the error of its name, which says what happened in one line, and what to do in another."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.0)

    with pytest.raises(kind) as raised:
        MISTAKES[kind](tmp_path, monkeypatch)

    error = raised.value
    assert kind is type(error)
    assert str(error)
    assert error.fix
    assert [f"fix: {error.fix}"] == error.__notes__


def test_every_raise_has_a_fix() -> None:
    """Wherever the package makes an error of ours, it says what to do about it."""
    names = {kind.__name__ for kind in tree()}
    without = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
        and not any(keyword.arg == "fix" for keyword in node.keywords)
    ]

    assert [] == without


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("copied", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy], ids=["pickle", "copy"])
def test_an_error_survives_a_process_boundary(
    kind: type[errors.LnJupyterError], copied: Callable[[errors.LnJupyterError], errors.LnJupyterError]
) -> None:
    """An error that comes from a worker process has its type, sentence, fix and note, each once."""
    error = copied(kind("the disk is full", fix="free some space"))

    assert (kind, "the disk is full", "free some space") == (type(error), str(error), error.fix)
    assert ["fix: free some space"] == error.__notes__


def test_the_tree_is_drawn_as_it_is() -> None:
    """The tree at the top of the module names every class, in its place and order."""
    drawn = [line.split("── ")[1].split()[0] for line in (errors.__doc__ or "").splitlines() if "── " in line]

    assert [kind.__name__ for kind in tree() if kind.__module__ == "ln_jupyter.errors"][1:] == drawn


def test_without_a_fix_there_is_no_note() -> None:
    """An error that has no fix does not promise one."""
    error = errors.SessionError("it is over")

    assert ("", []) == (error.fix, getattr(error, "__notes__", []))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nmae", "did you mean 'name'?"),
        ("titles", "did you mean 'title' or 'titled'?"),
        ("colour", "it has: id, name, title, titled"),
        ("", "it has: id, name, title, titled"),
    ],
)
def test_near_miss(name: str, said: str) -> None:
    """A misspelt name is answered with the one that was meant, any other with all there are."""
    assert said == errors.near_miss(name, ["title", "titled", "name", "id"])


@pytest.mark.parametrize("names", [[], ["_private"]], ids=["none", "private"])
def test_near_miss_of_nothing(names: list[str]) -> None:
    """Where there is nothing to choose from, that is said."""
    assert errors.near_miss("name", names) == "it has none"


def test_in_a_kernel_an_error_is_a_sentence(tmp_path: Path) -> None:
    """A cell shows what happened, the user's own line and the fix: no frames of ours."""
    with kernel_driver.start(tmp_path, "import ln_jupyter as ln") as kernel:
        executed = kernel.run("def call():\n    ln.header(filepath='no such.ipynb')\n\ncall()")

    assert ["NotebookNotFoundError"] == executed.errors
    first, line, fix = executed.traceback.splitlines()
    assert f"NotebookNotFoundError: filepath names {tmp_path / 'no such.ipynb'}, which is not a file" == first
    assert "  at line 2: ln.header(filepath='no such.ipynb')" == line
    assert fix.startswith('fix: ln.header(filepath="my.ipynb")')
