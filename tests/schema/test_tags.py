"""Words on runs, to find them by."""

from __future__ import annotations

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.alike]


def test_runs_are_found_by_a_tag() -> None:
    """Selecting by `tags` gives the runs that have this one, whatever others they have."""
    ln.add([lns.Run(name="a", tags=["final", "paper"]), lns.Run(name="b", tags=["draft"]), lns.Run(name="c")])

    assert ["a"] == [run.name for run in ln.select(lns.Run, tags="final").all()]


def test_tags_are_taken_off_again() -> None:
    """What is removed from `tags` is gone with the next commit."""
    ln.add(lns.Run(name="a", tags=["final", "paper"]))

    with ln.Session() as ss:
        ss.select(lns.Run, name="a").one().tags.remove("paper")

    assert ["final"] == ln.select(lns.Run, name="a").load("tagged").one().tags


def test_several_tags_are_several_conditions() -> None:
    """A list says what it could mean in more ways than one, and is refused with the way that works."""
    ln.add(lns.Run(name="a", tags=["final", "paper"]))

    with pytest.raises(errors.InvalidValueError, match=r"Run\.tags is compared with one value") as error:
        ln.select(lns.Run, tags=["final", "paper"])

    assert "where(Run.tags == value)" in error.value.fix
    both = ln.select(lns.Run).where(lns.Run.tags == "final", lns.Run.tags == "paper")
    assert ["a"] == [run.name for run in both.all()]


def test_a_deleted_run_leaves_no_tag() -> None:
    """Tags go with their run."""
    run = ln.add(lns.Run(name="a", tags=["final"]))

    ln.delete(run)

    assert 0 == ln.select(lns.RunTag).count()
