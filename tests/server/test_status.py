import urllib.error
from pathlib import Path

import pytest

import ln_jupyter
from tests.notebook.conftest import RunningKernel, connect
from tests.server.conftest import JupyterServer, notebook

ASK = """
from ln_jupyter.locate import find, jupyter_server
keeps = str(jupyter_server.keeps_identity(find.find()))
"""


def test_status(server):
    """The server says which release it runs, and that it keeps identities, wherever its base URL is."""
    assert {"version": ln_jupyter.__version__, "hook": True} == server.get("ln-jupyter/api/status")


def test_answers_are_for_users_only(server):
    """Without the server's token nothing is answered."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.get("ln-jupyter/api/status", token="guessed")

    refused.value.close()
    assert refused.value.code == 403


def test_answers_are_for_whom_the_server_authorizes(server_environment, tmp_path):
    """Who may use the server, and by its own rules nothing of ours, is answered nothing of ours."""
    (tmp_path / "rules.py").write_text(
        "from jupyter_server.auth.authorizer import Authorizer\n\n\n"
        "class Rules(Authorizer):\n"
        "    def is_authorized(self, handler, user, action, resource):\n"
        "        return resource != 'ln_jupyter'\n"
    )
    environment = server_environment | {"PYTHONPATH": str(tmp_path)}
    server = JupyterServer(tmp_path / "root", environment, "--ServerApp.authorizer_class=rules.Rules")
    try:
        assert "started" in server.get("api/status")
        with pytest.raises(urllib.error.HTTPError) as refused:
            server.get("ln-jupyter/api/status")
        refused.value.close()
        assert refused.value.code == 403
    finally:
        server.stop()


@pytest.fixture
def ask(server_environment, tmp_path):
    """Ask, in a kernel of a server with these options, whether saving its notebook keeps the identity."""
    servers = []

    def ask(*options):
        server = JupyterServer(tmp_path / "root", server_environment, *options)
        servers.append(server)
        server.save("n.ipynb", notebook())
        kernel = {"name": "python3"}
        body = {"path": "n.ipynb", "name": "n.ipynb", "type": "notebook", "kernel": kernel}
        session = server.send("POST", "api/sessions", body)
        runtime = Path(server_environment["JUPYTER_RUNTIME_DIR"])
        client = connect(runtime / f"kernel-{session['kernel']['id']}.json")
        answer = RunningKernel(client).execute(ASK, value="keeps")
        client.stop_channels()
        client.context.destroy()
        return answer

    yield ask
    for server in servers:
        server.stop()


def test_kernel_knows_that_the_server_keeps_identities(ask):
    """A kernel of a server with the extension knows what a save will do."""
    assert ask() == "True"


def test_kernel_knows_that_the_extension_is_absent(ask):
    """A kernel of a server without the extension knows that too."""
    assert ask("--ServerApp.jpserver_extensions={'ln_jupyter': False}") == "False"
