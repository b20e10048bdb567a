"""The newest rows of each table."""

from __future__ import annotations

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns

pytestmark = pytest.mark.usefixtures("engine")


def test_an_empty_registry_says_so() -> None:
    """Nothing to show is said, not left blank."""
    assert repr(ln.view()) == "the registry is empty"
    assert "empty" in ln.view()._repr_html_()


def test_only_tables_with_rows_are_shown() -> None:
    """A table without rows is left out, and each shows its count."""
    ln.add([lns.Pipeline(name=f"p{i}") for i in range(3)])

    view = ln.view(n=2)

    assert ["Pipeline", "User"] == [table.name for table in view.tables]
    assert view.tables[0].title == "Pipeline · 3 rows, newest 2 shown"
    assert len(view.tables[0].rows) == 2


def test_values_are_escaped_in_html() -> None:
    """A name cannot bring its own markup."""
    ln.add(lns.Pipeline(name="<script>alert(1)</script>"))

    html = ln.view()._repr_html_()

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_block_sees_its_own_rows() -> None:
    """In a block, what was added and not committed is shown."""
    with ln.Session():
        ln.add(lns.Pipeline(name="p"))

        assert "Pipeline · 1 row" in repr(ln.view())
