import subprocess
import sys

import pytest

import ln_jupyter
from tests.server.conftest import JupyterServer
from tests.server.projects import Project


def test_extension_is_listed_as_valid(server_environment):
    """`jupyter server extension list` says that the extension is enabled and OK."""
    command = [sys.executable, "-m", "jupyter_server.extension.serverextension", "list"]

    done = subprocess.run(command, env=server_environment, capture_output=True, text=True, check=True)

    report = done.stdout + done.stderr
    assert "- Validating ln_jupyter..." in report
    assert f"ln_jupyter {ln_jupyter.__version__} \x1b[32mOK" in report


def test_extension_loads_with_the_server(server):
    """A server that starts says that it loaded the extension."""
    assert "ln_jupyter | extension was successfully loaded." in server.log


@pytest.mark.newest
def test_server_starts_without_a_database(server_environment, tmp_path):
    """A server that runs has imported no SQLAlchemy, nor nbproject: it starts as fast with us as without."""
    code = """
import sys
from jupyter_server.serverapp import ServerApp
app = ServerApp.instance()
app.initialize(["--allow-root", "--no-browser", "--port=0", "--ip=127.0.0.1"])
def tell():
    print("ln_jupyter.server.contents_events" in sys.modules, sorted({"sqlalchemy", "alembic", "nbproject"} & set(sys.modules)))
    app.stop()
app.io_loop.add_callback(tell)
app.start()
"""

    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=server_environment, capture_output=True, text=True, check=True)

    assert done.stdout == "True []\n"


@pytest.mark.newest
def test_what_was_heard_is_written_before_the_end(server_environment, tmp_path):
    """A server that is stopped right after a rename has told the registry."""
    server = JupyterServer(tmp_path / "root", server_environment)
    project = Project(server, "project")
    project.register("a.ipynb", notebook_id="a")

    project.rename("a.ipynb", "b.ipynb")
    server.stop()

    assert {"b.ipynb": "a"} == project.paths()
