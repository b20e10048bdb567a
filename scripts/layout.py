"""Check what import-linter cannot: the size of folders, the words of names, and what is used in one layer only."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ln_jupyter"

MOST_MODULES = 14
"""In a folder: what no reader can keep in mind is two subjects."""

PICTURES = re.compile(r"\b(house|wing|cellar|attic|whereabouts|remedy|blame)s?\b", re.IGNORECASE)
"""Words that tell nobody what a module does."""

WITHOUT_ORM = ("advice", "approval", "db", "environment", "locate", "notebook", "registry", "settings")
"""Packages below sessions and records."""

MOST_DIALECTS = 24
"""Places that ask which database it is. A new one belongs in `db/sqlite` or `db/postgres`; lower it when one goes."""


def problems() -> list[str]:
    """Return each breach, with its place."""
    found = []
    dialects = 0
    for folder in [PACKAGE, *(each for each in PACKAGE.rglob("*") if each.is_dir() and each.name != "__pycache__")]:
        count = sum(each.name != "__init__.py" for each in folder.glob("*.py"))
        if count > MOST_MODULES:
            found.append(f"{folder.relative_to(ROOT)}: {count} modules; part them, or fold the thin ones")
    for file in [*PACKAGE.rglob("*.py"), ROOT / "CONTRIBUTING.md"]:
        text = file.read_text("utf-8")
        name = file.relative_to(ROOT)
        found += [f"{name}: the word {each[0]!r}; use the field's own" for each in PICTURES.finditer(text)]
        dialects += len(re.findall(r"dialect\.name\b", text))
        if file.suffix == ".py":
            found += [f"{name}:{each}" for each in _of_module(ast.parse(text), file.relative_to(PACKAGE).parts[0])]
    if dialects > MOST_DIALECTS:
        found.append(f"{dialects} places ask for dialect.name, and {MOST_DIALECTS} may")
    return found


def _of_module(module: ast.Module, package: str) -> list[str]:
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == "of":
            found.append(f"{node.lineno}: a function called of; say what it returns")
        if package.removesuffix(".py") in WITHOUT_ORM and _is_of_orm(node):
            found.append(f"{node.lineno}: sqlalchemy.orm below orm/")
    return found


def _is_of_orm(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        of_orm = (node.module or "").startswith("sqlalchemy.orm")
        return of_orm or (node.module == "sqlalchemy" and any(each.name == "orm" for each in node.names))
    return isinstance(node, ast.Import) and any(each.name.startswith("sqlalchemy.orm") for each in node.names)


if __name__ == "__main__":
    breaches = problems()
    print(*breaches or ["folders, words and layers are as they should be"], sep="\n")
    sys.exit(bool(breaches))
