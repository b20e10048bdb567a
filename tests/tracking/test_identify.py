"""Copies, moves, clones and worktrees: who a notebook is, on both databases."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.locate.location import Location
from ln_jupyter.tracking import register as rows
from ln_jupyter.tracking import request as requests
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from ln_jupyter.tracking.register import Registration

    Register = Callable[..., Registration]

ID = "Rx2s9cPTMQLY"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """Give a notebook whose file says who it is."""
    (tmp_path / "work").mkdir()
    return notebooks.write(tmp_path / "work" / "growth.ipynb", title="Growth", nbproject={"id": ID, "version": "3"})


def git(folder: Path, *command: str) -> None:
    identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")


def test_a_copy_is_a_notebook_of_its_own(register: Register, notebook: Path) -> None:
    """A copied file gets a new id at its first header, and begins with version 1; its parent is the original."""
    original = register(notebook).notebook
    copy = shutil.copy(notebook, notebook.with_name("copy.ipynb"))

    found = register(notebook.with_name("copy.ipynb")).notebook

    assert copy
    assert original.id != found.id
    assert (ID, "3", "1") == (found.parent_id, found.parent_v, found.v)


def test_a_copy_keeps_its_id(register: Register, notebook: Path) -> None:
    """A copy that no server ever saves goes on stating its parent's id, and is itself at every run."""
    register(notebook)
    copy = notebook.with_name("copy.ipynb")
    shutil.copy(notebook, copy)
    first = register(copy)

    again = [register(copy).notebook.id, register(copy, before=first).notebook.id]

    assert [first.notebook.id] * 2 == again
    assert ID == register(notebook).notebook.id


def test_a_copy_keeps_its_id_when_its_parent_goes(register: Register, notebook: Path) -> None:
    """A copy does not become the original when that is deleted."""
    register(notebook)
    copy = notebook.with_name("copy.ipynb")
    shutil.copy(notebook, copy)
    found = register(copy).notebook.id
    notebook.unlink()

    assert found == register(copy).notebook.id


def test_a_copy_that_was_saved_states_its_own_id(register: Register, notebook: Path) -> None:
    """Once the file says the copy's id, that is who it is, also after it moved."""
    register(notebook)
    copy = notebook.with_name("copy.ipynb")
    shutil.copy(notebook, copy)
    own = register(copy).notebook.id
    notebooks.write(copy, title="Growth", nbproject={"id": own, "version": "1"})
    copy.rename(notebook.with_name("moved.ipynb"))

    assert own == register(notebook.with_name("moved.ipynb")).notebook.id


def test_copies_of_a_copy_are_different(register: Register, notebook: Path) -> None:
    """Every copy is itself, whatever it was copied from."""
    paths = [notebook, *(notebook.with_name(f"{n}.ipynb") for n in range(3))]
    for path in paths[1:]:
        shutil.copy(notebook, path)

    found = [register(path).notebook.id for path in paths]

    assert 4 == len(set(found))
    assert found == [register(path).notebook.id for path in paths]


def test_a_move_keeps_the_id(register: Register, notebook: Path) -> None:
    """A file that is at its old path no more is the same notebook at its new one."""
    register(notebook)
    moved = notebook.rename(notebook.with_name("moved.ipynb"))

    assert (ID, "3") == (register(moved).notebook.id, register(moved).notebook.v)
    assert 1 == ln.select(lns.Notebook).count()


def test_a_move_whose_old_path_is_taken_keeps_the_id(register: Register, notebook: Path) -> None:
    """Another notebook at the old path does not make a copy of the one that moved."""
    register(notebook)
    moved = notebook.rename(notebook.with_name("moved.ipynb"))
    notebooks.write(notebook, "'something else'", ids="x")

    assert ID == register(moved).notebook.id
    assert ID != register(notebook).notebook.id


def test_an_original_that_no_server_saved_is_still_there(register: Register, notebook: Path) -> None:
    """A file without metadata is the original of its copy by what it contains."""
    first = register(notebooks.write(notebook, title="Growth")).notebook.id
    copy = notebooks.write(notebook.with_name("copy.ipynb"), title="Growth", nbproject={"id": first, "version": "1"})

    assert first != register(copy).notebook.id


def test_an_original_that_cannot_be_read_is_still_there(register: Register, notebook: Path) -> None:
    """A merge conflict in the original does not give its id to the copy."""
    register(notebook)
    copy = notebook.with_name("copy.ipynb")
    shutil.copy(notebook, copy)
    notebook.write_text("<<<<<<< HEAD\n")

    assert ID != register(copy).notebook.id


@pytest.mark.parametrize("is_hard", [False, True], ids=["soft", "hard"])
@pytest.mark.parametrize("is_first", [False, True], ids=["file-first", "link-first"])
def test_a_link_is_the_same_notebook_before_anybody_saved_an_id(
    register: Register, tmp_path: Path, *, is_first: bool, is_hard: bool
) -> None:
    """A file that states no id is one notebook under each of its names, edited or not; a copy beside it is another."""
    file = notebooks.write(tmp_path / "growth.ipynb", "x = 1", "y = 2")
    link = tmp_path / "link.ipynb"
    link.hardlink_to(file) if is_hard else link.symlink_to(file)
    first, second = (link, file) if is_first else (file, link)

    found = register(first)
    notebooks.write(file, "x = 1", "y = 3", "z = 4")

    assert found.notebook.id == register(second).notebook.id == register(first).notebook.id
    shutil.copy(file, tmp_path / "copy.ipynb")
    assert found.notebook.id != register(tmp_path / "copy.ipynb").notebook.id


def test_a_link_to_a_script_is_that_script(register: Register, tmp_path: Path) -> None:
    """A script is one under each of its names."""
    script, link, second = (tmp_path / name for name in ("growth.py", "link.py", "second.py"))
    script.write_text("x = 1")
    link.symlink_to(script)
    second.symlink_to(script)
    found = register(link).notebook.id

    assert found == register(script).notebook.id
    script.write_text("x = 2")
    assert found == register(second).notebook.id


def test_a_link_that_leads_elsewhere_now_is_another_notebook(register: Register, tmp_path: Path) -> None:
    """A name that leads to another file is no evidence for the first one."""
    files = [notebooks.write(tmp_path / f"{name}.ipynb", f"{name} = 1", ids=name) for name in "ab"]
    link = tmp_path / "link.ipynb"
    link.symlink_to(files[0])
    first = register(link).notebook.id
    assert first == register(files[0]).notebook.id
    link.unlink()
    link.symlink_to(files[1])

    second = register(link).notebook.id

    assert first == register(files[0]).notebook.id != second == register(files[1]).notebook.id


def test_a_link_is_no_copy(register: Register, notebook: Path) -> None:
    """Two names of one file are one notebook."""
    register(notebook)
    link = notebook.with_name("link.ipynb")
    link.symlink_to(notebook)

    assert ID == register(link).notebook.id


def test_an_argument_decides(register: Register, notebook: Path) -> None:
    """Whoever says the id by hand gets it, also for a copy."""
    register(notebook)
    copy = notebook.with_name("copy.ipynb")
    shutil.copy(notebook, copy)

    assert ID == register(copy, notebook_id=ID).notebook.id


def test_paths_of_another_machine_do_not_count(register: Register, notebook: Path) -> None:
    """A clone on another machine keeps the id, although the file is here as well."""
    register(notebook)
    copy = notebook.with_name("copy.ipynb")
    shutil.copy(notebook, copy)
    request = requests.look_at(Location(copy, "test"))
    elsewhere = request._replace(process=request.process._replace(host="elsewhere"))

    assert ID == rows.register(elsewhere, before=None, run=None).notebook.id


def test_a_clone_keeps_the_id(register: Register, notebook: Path, tmp_path: Path) -> None:
    """A clone beside its original holds the same notebook, at every run of either."""
    commit(notebook.parent)
    register(notebook)
    git(tmp_path, "clone", "-q", str(notebook.parent), "clone")

    assert [ID, ID] == [register(path).notebook.id for path in (tmp_path / "clone" / notebook.name, notebook)]


def test_a_clone_without_a_remote_keeps_the_id(register: Register, notebook: Path, tmp_path: Path) -> None:
    """A clone that forgot where it came from begins with the same commit."""
    commit(notebook.parent)
    register(notebook)
    git(tmp_path, "clone", "-q", str(notebook.parent), "clone")
    git(tmp_path / "clone", "remote", "remove", "origin")

    assert ID == register(tmp_path / "clone" / notebook.name).notebook.id


def test_two_shallow_clones_keep_the_id(register: Register, notebook: Path, tmp_path: Path) -> None:
    """Two clones of a third repository hold the same notebook, also where they know no common commit."""
    commit(notebook.parent)
    for name in ("one", "two"):
        git(tmp_path, "clone", "-q", "--depth", "1", f"file://{notebook.parent}", name)
        git(notebook.parent, "commit", "-q", "--allow-empty", "-m", "more")

    assert [ID, ID] == [register(tmp_path / name / notebook.name).notebook.id for name in ("one", "two")]


def test_a_worktree_keeps_the_id(register: Register, notebook: Path, tmp_path: Path) -> None:
    """A second work tree of a repository holds the same notebook, also on a branch without history."""
    commit(notebook.parent)
    register(notebook)
    tree = tmp_path / "tree"
    git(notebook.parent, "worktree", "add", "-q", "-b", "idea", str(tree))
    git(tree, "checkout", "-q", "--orphan", "anew")
    git(tree, "commit", "-q", "-m", "anew")

    assert ID == register(tree / notebook.name).notebook.id


def test_a_copy_inside_a_clone_is_a_copy(register: Register, notebook: Path, tmp_path: Path) -> None:
    """Under another name, a file of a clone is a copy."""
    commit(notebook.parent)
    register(notebook)
    git(tmp_path, "clone", "-q", str(notebook.parent), "clone")
    copy = tmp_path / "clone" / "copy.ipynb"
    shutil.copy(notebook, copy)

    assert ID != register(copy).notebook.id


def test_the_same_name_in_another_repository_is_a_copy(register: Register, notebook: Path, tmp_path: Path) -> None:
    """A project that begins with a file of another project has a copy of it."""
    commit(notebook.parent)
    register(notebook)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(notebook, other / notebook.name)
    (other / "readme").write_text("another one")
    commit(other)

    assert ID != register(other / notebook.name).notebook.id


def test_one_cell_is_no_evidence(register: Register, tmp_path: Path) -> None:
    """A new notebook that begins with the header, as its predecessor at the path did, is a new one."""
    path = tmp_path / "Untitled.ipynb"
    first = register(notebooks.write(path, ids="first")).notebook.id

    assert first != register(notebooks.write(path, ids="second")).notebook.id


def test_one_cell_without_ids_is_evidence(register: Register, tmp_path: Path) -> None:
    """Before nbformat 4.5 cells have no ids: the same source at the same path is the same notebook."""
    path = notebooks.write(tmp_path / "old.ipynb")
    content = json.loads(path.read_text())
    for cell in content["cells"]:
        del cell["id"]
    path.write_text(json.dumps(content | {"nbformat_minor": 2}))

    assert register(path).notebook.id == register(path).notebook.id


def test_a_script_is_known_by_its_path(register: Register, tmp_path: Path) -> None:
    """A script that was edited is the same notebook; a copy of it is another one."""
    script = tmp_path / "solve.py"
    script.write_text("print(1)")
    first = register(script).notebook.id
    copy = Path(shutil.copy(script, tmp_path / "copy.py"))
    script.write_text("print(2)")

    assert first == register(script).notebook.id
    assert first != register(copy).notebook.id


@pytest.mark.parametrize("has_metadata", [False, True], ids=["new", "copy"])
def test_kernels_that_see_a_file_first_at_once_agree(register: Register, notebook: Path, *, has_metadata: bool) -> None:
    """Of kernels that register a new notebook, or a new copy, at the same time, one gives it its id."""
    register(notebook)  # the user is known: no row of theirs keeps the kernels apart
    path = notebook.with_name("second.ipynb")
    if has_metadata:
        shutil.copy(notebook, path)
    else:
        notebooks.write(path, "1", "2", ids="new")

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: register(path).notebook.id, range(16)))

    assert 1 == len(found)
    assert 2 == ln.select(lns.Notebook).count()
