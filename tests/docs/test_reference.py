"""The reference names what there is."""

from __future__ import annotations

from pathlib import Path

import ln_jupyter
from ln_jupyter import settings

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
