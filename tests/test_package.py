import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import ln_jupyter

PROJECT = Path(ln_jupyter.__file__).parent.parent
pytestmark = pytest.mark.newest


def run(*command, cwd, env=None):
    words = [str(part) for part in command]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that this checkout builds."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=PROJECT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of a new environment with nothing but the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("installed")
    has_uv = shutil.which("uv") is not None
    venv.create(folder, with_pip=not has_uv)
    python = folder / "bin" / "python"
    install = ["uv", "pip", "install", "--python", python] if has_uv else [python, "-m", "pip", "install"]
    run(*install, "-qq", wheel, cwd=folder)
    return folder / "bin"


def test_version_comes_from_one_place():
    """The installed version is the one in the package."""
    assert metadata.version("ln-jupyter") == ln_jupyter.__version__


def test_wheel_holds_every_file_of_the_package(wheel):
    """The wheel holds every file of the package, typing marker, styles and migrations included."""
    source = {
        str(file.relative_to(PROJECT))
        for file in (PROJECT / "ln_jupyter").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("ln_jupyter/")}

    assert packed == source


def test_wheel_enables_the_server_extension(wheel):
    """Installing the wheel is enough for Jupyter Server to load the extension."""
    with zipfile.ZipFile(wheel) as archive:
        config = next(name for name in archive.namelist() if name.endswith("jupyter_server_config.d/ln_jupyter.json"))
        content = json.loads(archive.read(config))

    assert "/data/etc/jupyter/" in config
    assert content == {"ServerApp": {"jpserver_extensions": {"ln_jupyter": True}}}


def test_installed_alone_it_imports(installed, tmp_path):
    """Without any extra, every public name resolves."""
    code = "import ln_jupyter; [getattr(ln_jupyter, name) for name in ln_jupyter.__all__]; print(ln_jupyter.__file__)"

    file = run(installed / "python", "-I", "-W", "error", "-c", code, cwd=tmp_path)

    assert PROJECT not in Path(file).parents


def test_installed_alone_the_command_runs(installed, tmp_path):
    """Without any extra, the command shows its help."""
    assert "Usage: ln-jupyter" in run(installed / "ln-jupyter", "--help", cwd=tmp_path)


IN_A_KERNEL = """
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel()
for cell in (
    "import ln_jupyter as ln, ln_jupyter.schema as lns\\nln.header(id='Rx2s9cPTMQLY', name='alone')",
    "_ = ln.add(lns.Run(name='x', pipeline=lns.Pipeline(name='p')))",
    "%%ln_session\\nassert ln.select(lns.Run, name='x').one().pipeline.name == 'p'",
):
    reply = client.execute_interactive(cell)["content"]
    assert reply["status"] == "ok", reply
client.stop_channels()
manager.shutdown_kernel()
"""


def test_installed_alone_it_registers(installed, tmp_path):
    """Without any extra, a kernel registers a notebook and runs a session cell, and the command lists it."""
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    environment = {**os.environ, "LN_JUPYTER_URL": url, "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path)}

    run(installed / "python", "-c", IN_A_KERNEL, cwd=tmp_path, env=environment)

    assert "Rx2s9cPTMQLY" in run(installed / "ln-jupyter", "list", "--db", url, cwd=tmp_path)
