import subprocess
import sys

import pytest

from ln_jupyter import errors
from tests.ipython import kernel_driver

SETUP = "import ln_jupyter\nln_jupyter.install_as_lamindb()"

# The session tutorial, as it was written for lamindb.
TUTORIAL = [
    "import lamindb as ln\nimport lamindb.schema as lns\nln.nb.header(id='Rx2s9cPTMQLY', name='Sessions')",
    "pipeline = lns.Pipeline(name='Transform A')\nrun = lns.Run(name='Solve Problem X', pipeline=pipeline)",
    "ln.add(run)\nassert run.pipeline is pipeline",
    "run = ln.select(lns.Run, name='Solve Problem X').first()\nassert run.pipeline_id == pipeline.id",
    "run.pipeline",
    "ss = ln.Session()\nrun = ss.select(lns.Run, name='Solve Problem X').first()\nassert run.pipeline.name == 'Transform A'",
    "ss.close()\nassert run.pipeline.name == 'Transform A'",
    "run.notebook",
    "with ln.Session() as ss:\n    run = ss.select(lns.Run, name='Solve Problem X').first()\n    run.pipeline",
    "assert run.pipeline.name == 'Transform A'",
]
DETACHED = {4, 7}


@pytest.fixture
def python(tmp_path):
    """Run code in a new process, where a folder of packages is first on the path."""

    def run(code):
        environment = kernel_driver.environment(tmp_path)
        environment["PYTHONPATH"] = f"{tmp_path}:{environment['PYTHONPATH']}"
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def lamindb(tmp_path):
    """A package that is installed under the name."""
    (tmp_path / "lamindb").mkdir()
    (tmp_path / "lamindb" / "__init__.py").write_text("real = True\n")
    (tmp_path / "lamindb" / "schema.py").write_text("real = True\n")


def test_the_original_tutorial(tmp_path):
    """In a real kernel, the session tutorial written for lamindb gives what it promises, cell by cell."""
    with kernel_driver.start(tmp_path, SETUP) as kernel:
        executed = [kernel.run(source) for source in TUTORIAL]
        tables = kernel.read("[ln.select(model).count() for model in (lns.Notebook, lns.Pipeline)]")

    expected = [["DetachedInstanceError"] if n in DETACHED else [] for n in range(len(TUTORIAL))]
    assert expected == [cell.errors for cell in executed]
    assert [1, 1] == tables


@pytest.mark.newest
def test_both_names_are_one_package(python):
    """The old name and the new one give the same module and the same classes."""
    done = python(
        f"{SETUP}\nimport lamindb, lamindb.schema as lns\nfrom lamindb.schema import Run\n"
        "assert lamindb is ln_jupyter and Run is lns.Run is ln_jupyter.schema.Run"
    )

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.newest
def test_twice_is_fine(python):
    """A second call, as when a cell runs again, changes nothing."""
    done = python(f"{SETUP}\nimport lamindb.schema\n{SETUP}\nassert lamindb is ln_jupyter")

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.newest
@pytest.mark.usefixtures("lamindb")
@pytest.mark.parametrize("before", ["", "import lamindb.schema\n"])
def test_the_real_one_is_not_hidden(python, before):
    """Where lamindb is installed, or imported already, taking its name is refused, and says how to insist."""
    done = python(f"{before}{SETUP}")

    assert (
        "ln_jupyter.errors.LamindbInstalledError: the real lamindb is installed here, and would be hidden\n"
        "fix: ln_jupyter.install_as_lamindb(replace=True)\n"
    ) in done.stderr


@pytest.mark.newest
@pytest.mark.usefixtures("lamindb")
@pytest.mark.parametrize("before", ["", "import lamindb.schema\n"])
def test_the_real_one_can_be_replaced(python, before):
    """With ``replace=True`` the name is taken, also from what was imported before."""
    done = python(
        f"{before}import ln_jupyter\nln_jupyter.install_as_lamindb(replace=True)\n"
        "import lamindb.schema as lns\nassert lns.Run is ln_jupyter.schema.Run"
    )

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.newest
def test_a_folder_of_that_name_is_no_package(python, tmp_path):
    """A folder called lamindb beside the notebook, with notes or data, is not in the way."""
    (tmp_path / "lamindb").mkdir()

    done = python(f"{SETUP}\nimport lamindb\nassert lamindb is ln_jupyter")

    assert (0, "") == (done.returncode, done.stderr)


def test_the_error_is_an_import_error():
    """Who guards an import against ImportError guards against this one too."""
    assert issubclass(errors.LamindbInstalledError, ImportError)
