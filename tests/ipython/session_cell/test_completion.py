from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ln_jupyter.ipython.session_cell.completion import candidates

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Kernel

OF_A_CELL = ["--as", "--db", "--profile", "--readonly", "--rollback", "--write"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["cell", "close", "commit", "open", "rollback", "status"]),
        ("op", ["cell", "close", "commit", "open", "rollback", "status"]),
        ("open ", ["--as", "--db", "--profile", "--readonly"]),
        ("cell --as ss --write ", ["--db", "--profile", "--readonly", "--rollback"]),
        ("cell --as ", []),
        ("cell --db ", ["lab"]),
        ("close ", []),
        ("nonsense ", []),
    ],
)
def test_candidates(text: str, expected: list[str]) -> None:
    """A verb first; then its options, each once; a variable that holds a database after `--db`."""
    assert expected == candidates(text, {"lab": "sqlite://", "_i1": "sqlite://", "n": 1})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("%%ln_session ", OF_A_CELL),
        ("%%ln_session --r", ["--readonly", "--rollback"]),
        ("x = 1\n    %ln_session o", ["open"]),
        ("%%ln_session --db registr", ["registry_of_the_lab"]),
    ],
)
def test_tab(kernel: Kernel, code: str, expected: list[str]) -> None:
    """The Tab key offers what can stand there, and nothing else."""
    kernel.run("registry_of_the_lab = 'sqlite:///lab.db'")

    offered = kernel.complete(code)

    assert expected == offered


def test_tab_elsewhere(kernel: Kernel) -> None:
    """The rest of the notebook completes as before."""
    kernel.run("unheard_of = 1")

    offered = kernel.complete("%%ln_session\nunheard_")

    assert ["unheard_of"] == offered
