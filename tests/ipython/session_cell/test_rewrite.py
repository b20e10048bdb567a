from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from ln_jupyter.ipython.session_cell.rewrite import rewrite

OPEN = "get_ipython().run_line_magic('ln_session', 'cell')\n"


@pytest.fixture
def transformers() -> TransformerManager:
    manager = TransformerManager()
    manager.cleanup_transforms.append(rewrite)
    return manager


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%ln_session\nx = 1\n", f"{OPEN}x = 1\n"),
        ("%%ln_session", OPEN),
        ("%%ln_session  \t\nx = 1\n", f"{OPEN}x = 1\n"),
        ("\n\n# why\n%%ln_session\nx = 1\n", f"# why\n{OPEN}x = 1\n"),
        ("%%ln_session\r\nx = 1\r\n", f"{OPEN}x = 1\r\n"),
        ("    %%ln_session\n    x = 1\n", f"{OPEN}x = 1\n"),
        ("%%ln_session\n\n    x = 1\n    if x:\n        x = 2\n", f"{OPEN}\nx = 1\nif x:\n    x = 2\n"),
        (
            "%%ln_session\n# why\n%%time\nx = 1\n",
            f"{OPEN}# why\nget_ipython().run_cell_magic('time', '', 'x = 1\\n')\n",
        ),
    ],
)
def test_first_line(transformers: TransformerManager, cell: str, expected: str) -> None:
    """The first line of code opens the session, and every other line stays where it is."""
    transformed = transformers.transform_cell(cell)

    assert expected == transformed


def test_options_are_quoted() -> None:
    """Whatever follows the magic reaches it as it was written."""
    options = """--db "it's\\here" """.strip()

    (rewritten,) = rewrite([f"%%ln_session {options}\n"])

    assert f"get_ipython().run_line_magic('ln_session', {f'cell {options}'!r})\n" == rewritten


@pytest.mark.parametrize(
    "cell",
    [
        "x = 1\n%%ln_session\n",
        "text = '''\n%%ln_session\n'''\n",
        "%%writefile cell.txt\n%%ln_session\n",
        "%%ln_sessions\nx = 1\n",
        "%%ln_session?\n",
        "%%ln_session??\n",
        "\n\n",
        "# only a comment\n",
        "",
    ],
)
def test_other_cells(cell: str) -> None:
    """Any other cell stays as it was, whatever it says further down."""
    lines = cell.splitlines(keepends=True)

    rewritten = rewrite(lines)

    assert lines == rewritten


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("%%ln_session", "incomplete"), ("%%ln_session\nx = 1", "incomplete"), ("%%ln_session\nx = 1\n\n", "complete")],
)
def test_terminal(transformers: TransformerManager, typed: str, expected: str) -> None:
    """A terminal asks for lines until a blank one, as for every cell magic."""
    status, _ = transformers.check_complete(typed)

    assert expected == status
