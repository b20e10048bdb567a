"""Records of our own schema with keys that can be read in a test."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.pool import StaticPool

from ln_jupyter import schema as lns

if TYPE_CHECKING:
    from collections.abc import Iterator

MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.UTC)


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    """A database in memory, without a session of ours."""
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    lns.Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[orm.Session]:
    """An open session."""
    with orm.Session(engine) as session:
        yield session


@pytest.fixture
def run(session: orm.Session) -> lns.Run:
    """A run as `select` gives it inside of a block: nothing but its columns is loaded."""
    pipeline = lns.Pipeline(id="Pp1kQ7aZ", name="Transform A", created_at=MOMENT)
    files = [lns.File(id=f"File{number}", name=f"part-{number}.csv", created_at=MOMENT) for number in range(7)]
    new = lns.Run(id="Kq2xP0aZ", name="Solve X", pipeline=pipeline, inputs=files, git_dirty=False, created_at=MOMENT)
    session.add(new)
    session.commit()
    session.expunge_all()
    return session.scalars(sa.select(lns.Run)).one()
