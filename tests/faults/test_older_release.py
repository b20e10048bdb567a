"""Release 0.1.0 itself, taken from its commit, on a registry that this release has made and filled."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking.recording import texts
from tests import servers

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.alike

COMMIT = "cde455549e18bcb151395e46a2364f76a88b3566"
"""The last one whose schema has number 1."""

_ROOT = Path(__file__).parents[2]

USE = """
import datetime as dt, json, sys
import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.cli import main
from click.testing import CliRunner

assert not hasattr(lns, "Text")
ln.header(name="Growth")
told = {"listed": [run.name for run in ln.select(lns.Run).order_by("name").all()], "run": ln.nb.run.id}
ln.delete(ln.select(lns.Run, name="deleted").one())
pruned = CliRunner().invoke(main, ["prune", "--older-than", "30d", "--yes"])
copied = CliRunner().invoke(main, ["copy", sys.argv[1], "sqlite:///copy.db"])
print(json.dumps(told | {"pruned": [pruned.exit_code, pruned.output], "copied": [copied.exit_code, copied.output]}))
"""


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of that release."""
    archive = subprocess.run(["git", "archive", COMMIT, "ln_jupyter"], cwd=_ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"{servers.LEFT_OUT}release 0.1.0, for its commit is not in this checkout (git fetch --unshallow)")
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


@pytest.fixture
def use(older: Path, engine: sa.Engine, tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """Give what that release does with the connected registry, in a script."""

    def use() -> dict[str, Any]:
        url = engine.url.render_as_string(hide_password=False)
        (tmp_path / "growth.py").write_text(USE)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LN_", "PYTEST_"))}
        done = subprocess.run(
            [sys.executable, "growth.py", url],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(older), "LN_JUPYTER_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stderr
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    return use


def fill(name: str, *, created_at: dt.datetime) -> lns.Run:
    """Add a run with all that it may have, and two that name it."""
    text, module = (texts.of_bytes(f"{name} {what}".encode()) for what in ("x = 1", "def f(): ..."))
    kept = [lns.Text(id=each.id, content=each.content) for each in (text, module)]
    cell = lns.ExecutedCell(
        position=1, source_hash=text.hash, text=kept[0], started_at=created_at, number=1, error_type="ValueError"
    )
    ended = {"started_at": created_at, "heard_at": created_at, "finished_at": created_at, "outcome": "failed"}
    facts = {"argv": ["fit.py"], "results": {"auc": 0.9}, "note": "good", "reason": "cell 1: ValueError"}
    run = lns.Run(name=name, created_at=created_at, tags=["final"], cells=[cell], **ended, **facts)
    run.texts = [lns.RunText(kind="module", name="helper", hash=module.hash, text=kept[1])]
    ln.add(run)
    for relation in ("parent", "continues"):
        ln.add(lns.Run(name=f"{relation} {name}", **{relation: run}))
    return run


def counts(engine: sa.Engine) -> dict[str, int]:
    """Count what is kept beside runs, and the texts of it."""
    with engine.connect() as connection:
        kept = (lns.ExecutedCell, lns.RunText, lns.RunTag, lns.Text)
        return {each.__name__: connection.scalar(sa.select(sa.func.count()).select_from(each)) or 0 for each in kept}


def test_release_0_1_0_goes_on(engine: sa.Engine, use: Callable[[], dict[str, Any]]) -> None:
    """It registers, lists, deletes and prunes, and leaves nothing dangling; texts stay; what it cannot copy it refuses."""
    now = utcnow()
    for name, created_at in (("deleted", now), ("kept", now), ("pruned", now - dt.timedelta(days=60))):
        fill(name, created_at=created_at)
    assert {"ExecutedCell": 3, "RunText": 3, "RunTag": 3, "Text": 6} == counts(engine)

    told = use()

    families = [f"{of}{name}" for name in ("deleted", "kept", "pruned") for of in ("", "continues ", "parent ")]
    assert sorted(families) == sorted(filter(None, told["listed"]))
    assert [0, 1] == [told["pruned"][0], told["copied"][0]], told
    assert "has columns that this release does not know: " in told["copied"][1]
    assert all(name in told["copied"][1] for name in ("ln_run.reason", "ln_executed_cell.text_id"))
    found = {run.name: run for run in ln.select(lns.Run).load("cells.text", "tagged", "texts.text").all()}
    assert {*families, None} - {"deleted", "pruned"} == set(found)
    assert [None] * 4 == [
        found[f"{of} {name}"].parent_id or found[f"{of} {name}"].continues_id
        for of in ("parent", "continues")
        for name in ("deleted", "pruned")
    ]
    kept = found["kept"]
    assert kept.id == found["parent kept"].parent_id == found["continues kept"].continues_id
    assert (["final"], "failed", {"auc": 0.9}) == (list(kept.tags), kept.state, kept.results)
    assert [b"kept x = 1", b"kept def f(): ..."] == [
        zlib.decompress(e.text.content) for e in (*kept.cells, *kept.texts)
    ]
    registered = found[None]
    assert (told["run"], "finished") == (registered.id, registered.state)
    assert {"ExecutedCell": 1, "RunText": 1, "RunTag": 1, "Text": 6} == counts(engine)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            assert [] == connection.exec_driver_sql("PRAGMA foreign_key_check").all()
