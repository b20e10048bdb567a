from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ln_jupyter.locate import launcher
from ln_jupyter.locate.launcher import Launcher


@pytest.mark.parametrize(
    ("runner", "notebooks", "line"),
    [
        ("jupyter-execute", ["a.ipynb"], "python /bin/jupyter-execute --inplace a.ipynb"),
        ("jupyter-execute", ["a.ipynb", "b.ipynb"], "python /bin/jupyter-execute a.ipynb b.ipynb"),
        ("nbconvert", ["a.ipynb"], "python -W ignore -m nbconvert --execute a.ipynb --output out.ipynb"),
        ("nbconvert", ["a.ipynb"], "python jupyter-nbconvert --output=out.ipynb a.ipynb"),
        ("jupyter-execute", ["a.ipynb", "sub/b.ipynb"], "python /bin/jupyter-execute --kernel_name x a sub/b"),
        ("nbconvert", ["v1.5.ipynb", "b*.ipynb"], "python jupyter-nbconvert --to html --execute v1.5 b*"),
        ("papermill", ["in.ipynb"], "python /bin/papermill in.ipynb out.ipynb"),
        ("papermill", [], "python /bin/papermill in out"),
        ("papermill", ["in.ipynb"], "python -m papermill -p x y.ipynb -r x z.ipynb in.ipynb out.ipynb"),
        ("papermill", ["in.ipynb"], "python C:/Scripts/papermill.exe in.ipynb"),
        ("papermill", [], "python -m papermill"),
        ("jupytext", ["a.ipynb"], "python /bin/jupytext --execute a.ipynb"),
        ("", [], "python my_papermill_pipeline.py a.ipynb"),
        ("", [], "python -m ipykernel_launcher -f /run/tmp.json"),
        ("", [], "vim a.ipynb papermill b.ipynb"),
        ("", [], ""),
    ],
)
def test_command_line(runner: str, notebooks: list[str], line: str) -> None:
    """A notebook counts where a runner stands before it, and no option takes it for its value."""
    program = Launcher(tuple(line.split()))

    assert runner == program.runner
    assert notebooks == list(program.notebooks)


@pytest.mark.parametrize(("expected", "line"), [(Path("x"), "--cwd x"), (Path("x"), "--cwd=x"), (None, "x --cwdx")])
def test_left_for(*, expected: Path | None, line: str) -> None:
    """`papermill`'s --cwd is seen in both of its spellings."""
    assert expected == Launcher(tuple(line.split())).left_for


def test_of_a_process(tmp_path: Path) -> None:
    """A process tells its command line, its folder and what it was started with."""
    program = "import os; os.environ['LN_A'] = 'set later'; print(flush=True); input()"
    environment = os.environ | {"LN_A": "at the start"}
    command = [sys.executable, "-c", program, "a.ipynb"]
    pipe = subprocess.PIPE

    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = launcher.read(process.pid)
        process.communicate(b"\n")

    assert found.arguments[-1] == "a.ipynb"
    assert tmp_path.resolve() == found.folder
    assert found.environment["LN_A"] == "at the start"


def test_of_nobody() -> None:
    """A process that has ended tells nothing."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    assert Launcher() == launcher.read(process.pid)
    assert frozenset() == launcher.open_files(process.pid)
