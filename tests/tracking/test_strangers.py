"""Whose notebook a file is that states an id which the registry knows; what is asked of it, on both databases."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import settings
from ln_jupyter.db import engines
from ln_jupyter.ipython.cell_log import Execution
from ln_jupyter.locate.location import Location
from ln_jupyter.notebook import document as documents
from ln_jupyter.notebook import identity
from ln_jupyter.schema import tables
from ln_jupyter.tracking import register, running
from ln_jupyter.tracking import request as requests
from ln_jupyter.tracking.recording import facts, run_rows, texts
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ln_jupyter.tracking.register import Registration

    Register = Callable[..., Registration]

ID = "Rx2s9cPTMQLY"
STATED = {"id": ID, "version": "1"}
CELLS = ("import numpy as np", notebooks.HEADER, "x = 1\ny = 2", "z = x + y\nprint(z)")
OTHERS = ("import numpy as np", notebooks.HEADER, "a = 7\nb = 8", "plot(\n    a,\n    b,\n)")


@pytest.fixture
def in_sqlite(has_registry: None, sqlite_url: sa.URL) -> Iterator[sa.Engine]:
    """Connect to a registry in SQLite: what decides here is Python's."""
    yield engines.connect(sqlite_url)
    engines.connect()


@pytest.fixture
def ada(in_sqlite: sa.Engine, tmp_path: Path) -> Registration:
    """Register a notebook of Ada's, on her machine; her file is on no other."""
    return of_ada(tmp_path)


def of_ada(folder: Path) -> Registration:
    return on("ada", write(folder / "ada" / "growth.ipynb", title="Growth"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Give a folder of another machine."""
    return tmp_path / "work"


def write(path: Path, *sources: str, ids: str = "grown-", **options: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    return notebooks.write(path, *(sources or CELLS), ids=ids, nbproject=STATED, **options)


def without_ids(path: Path) -> Path:
    """Write a notebook as before nbformat 4.5, and as jupytext reads it from a script."""
    content = json.loads(path.read_text())
    for cell in content["cells"]:
        cell.pop("id")
    path.write_text(json.dumps(content | {"nbformat_minor": 4}))
    return path


def on(host: str, path: Path, before: Registration | None = None, **options: Any) -> Registration:
    """Register a file as a process of a machine does."""
    request = requests.look_at(Location(path, "test"), **options)
    request = request._replace(process=request.process._replace(host=host))
    return register.register(request, before=before, run=None)


def ran(registered: Registration, path: Path) -> None:
    """Note what the recorder notes of a run: the cells that were executed, and the source that was saved last."""
    document = documents.read(path)
    code = [cell.source for cell in document.cells if cell.type == "code"]
    rows = [run_rows.CellRow(Execution(None, each), None, texts.of_bytes(each.encode()), None) for each in code]
    source = facts.stored(document)
    with registered.origin.connect() as connection:
        run_rows.write_cells(connection, registered.run_row["id"], rows, after=0, begun={})
        run_rows.store(connection, source=source, environment=None)
        run_rows.hear(connection, registered.run_row["id"], {"source_hash": source.hash}, registered.run_row)
        connection.commit()


# -- a stranger's --------------------------------------------------------------------------------------------------


def test_a_stranger_takes_nothing_over(ada: Registration, work: Path) -> None:
    """A file that states a known id and has other cells is a notebook of its own, whose parent is the stated one."""
    found = on("eve", write(work / "theirs.ipynb", *OTHERS, ids="eve-", title="Eve's")).notebook

    assert ID != found.id
    assert (ID, "1", "1") == (found.parent_id, found.parent_v, found.v)
    assert "Growth" == ln.select(lns.Notebook, id=ID).one().title


@pytest.mark.usefixtures("engine")
def test_a_stranger_has_one_copy(tmp_path: Path, work: Path) -> None:
    """In containers, each with another name, the same file is the same copy."""
    of_ada(tmp_path)
    path = write(work / "theirs.ipynb", *OTHERS, ids="eve-")

    found = {on(host, path).notebook.id for host in ("8f3a", "c07d", "11be")}

    assert 1 == len(found)
    assert 2 == ln.select(lns.Notebook).count()


def test_a_stranger_goes_on(ada: Registration, work: Path) -> None:
    """Edited, and run at another path of another machine, it is the copy that was made of it."""
    first = on("8f3a", write(work / "theirs.ipynb", *OTHERS, ids="eve-")).notebook.id

    edited = write(work / "moved.ipynb", *OTHERS[:2], "a = 9\nb = 10", "more\nof it", ids="eve-")

    assert first == on("c07d", edited).notebook.id


def test_a_stranger_without_cell_ids_goes_on(ada: Registration, work: Path) -> None:
    """Before nbformat 4.5, what the copy's runs executed tells that an edited file is the copy."""
    path = without_ids(write(work / "theirs.ipynb", *OTHERS, title="Eve's"))
    first = on("8f3a", path)
    ran(first, path)

    edited = without_ids(write(work / "moved.ipynb", *OTHERS, "more"))

    assert first.notebook.id == on("c07d", edited).notebook.id
    assert ID != first.notebook.id


@pytest.mark.usefixtures("engine")
def test_machines_that_see_a_stranger_first_at_once_agree(tmp_path: Path, work: Path) -> None:
    """Of containers that register the same file at the same time, one makes the copy."""
    of_ada(tmp_path)
    path = write(work / "theirs.ipynb", *OTHERS, ids="eve-")

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda n: on(f"host-{n}", path).notebook.id, range(16)))

    assert 1 == len(found)


def test_a_copy_names_a_version_that_is_known(ada: Registration, work: Path) -> None:
    """A file may state a version that this registry has not; the parent is then the newest it has."""
    path = write(work / "theirs.ipynb", *OTHERS, ids="eve-")
    notebooks.write(path, *OTHERS, ids="eve-", nbproject={"id": ID, "version": "7"})

    assert "1" == on("eve", path).notebook.parent_v


def test_cells_that_are_numbered_are_no_evidence(work: Path, in_sqlite: sa.Engine) -> None:
    """A number tells no cell from another: nbstripout numbers the cells of every notebook, from 0."""
    on("ada", write(work / "growth.ipynb", ids=""))

    assert ID != on("eve", write(work / "theirs.ipynb", *OTHERS, ids="")).notebook.id


@pytest.mark.parametrize(
    "shared",
    [
        ("import os\nimport sys", "from math import (\n    pi,\n    e,\n)"),
        ("%load_ext autoreload\n%autoreload 2", "%matplotlib inline\n%precision 3"),
        ("ln.header(\n    name='x',\n)", "with quiet:\n    nbproject.header()"),
        ("x = 1", "print(x)", "# a note\n\ny = 2"),
        ("x = 1\ny = 2",),
    ],
    ids=["imports", "magics", "headers", "lines", "one cell"],
)
def test_what_many_notebooks_share_is_no_evidence(in_sqlite: sa.Engine, work: Path, shared: tuple[str, ...]) -> None:
    """Imports, headers and single lines tell no notebook from another; and one cell of several lines does not."""
    path = write(work / "growth.ipynb", *shared, "much = more\nof = it", ids="ada-")
    ran(on("ada", path), path)

    assert ID != on("eve", write(work / "theirs.ipynb", *shared, "other = 1\nthings = 2", ids="eve-")).notebook.id


def test_nothing_is_no_evidence(in_sqlite: sa.Engine, work: Path) -> None:
    """Files that are saved before anything was written into them are not the same notebook."""
    on("ada", write(work / "growth.ipynb", "", ids="ada-"))

    assert ID != on("eve", write(work / "theirs.ipynb", "", ids="eve-")).notebook.id


def test_what_is_at_the_same_path_elsewhere_is_no_evidence(ada: Registration, tmp_path: Path) -> None:
    """Paths are of one machine: containers have other notebooks at the same one."""
    assert ID != on("eve", write(tmp_path / "ada" / "growth.ipynb", *OTHERS, ids="eve-")).notebook.id


# -- the same notebook ---------------------------------------------------------------------------------------------


def test_an_unknown_id_is_taken(in_sqlite: sa.Engine, work: Path) -> None:
    """A registry that is empty, as in CI, takes every notebook for what it says it is."""
    assert [ID] * 2 == [on(host, write(work / "growth.ipynb")).notebook.id for host in ("ci-1", "ci-2")]


def test_a_shared_cell_is_enough(ada: Registration, work: Path) -> None:
    """A colleague's edition is the notebook, however much was edited, as long as one cell is still there."""
    edited = write(work / "growth.ipynb", *OTHERS, ids="new-")
    content = json.loads(edited.read_text())
    content["cells"][-1]["id"] = "grown-3"
    edited.write_text(json.dumps(content))

    found = on("bob", edited)

    assert (ID, 1) == (found.notebook.id, ln.select(lns.Notebook).count())


def test_a_whole_source_is_enough(ada: Registration, work: Path) -> None:
    """A notebook that jupytext or nbstripout has given other cell ids is the same as long as its source is."""
    assert ID == on("bob", write(work / "growth.ipynb", title="Growth", ids="")).notebook.id
    assert ID == on("cy", without_ids(write(work / "growth.ipynb", title="Growth"))).notebook.id


@pytest.mark.usefixtures("engine")
def test_two_cells_are_enough(work: Path, tmp_path: Path) -> None:
    """Without cell ids, two cells that were executed in any of its runs tell an edited notebook."""
    ran(of_ada(tmp_path), tmp_path / "ada" / "growth.ipynb")

    edited = without_ids(write(work / "growth.ipynb", *reversed(CELLS), "more = 1"))

    assert ID == on("bob", edited).notebook.id


def test_a_source_that_a_run_had_is_enough(engine: sa.Engine, work: Path) -> None:
    """An old checkout is the notebook although that has changed since."""
    path = without_ids(write(work / "growth.ipynb", "x = 1"))
    first = on("ada", path)
    ran(first, path)
    on("ada", without_ids(write(path, *CELLS)))

    assert ID == on("bob", without_ids(write(work / "old.ipynb", "x = 1"))).notebook.id


def test_a_source_that_was_published_is_enough(in_sqlite: sa.Engine, work: Path) -> None:
    """What was published stays the notebook, also when its runs and its file have gone."""
    path = write(work / "growth.ipynb", "x = 1", ids="old-")
    first = on("ada", path)
    with in_sqlite.connect() as connection:
        source = facts.stored(documents.read(path))
        run_rows.store(connection, source=source, environment=None)
        connection.execute(sa.update(tables.notebook).values(source_hash=source.hash))
        connection.execute(sa.delete(tables.notebook_path))
        connection.commit()

    assert ID == on("bob", write(work / "theirs.ipynb", "x = 1", ids="new-")).notebook.id == first.notebook.id


def test_a_first_commit_of_one_cell_is_enough(in_sqlite: sa.Engine, work: Path) -> None:
    """A clone of a notebook's first commit, its header alone, is the notebook that has grown elsewhere since."""
    path = write(work / "growth.ipynb", notebooks.HEADER)
    on("ada", path)
    clone = write(work / "clone.ipynb", notebooks.HEADER)
    on("ada", write(path, notebooks.HEADER, *OTHERS))

    assert ID == on("bob", clone).notebook.id


def test_a_machine_that_knows_the_file_needs_no_evidence(ada: Registration, work: Path) -> None:
    """Where a file was the notebook at its path, it may be written anew from its first cell to its last."""
    on("bob", write(work / "growth.ipynb"))

    assert ID == on("bob", write(work / "growth.ipynb", *OTHERS, ids="new-")).notebook.id


def test_a_process_that_knows_the_file_needs_no_evidence(ada: Registration, work: Path) -> None:
    """While it runs, a notebook may be moved and written anew."""
    first = on("bob", write(work / "growth.ipynb"))
    (work / "growth.ipynb").unlink()

    assert ID == on("bob", write(work / "moved.ipynb", *OTHERS, ids="new-"), before=first).notebook.id


def test_an_argument_needs_no_evidence(ada: Registration, work: Path) -> None:
    """Whoever says the id in the call has it, from then on for this file."""
    path = write(work / "theirs.ipynb", *OTHERS, ids="eve-")
    copy = on("eve", path).notebook.id

    assert ID != copy
    assert [ID, ID] == [on("eve", path, notebook_id=ID).notebook.id, on("eve", path).notebook.id]


# -- copies on other machines --------------------------------------------------------------------------------------


def test_copies_beside_their_original_are_found_again(engine: sa.Engine, work: Path) -> None:
    """Wherever an original is registered with its copies beside it, each copy is the one it was."""
    paths = [write(work / f"{name}.ipynb") for name in ("growth", "a", "b")]

    found = [[on(host, path).notebook.id for path in paths] for host in ("8f3a", "c07d", "11be")]

    assert 1 == len({tuple(each) for each in found})
    assert 3 == len(set(found[0]))


def test_a_copy_beside_its_original_is_found_again_by_its_source(in_sqlite: sa.Engine, tmp_path: Path) -> None:
    """That is so at other paths, too, although its source is all that of the original."""

    def found(host: str) -> list[str]:
        return [on(host, write(tmp_path / host / f"{name}.ipynb")).notebook.id for name in ("growth", "copy")]

    assert found("8f3a") == found("c07d")


def test_a_copy_alone_on_another_machine(in_sqlite: sa.Engine, work: Path) -> None:
    """Where a copy is at its path of another machine, it is the copy, and not the original with which it shares all."""
    on("ada", write(work / "growth.ipynb"))
    copy = on("ada", write(work / "copy.ipynb")).notebook.id

    edited = write(work / "copy.ipynb", CELLS[0], CELLS[1], "x = 3\ny = 4")

    assert ID != copy == on("8f3a", edited).notebook.id
    assert ID == on("8f3a", write(work / "other.ipynb")).notebook.id


def test_a_copy_that_was_moved_meanwhile(in_sqlite: sa.Engine, work: Path) -> None:
    """While its process runs, a copy that no server saved may be moved, and is the same copy."""
    on("ada", write(work / "growth.ipynb"))
    first = on("ada", write(work / "copy.ipynb"))
    moved = (work / "copy.ipynb").rename(work / "moved.ipynb")

    assert ID != first.notebook.id == on("ada", moved, before=first).notebook.id


def test_a_link_to_a_copy_is_that_copy(in_sqlite: sa.Engine, work: Path) -> None:
    """Two names of one copy are one notebook."""
    on("ada", write(work / "growth.ipynb"))
    copy = on("ada", write(work / "copy.ipynb")).notebook.id
    (work / "link.ipynb").symlink_to(work / "copy.ipynb")

    assert copy == on("ada", work / "link.ipynb").notebook.id


def test_a_copy_of_a_copy_is_another_one(ada: Registration, work: Path) -> None:
    """A file beside a stranger's, with its content, is no more that one than it is the original."""
    path = write(work / "theirs.ipynb", *OTHERS, ids="eve-")
    first = on("eve", path).notebook.id
    shutil.copy(path, work / "again.ipynb")

    assert 3 == len({ID, first, on("eve", work / "again.ipynb").notebook.id})
    assert first == on("eve", path).notebook.id


def test_a_header_that_was_pasted(ada: Registration, work: Path) -> None:
    """A saved header that was pasted from a colleague's notebook does not take a notebook away from its id."""
    path = notebooks.write(work.with_name("mine.ipynb"), *OTHERS, ids="mine-")
    mine = on("eve", path).notebook.id
    content = json.loads(path.read_text())
    pasted = {"output_type": "display_data", "metadata": {}, "data": {identity.MIME: {"nbproject": STATED}}}
    content["cells"][0]["outputs"] = [pasted]
    path.write_text(json.dumps(content))

    assert mine == on("eve", path).notebook.id


# -- what is shown -------------------------------------------------------------------------------------------------


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Be another user on another machine, in a new process."""

    def become(name: str) -> None:
        monkeypatch.setenv("LN_JUPYTER_USER", name)
        monkeypatch.setattr("socket.gethostname", lambda: name)
        settings.forget()
        running.forget()

    yield become
    monkeypatch.undo()
    settings.forget()


@pytest.mark.usefixtures("engine")
def test_a_publication_is_whose_it_is(become: Callable[[str], None], work: Path) -> None:
    """A stranger publishes a notebook of their own; a colleague the same notebook, whose author it does not change."""
    become("ada")
    ln.header(filepath=write(work / "growth.ipynb", title="Growth"))
    become("eve")
    ln.header(filepath=write(work / "theirs.ipynb", *OTHERS, ids="eve-", title="Eve's"))
    ln.publish()
    become("bob")
    ln.header(filepath=write(work / "clone.ipynb", title="Growth"))
    ln.publish()

    found = ln.select(lns.Notebook).order_by(lns.Notebook.published_at).load("created_by", "published_by").all()

    assert [("Eve's", "eve", "eve"), ("Growth", "ada", "bob")] == [
        (each.title, each.created_by.handle, each.published_by.handle) for each in found
    ]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("is_at_same_path", [True, False])
def test_a_colleagues_clone_is_the_notebook(
    become: Callable[[str], None], tmp_path: Path, work: Path, *, is_at_same_path: bool
) -> None:
    """A clone on another machine, at the same path or another, is the notebook, edited or not, and takes nothing over."""
    become("ada")
    ln.header(filepath=write(work / "growth.ipynb", title="Growth"))
    clone = work if is_at_same_path else tmp_path / "clone"
    shutil.copytree(work, tmp_path / "hers")
    shutil.rmtree(work)
    found = []

    for sources in (CELLS, OTHERS):
        become("bob")
        ln.header(filepath=write(clone / "growth.ipynb", *sources, title="Growth"))
        found.append(ln.nb.notebook.id)
    become("ada")
    shutil.copytree(tmp_path / "hers", work, dirs_exist_ok=True)
    ln.header(filepath=work / "growth.ipynb")

    assert [ID, ID, ID] == [*found, ln.nb.notebook.id]
    assert "ada" == ln.select(lns.Notebook).load("created_by").one().created_by.handle
    assert ["ada", "bob", "bob", "ada"] == [run.host for run in ln.select(lns.Run).order_by(lns.Run.created_at).all()]


@pytest.mark.usefixtures("in_sqlite")
def test_the_header_names_the_publisher(
    become: Callable[[str], None], work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Publishing, and each later header of that version by whomever, shows who published it."""
    become("ada")
    ln.header(filepath=write(work / "growth.ipynb", title="Growth"))
    become("bob")
    ln.header(filepath=write(work / "clone.ipynb", title="Growth"))
    ln.publish()
    become("ada")
    ln.header(filepath=work / "growth.ipynb")

    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Growth · ")]
    assert [False, False, True, True] == [line.endswith(" by bob") for line in shown]


@pytest.mark.usefixtures("in_sqlite")
def test_the_header_says_that_a_copy_was_made(
    become: Callable[[str], None], work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The header that makes a copy says of what, why, and how to say otherwise; later ones say of what."""
    become("ada")
    ln.header(filepath=write(work / "growth.ipynb"))
    for _ in range(2):
        become("eve")
        ln.header(filepath=write(work / "theirs.ipynb", *OTHERS, ids="eve-"))

    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("copy of")]
    copy = f"copy of {ID} · version 1"
    why = "it has nothing in common with that one, so this id is new"
    assert [f'{copy} · {why}: ln.header(id="{ID}") goes on with the original', copy] == shown
