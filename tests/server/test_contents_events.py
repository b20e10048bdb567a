import pytest
import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.registry import schema_version
from ln_jupyter.schema import Notebook
from tests.faults.heard import FORMS, Listener
from tests.server.conftest import notebook
from tests.server.projects import Project


@pytest.fixture
def project(server, request):
    return Project(server, request.node.name)


def test_rename(project):
    """A renamed notebook is known by its new path."""
    project.register("a.ipynb", notebook_id="a")

    project.rename("a.ipynb", "größe 1.ipynb")

    project.wait_for({"größe 1.ipynb": "a"})


def test_move(project):
    """A notebook that is moved to another folder is known there."""
    project.register("a.ipynb", notebook_id="a")
    (project.folder / "sub").mkdir()

    project.rename("a.ipynb", "sub/a.ipynb")

    project.wait_for({"sub/a.ipynb": "a"})


def test_rename_of_a_folder(project):
    """With a folder, all notebooks in it move; those in folders that are merely named alike do not."""
    for path in ("sub/a.ipynb", "sub/deep/b.ipynb", "sub.ipynb", "Sub/c.ipynb", "sub_x/d.ipynb"):
        project.register(path, notebook_id=path)

    project.rename("sub", "sub_2")

    moved = {"sub_2/a.ipynb": "sub/a.ipynb", "sub_2/deep/b.ipynb": "sub/deep/b.ipynb"}
    project.wait_for(moved | {path: path for path in ("sub.ipynb", "Sub/c.ipynb", "sub_x/d.ipynb")})


def test_rename_onto_a_stale_path(project):
    """Who was known at the new path, and is gone, gives way."""
    project.register("a.ipynb", notebook_id="a")
    project.register("b.ipynb", notebook_id="gone", exists=False)

    project.rename("a.ipynb", "b.ipynb")

    project.wait_for({"b.ipynb": "a"})


def test_rename_of_a_project(project, server):
    """A project's folder takes its registry with it, and its notebooks are known by their new paths."""
    project.register("a.ipynb", notebook_id="a")

    server.send("PATCH", f"api/contents/{project.name}", {"path": f"{project.name} 2"})

    project.folder = server.folder / f"{project.name} 2"
    project.file = project.folder / settings.PROJECT_FOLDER / settings.REGISTRY_FILE
    project.wait_for({"a.ipynb": "a"})


def test_paths_of_other_machines(project):
    """The same path on another machine is another file, and stays."""
    project.register("a.ipynb", notebook_id="here")
    project.register("b.ipynb", notebook_id="there", host="elsewhere")

    project.rename("a.ipynb", "c.ipynb")
    project.rename("b.ipynb", "d.ipynb")

    project.wait_for({"c.ipynb": "here", "b.ipynb": "there"})


def test_delete(project, server):
    """A deleted notebook's path is forgotten; the notebook is not."""
    project.register("a.ipynb", notebook_id="a")

    server.send("DELETE", f"api/contents/{project.name}/a.ipynb")

    project.wait_for({})
    with project.connect() as connection:
        assert ["a"] == connection.scalars(sa.select(Notebook.id)).all()


def test_copy(project, server):
    """A copy has no identity from the server, not even that of a notebook that once stood there."""
    project.register("a.ipynb", notebook_id="a")
    project.register("a-Copy1.ipynb", notebook_id="gone", exists=False)

    server.send("POST", f"api/contents/{project.name}", {"copy_from": f"{project.name}/a.ipynb"})

    project.wait_for({"a.ipynb": "a"})
    assert (project.folder / "a-Copy1.ipynb").exists()


def test_order(project):
    """Renamed there and back and on, a notebook is known where it ended."""
    project.register("a.ipynb", notebook_id="a")

    for old, new in ("ab", "ba", "ac", "cd"):
        project.rename(f"{old}.ipynb", f"{new}.ipynb")

    project.wait_for({"d.ipynb": "a"})


def test_busy_registry_blocks_nobody(project, server):
    """While somebody holds the registry's write lock the server serves; the rename is noted afterwards."""
    project.register("a.ipynb", notebook_id="a")

    with project.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        project.rename("a.ipynb", "b.ipynb")
        served = server.get("ln-jupyter/api/status")
        connection.rollback()

    assert served
    project.wait_for({"b.ipynb": "a"})


@pytest.mark.newest
@pytest.mark.parametrize("database", ["absent", "empty", "strange", "corrupt", "of the future"])
def test_unusable_registry(project, server, database):
    """Where there is no registry to tell, nothing is made, nothing is changed and nobody is told."""
    project.register("a.ipynb", notebook_id="a")
    if database == "of the future":
        with project.connect() as connection:
            connection.execute(sa.update(schema_version.TABLE).values(version_num="9999", oldest_reader=9999))
            connection.commit()
    else:
        project.file.unlink()
    if database == "empty":
        project.file.touch()
    if database == "strange":
        with project.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE theirs (x)")
    if database == "corrupt":
        project.file.write_bytes(b"no database" * 100)
    before = project.file.read_bytes() if project.file.exists() else None
    log = len(server.log)
    other = Project(server, f"{project.name} beside")
    other.register("a.ipynb", notebook_id="a")

    project.rename("a.ipynb", "b.ipynb")
    other.rename("a.ipynb", "b.ipynb")

    other.wait_for({"b.ipynb": "a"})  # one worker, in order: the first was tried before
    assert before == (project.file.read_bytes() if project.file.exists() else None)
    assert "ln_jupyter" not in server.log[log:]


def test_project_that_is_off(project, server):
    """Where tracking is off, nothing is noted."""
    (project.folder / "pyproject.toml").write_text('[tool.ln_jupyter]\nmode = "off"\n')
    project.register("a.ipynb", notebook_id="a")
    other = Project(server, f"{project.name} beside")
    other.register("a.ipynb", notebook_id="a")

    project.rename("a.ipynb", "b.ipynb")
    other.rename("a.ipynb", "b.ipynb")

    other.wait_for({"b.ipynb": "a"})
    assert {"a.ipynb": "a"} == project.paths()


def test_a_project_that_names_a_server(project, server, tmp_path_factory):
    """What is saved, renamed, copied and deleted in a project that nobody approved is told to no server."""
    listener = Listener(tmp_path_factory.mktemp("heard"))
    stranger = server.folder / "stranger"
    stranger.mkdir()
    for number, form in enumerate(FORMS):
        listener.be_named(stranger, form)
        server.save("stranger/a.ipynb", notebook())
        server.send("POST", "api/contents/stranger", {"copy_from": "stranger/a.ipynb"})
        server.send("PATCH", "api/contents/stranger/a.ipynb", {"path": f"stranger/{number}.ipynb"})
        server.send("DELETE", f"api/contents/stranger/{number}.ipynb")

    project.register("a.ipynb", notebook_id="a")
    project.rename("a.ipynb", "b.ipynb")
    project.wait_for({"b.ipynb": "a"})  # after all that was heard before
    listener.close()
    assert [] == listener.heard
