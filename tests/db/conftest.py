"""Databases of every kind that a user may bring, for the tests that are the same on all."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from ln_jupyter.db import engines
from tests import servers
from tests.conftest import new_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def database_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], sa.Engine]]:
    """Make each kind of database when a file of tests first asks for it: in random order that is any time."""
    folder = tmp_path_factory.mktemp("databases")
    with contextlib.ExitStack() as stack:

        @functools.cache
        def make(kind: str) -> sa.Engine:
            match kind.removeprefix("own "):
                case "sqlite":
                    engine = engines.resolve(f"sqlite:///{folder / 'ours.db'}")
                case "file":
                    engine = sa.create_engine(f"sqlite:///{folder / 'own.db'}")
                case "memory" if kind == "memory":
                    engine = engines.resolve("sqlite://")
                case "memory":
                    once = {"check_same_thread": False}
                    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args=once)
                case "duckdb":
                    engine = sa.create_engine(f"duckdb:///{folder / 'own.duckdb'}")
                case "mariadb":
                    engine = sa.create_engine(stack.enter_context(servers.mariadb_database()))
                case _:
                    url = stack.enter_context(new_database(request.getfixturevalue("postgres")))
                    engine = sa.create_engine(url) if kind.startswith("own") else engines.resolve(url)
            stack.callback(engine.dispose)
            return engine

        yield make
