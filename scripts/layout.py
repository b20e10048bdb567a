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

COLLECTIONS = ("ln_jupyter.cli", "ln_jupyter.schema")
"""Packages whose modules are of one kind: a command each, a part of the registry's schema each."""

MOST_DIALECTS = 25
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
    found += _unnamed()
    if dialects > MOST_DIALECTS:
        found.append(f"{dialects} places ask for dialect.name, and {MOST_DIALECTS} may")
    return found


def _unnamed() -> list[str]:
    """Return each module that others use, and that its package's docstring does not name."""
    modules = {_name(file): file for file in PACKAGE.rglob("*.py")}
    packages = {name for name, file in modules.items() if file.name == "__init__.py"}
    used: set[str] = set()
    for name, file in modules.items():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = {f"{node.module}.{each.name}" for each in node.names} & modules.keys() or {node.module}
                used |= {each for each in names if not f"{name}.".startswith(f"{each.rpartition('.')[0]}.")}
    found = []
    for name in sorted((used & modules.keys()) - packages):
        package, _, module = name.rpartition(".")
        said = ast.get_docstring(ast.parse(modules[package].read_text("utf-8"))) or ""
        if package not in ("ln_jupyter", *COLLECTIONS) and f"`{module}`" not in said:
            found.append(f"{package}: others use {module}, and the package's docstring does not say so")
    return found


def _name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


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
