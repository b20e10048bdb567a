"""What is stored is data: nothing of it is ever run, and nothing of it is ever part of a statement's text."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ln_jupyter

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(ln_jupyter.__file__).parent
MODULES = sorted(str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py"))

RUNS_WHAT_IT_READS = {
    "pickle",
    "cPickle",
    "_pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "yaml",
    "code",
}
RUNS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "read_pickle",
    "to_pickle",
    "PickleType",
    "os.system",
    "system",
    "popen",
}
SENDS = {
    "text",
    "execute",
    "exec_driver_sql",
    "executemany",
    "executescript",
    "literal_column",
    "DDL",
    "scalars",
    "scalar",
}

PRINTS = {"ipython/display_hook/hook.py"}  # IPython's printer has a method that is called `text`

ALLOWED = {
    # a cell, which the user has written and is running
    ("ipython/session_cell/magic.py", "exec"),
    ("ipython/session_cell/magic.py", "compile"),
    # a statement of SQLAlchemy, to show its SQL
    ("records/statement.py", "compile"),
    # a text of ours, by which Python remembers that Ctrl-C ended it
    ("environment/exit_status.py", "exec"),
    # a call of a library's function, which looks at the variables of whoever calls it
    ("files/wrapping/wrappers.py", "eval"),
    # where that fails, a worker begins without it
    ("files/workers.py", "exec"),
    # the name of the operating system
    ("environment/process.py", "system"),
    # regular expressions
    *((module, "compile") for module in MODULES if "re.compile(" in (PACKAGE / module).read_text("utf-8")),
}
FORMATTED = {
    # words of ours, as columns of rows that another table does not have
    'f""{role}""',
    'f""{STATED}""',
    # a PRAGMA takes no parameters; the value is a number or a word of ours
    'f"PRAGMA synchronous={("NORMAL" if journal == "wal" else "FULL")}"',
    'f"PRAGMA busy_timeout={_SLICE_MS}"',
    'f"PRAGMA busy_timeout={patience}"',
    'f"PRAGMA busy_timeout={locks.PATIENCE_MS}"',
    'f"PRAGMA trusted_schema={switch}"',
    'f"PRAGMA temp.user_version={number}"',
    # a name takes none either, and is ours with a number
    'f"SAVEPOINT {savepoint_of_mark(number)}"',
    # a right and tables of ours, and the name of a user as the server itself quotes it
    'f"GRANT {right} ON {tables} TO {whom}"',
    # statements of ours, which go in one message; psycopg itself quotes what the first of the user's has for values
    '"; ".join(statements)',
    '"; ".join(message)',
    'f"ROLLBACK; {unlock}"',
}


@functools.cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse((PACKAGE / module).read_text("utf-8"))))


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def found(look: Callable[[str], set[str]]) -> dict[str, set[str]]:
    """Look into each module, and give those where something is found."""
    return {module: each for module in MODULES if (each := look(module))}


def test_nothing_is_unpickled() -> None:
    """No module imports what runs the data it reads."""

    def imports(module: str) -> set[str]:
        imported = set()
        for node in nodes(module):
            if isinstance(node, ast.Import):
                imported |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
        return imported & RUNS_WHAT_IT_READS

    assert {} == found(imports)


def test_nothing_stored_is_run() -> None:
    """No module runs text as code, but for the cell that the user runs."""

    def runs(module: str) -> set[str]:
        called = {name_of(node.func) for node in nodes(module) if isinstance(node, ast.Call)}
        return {name for name in called & RUNS if (module, name) not in ALLOWED}

    assert {} == found(runs)


def test_no_shell_reads_a_command() -> None:
    """No program is started through a shell."""

    def shells(module: str) -> set[str]:
        given = {node.arg or "" for node in nodes(module) if isinstance(node, ast.keyword) and is_true(node)}
        return given & {"shell"}

    assert {} == found(shells)


def test_no_statement_is_formatted() -> None:
    """No text of a statement has anything put into it, but numbers and words of ours where none can be sent beside it."""

    def formatted(module: str) -> set[str]:
        sent = [
            node.args[0]
            for node in nodes(module)
            if isinstance(node, ast.Call) and node.args and name_of(node.func) in SENDS
            if not (module in PRINTS and name_of(node.func) == "text")
        ]
        return {ast.unparse(each).replace("'", '"') for each in sent if is_formatted(each)} - FORMATTED

    assert {} == found(formatted)


def is_true(keyword: ast.keyword) -> bool:
    return isinstance(keyword.value, ast.Constant) and keyword.value.value is True


def is_formatted(text: ast.expr) -> bool:
    """Tell whether text is put together: an f-string, ``%``, ``+`` or ``.format()`` on text."""
    if isinstance(text, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in text.values)
    if isinstance(text, ast.BinOp):
        return any(isinstance(part, ast.JoinedStr | ast.Constant | ast.BinOp) for part in (text.left, text.right))
    return isinstance(text, ast.Call) and name_of(text.func) in {"format", "join", "replace"}


@pytest.mark.parametrize(
    "code", ["f'SELECT {x}'", "'SELECT %s' % x", "'SELECT ' + x", "'SELECT {}'.format(x)", "''.join(x)"]
)
def test_what_is_formatted_is_found(code: str) -> None:
    """Each way to put text together is known."""
    assert is_formatted(ast.parse(code, mode="eval").body)
