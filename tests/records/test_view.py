"""The newest rows of each table."""

from __future__ import annotations

from typing import Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.alike]


def test_an_empty_registry_says_so() -> None:
    """Nothing to show is said, not left blank."""
    assert repr(ln.view()) == "the registry is empty"
    assert "empty" in ln.view()._repr_html_()


def test_only_tables_with_rows_are_shown() -> None:
    """A table without rows is left out, and each shows its count."""
    ln.add([lns.Pipeline(name=f"p{i}") for i in range(3)])

    view = ln.view(n=2)

    assert ["Pipeline", "User"] == [table.name for table in view.tables]
    assert repr(view).startswith("3 Pipeline · newest 2 shown\n")
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

        assert "1 Pipeline" in repr(ln.view())


def test_every_table_with_rows_is_shown() -> None:
    """Tables that only header() writes are shown too, without the columns that no cell can hold."""
    ln.add(lns.Environment(hash="0" * 64, python="3.11", packages={"numpy": "2.0"}))

    (table,) = ln.view().tables

    assert ("Environment", ("hash", "python", "created_at")) == (table.name, table.columns)


def test_counts_are_one_statement(statements: list[str]) -> None:
    """However many tables there are, one statement counts them all, and one more reads each that has rows."""
    ln.add([lns.Pipeline(name="p")])
    statements.clear()

    ln.view()

    assert 3 == len([sql for sql in statements if sql.startswith("SELECT") and "ln_schema" not in sql])


def test_text_and_html_say_the_same() -> None:
    """Both show the name, the count and each cell."""
    ln.add(lns.Pipeline(name="Transform A"))

    view = ln.view()

    for shown in (repr(view), view._repr_html_()):
        assert all(each in shown for each in ("1 Pipeline", "created_at", "Transform A"))


@pytest.mark.parametrize("n", [0, -1, "x", 2.5, lns.Run])
def test_a_number_of_rows_that_is_none(n: Any) -> None:
    """What says not how many rows are to be seen is refused before anything is asked."""
    with pytest.raises(ln.errors.InvalidValueError, match="newest n rows") as raised:
        ln.view(n)

    assert raised.value.fix.startswith("ln.view(n=10)")
