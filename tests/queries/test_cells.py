"""What is kept of the cells that ran."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.queries import cells
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    import sqlalchemy as sa


def add(*contents: bytes, of: bytes = b"x = 1") -> str:
    """Add a run of one cell for each of these contents, with the hash of *of*."""
    with ln.Session() as ss:
        run = lns.Run()
        for number, content in enumerate(contents, 1):
            kept = lns.Text(id=number, content=content)
            sha256 = hashlib.sha256(of).hexdigest()
            run.cells.append(
                lns.ExecutedCell(position=number, source_hash=sha256, started_at=utcnow(), ok=True, text=kept)
            )
        ss.add(run)
    return run.id


@pytest.mark.parametrize(
    ("content", "source"),
    [
        (zlib.compress(b"x = 1"), "x = 1"),
        (zlib.compress(b"x = 2"), None),
        (b"no zlib", None),
        (zlib.compress(b"x = 1")[:-8], None),
        (zlib.compress(b"\0" * (1 << 25)), None),
    ],
    ids=["its own", "another's", "none", "a part", "too long"],
)
def test_a_text_has_its_hash(engine: sa.Engine, content: bytes, source: str | None) -> None:
    """What is kept counts as what ran only with the whole hash of what ran, and is never unpacked without end."""
    run_id = add(content)

    with engine.connect() as connection:
        (ran,) = cells.ran(connection, cells.read(connection, run_id))

    assert (source, source is None) == (ran.source, ran.is_another)


def test_many_texts(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """All texts together are not unpacked without end either: that is an error, with its fix."""
    monkeypatch.setattr(cells, "_LONGEST_OF_ALL", 12)
    run_id = add(zlib.compress(b"x = 1"), zlib.compress(b"x = 22"), zlib.compress(b"x = 3"))

    with engine.connect() as connection, pytest.raises(errors.NotARegistryError, match="longer than 12") as raised:
        cells.ran(connection, cells.read(connection, run_id))

    assert "go on from a backup" in raised.value.fix


def test_halves_of_a_pair(engine: sa.Engine) -> None:
    """What was executed comes back also where no encoder takes it."""
    raw = "x = '\udcff'".encode(errors="surrogatepass")
    run_id = add(zlib.compress(raw), of=raw)

    with engine.connect() as connection:
        assert "x = '\udcff'" == cells.ran(connection, cells.read(connection, run_id))[0].source


def test_the_last_cells(engine: sa.Engine) -> None:
    """So many as are asked for are the last ones, in their order."""
    run_id = add(*[zlib.compress(b"x")] * 5)

    with engine.connect() as connection:
        assert [4, 5] == [row["position"] for row in cells.read(connection, run_id, last=2)]
