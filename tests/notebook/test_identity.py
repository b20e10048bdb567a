from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ln_jupyter import errors
from ln_jupyter.notebook import document, identity
from ln_jupyter.notebook.identity import Identity

OLD = "2026-01-01T00:00:00+00:00"
NEW = "2026-01-02T00:00:00+00:00"
INIT = datetime(2025, 1, 1, tzinfo=UTC)


def saying(metadata: Any = None, *carried: Any) -> document.Document:
    return document.Document(Path("n.ipynb"), None, metadata or {}, carried, ())


@pytest.mark.parametrize(
    ("expected", "metadata", "carried"),
    [
        ("meta", {"id": "meta", "time_run": NEW}, {"id": "carried", "time_run": OLD}),
        ("carried", {"id": "meta", "time_run": OLD}, {"id": "carried", "time_run": NEW}),
        ("carried", {"id": "meta"}, {"id": "carried", "time_run": OLD}),
        ("meta", {"id": "meta"}, {"id": "carried"}),
        ("meta", {"id": "meta", "time_run": NEW}, {"id": "carried", "time_run": NEW}),
        ("meta", {"id": "meta"}, {}),
        ("carried", {}, {"id": "carried"}),
        ("carried", {"id": "not initialized", "time_run": NEW}, {"id": "carried", "time_run": OLD}),
    ],
)
def test_stated(expected: str, metadata: Any, carried: Any) -> None:
    """The newer statement with a well-formed id counts; the metadata wins a tie."""
    found = identity.stated(saying(metadata, carried))

    assert found is not None
    assert expected == found.id


def test_stated_by_the_last_that_ran() -> None:
    """Of several saved headers, the one that ran last counts, wherever it stands; of equally new ones the later."""
    times = [None, OLD, NEW, NEW, "tomorrow", 3000, OLD]
    carried = [{"id": f"cell{number}", "time_run": time} for number, time in enumerate(times)]

    found = identity.stated(saying(None, *carried))

    assert found is not None
    assert found.id == "cell3"


def test_a_statement_that_names_nobody_hides_no_other() -> None:
    """A newer header whose id cannot name a notebook leaves the id to an older one."""
    found = identity.stated(saying(None, {"id": "older", "time_run": OLD}, {"id": "no id", "time_run": NEW}))

    assert found is not None
    assert found.id == "older"


def test_statements_are_not_mixed() -> None:
    """An id never gets the version and time of another."""
    metadata = {"id": "meta", "time_run": NEW}
    carried = {"id": "carried", "version": "3", "time_init": OLD, "time_run": OLD}

    found = identity.stated(saying(metadata, carried))

    assert found == Identity("meta", "1", None)


@pytest.mark.parametrize("notebook_id", [None, "", 7, ["a"], "a b", "a\n", "ä", "a" * 65, "../a", "<b>"])
def test_stated_by_nobody(notebook_id: Any) -> None:
    """A malformed id is no statement."""
    assert identity.stated(saying({"id": notebook_id})) is None


@pytest.mark.parametrize(
    ("expected", "version"),
    [("1.2", "1.2"), ("0", "0"), ("1", None), ("1", 2), ("1", ""), ("1", "a b"), ("1", "v" * 33)],
)
def test_stated_version(expected: str, version: Any) -> None:
    """A missing or malformed version is the one that nbproject assumes."""
    found = identity.stated(saying({"id": "a", "version": version}))

    assert found is not None
    assert expected == found.version


@pytest.mark.parametrize(
    ("expected", "time_init"),
    [
        (INIT, "2025-01-01T00:00:00+00:00"),
        (INIT, "2025-01-01T00:00:00"),
        (INIT, "2025-01-01T02:00:00+02:00"),
        (INIT, "2025-01-01"),
        (None, "not initialized"),
        (None, "0001-01-01T00:00:00+01:00"),
        (None, None),
    ],
)
def test_stated_time_init(expected: datetime | None, time_init: Any) -> None:
    """The first time is read in UTC; a malformed one is unknown."""
    found = identity.stated(saying({"id": "a", "time_init": time_init}))

    assert found is not None
    assert expected == found.time_init


@pytest.mark.parametrize(("notebook_id", "version"), [(None, None), ("Rx2s9cPTMQLY", "1"), ("a-b_c", "1.2-rc.1+x")])
def test_check(notebook_id: str | None, version: str | None) -> None:
    """Ids and versions that can name a notebook pass."""
    identity.check(notebook_id, version)


@pytest.mark.parametrize("notebook_id", ["", "a b", "a\n", "a" * 65, "a/b", 7])
def test_check_id(notebook_id: Any) -> None:
    """An id that cannot name a notebook is refused with an example of one."""
    with pytest.raises(errors.InvalidIdentityError, match="cannot name a notebook") as raised:
        identity.check(notebook_id)

    assert raised.value.fix == 'ln.header(id="Rx2s9cPTMQLY"), or leave id out to get a new one'


@pytest.mark.parametrize("version", ["", "1 2", "-1", "1\n", "1" * 33, 1])
def test_check_version(version: Any) -> None:
    """A version that cannot be one is refused with an example of one."""
    with pytest.raises(errors.InvalidIdentityError, match="cannot be a version") as raised:
        identity.check(None, version)

    assert raised.value.fix == 'the version as text: ln.header(v="1"), ln.publish(version="1.2")'


def written(**optional: Any) -> dict[str, Any]:
    run_at = datetime(2026, 1, 2, 2, tzinfo=timezone(timedelta(hours=2)))
    return identity.nbproject_metadata(Identity("Rx2s9cPTMQLY", "1.2", INIT), time_run=run_at, **optional)


def test_metadata_without_extras() -> None:
    """What nobody said is left out, so that nothing in the file is overwritten with nothing."""
    expected = {"id": "Rx2s9cPTMQLY", "version": "1.2", "time_init": INIT.isoformat(), "time_run": NEW}

    assert expected == written()


@pytest.mark.parametrize("place", ["metadata", "output"])
def test_round_trip(tmp_path: Path, place: str) -> None:
    """What is written, into the metadata or a saved output, is what the file then states."""
    file = tmp_path / "n.ipynb"
    metadata = {"nbproject": written()} if place == "metadata" else {}
    data = {identity.MIME: identity.bundle(written())} if place == "output" else {}
    cell = {"cell_type": "code", "source": "", "outputs": [{"output_type": "display_data", "data": data}]}
    file.write_text(json.dumps({"nbformat": 4, "metadata": metadata, "cells": [cell]}))

    found = identity.stated(document.read(file))

    assert found == Identity("Rx2s9cPTMQLY", "1.2", INIT)


def test_nbproject_reads_ours() -> None:
    """`nbproject`'s own container takes every field we write, under nbproject's names."""
    container = pytest.importorskip("nbproject.dev._meta_store", exc_type=ImportError).MetaContainer
    ours = written(
        pypackage={"numpy": "2.0"}, parent=("a", "b"), user_handle="ada", user_id="Ux2s9cPT", user_name="Ada Lovelace"
    )

    theirs = container(**json.loads(json.dumps(ours)))

    assert ours == theirs.model_dump()
    assert container.model_fields.keys() - {"time_run"} <= ours.keys()


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20")
def test_we_read_nbproject(tmp_path: Path) -> None:
    """A notebook that nbproject initialized and wrote states its identity to us."""
    initialize = pytest.importorskip("nbproject.dev._initialize", exc_type=ImportError).initialize_metadata
    files = pytest.importorskip("nbproject.dev._notebook", exc_type=ImportError)
    metadata = initialize(parent=["Rx2s9cPTMQLY"])
    notebook = files.Notebook(metadata={"nbproject": metadata.model_dump()}, nbformat=4, nbformat_minor=5, cells=[])
    files.write_notebook(notebook, tmp_path / "n.ipynb")

    found = identity.stated(document.read(tmp_path / "n.ipynb"))

    assert found == Identity(metadata.id, "1", datetime.fromisoformat(metadata.time_init))


def test_a_long_name_is_refused():
    """A name is no longer than that of a file, and an error about one is not either."""
    with pytest.raises(errors.InvalidIdentityError, match="too long") as raised:
        identity.check(name="n" * 1_000_000)

    assert len(str(raised.value)) < 1_000
