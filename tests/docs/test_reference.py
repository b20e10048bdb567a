"""The reference names what there is."""

from __future__ import annotations

from pathlib import Path

import ln_jupyter
from ln_jupyter import settings
from ln_jupyter.files.wrapping import libraries

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
_MODULES = {"__version__", "errors", "nb", "schema", "settings"}


def test_every_setting_is_there() -> None:
    """Each setting is documented with its variable."""
    page = (REFERENCE / "settings.md").read_text("utf-8")

    assert [] == [name for name in settings.NAMES if f"| `{name}` | `LN_JUPYTER_{name.upper()}` |" not in page]


def test_every_public_name_is_there() -> None:
    """Each public name is documented from its docstring."""
    page = (REFERENCE / "python.md").read_text("utf-8")
    names = set(ln_jupyter.__all__) - _MODULES

    assert [] == sorted(name for name in names if f":: ln_jupyter.{name}\n" not in page)


def test_every_wrapped_library_is_there() -> None:
    """Each library that is wrapped is documented."""
    page = (REFERENCE.parent / "how-to" / "files-that-are-not-seen.md").read_text("utf-8")
    first_column = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("|"))
    wrapped = {library.name for library in libraries.LIBRARIES.values()}

    assert set() == wrapped - set(first_column.replace(",", " ").split())
