"""Whatever is done in whatever order in a session, the database holds what a model of it does."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import ln_jupyter as ln
from ln_jupyter import schema as lns
from ln_jupyter.db import engines
from ln_jupyter.registry import choose
from tests.faults import fuzzing  # noqa: F401 - how Hypothesis is run

KEYS = st.sampled_from(["a", "b", "c"])
NAMES = st.sampled_from(["x", "y", "z"])


class Sessions(RuleBasedStateMachine):
    """Blocks that end well or with an error, what happens in them, and calls outside of them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ln_jupyter-"))
        self.url = f"sqlite:///{self.folder / 'registry.db'}"
        self.before = engines.connected()
        ln.connect(self.url)
        self.saved: dict[str, str] = {}
        self.seen: dict[str, str] = {}
        self.block: ln.Session | None = None

    @initialize()
    def make(self) -> None:
        """Make the registry."""
        choose.of_registry()

    @precondition(lambda self: self.block is None)
    @rule(write=st.booleans())
    def enter(self, write: bool) -> None:  # noqa: FBT001 - Hypothesis gives it by name
        """Begin a block."""
        self.block = ln.Session(write=write)
        self.block.begin()

    @precondition(lambda self: self.block is not None)
    @rule(failed=st.booleans())
    def leave(self, failed: bool) -> None:  # noqa: FBT001
        """End it: well, or with an error."""
        assert self.block is not None
        self.block.end(failed=failed)
        self.block.close()
        self.block = None
        self.settle(keeps=not failed)

    @precondition(lambda self: self.block is not None)
    @rule()
    def commit(self) -> None:
        """Commit in the middle of the block."""
        assert self.block is not None
        self.block.commit()
        self.settle(keeps=True)

    @precondition(lambda self: self.block is not None)
    @rule()
    def rollback(self) -> None:
        """Undo in the middle of the block."""
        assert self.block is not None
        self.block.rollback()
        self.settle(keeps=False)

    @rule(key=KEYS, name=NAMES)
    def add_or_edit(self, key: str, name: str) -> None:
        """Add a pipeline, or give the one that is there another name."""
        found = ln.select(lns.Pipeline, id=key).one_or_none()
        if found is None:
            ln.add(lns.Pipeline(id=key, name=name))
        else:
            found.name = name
            if self.block is None:
                ln.add(found)
        self.note({**self.seen, key: name})

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        """Delete the pipeline, if it is there."""
        found = ln.select(lns.Pipeline, id=key).one_or_none()
        if found is not None:
            ln.delete(found)
        self.note({other: name for other, name in self.seen.items() if other != key})

    @invariant()
    def what_is_selected_is_what_was_done(self) -> None:
        """A select shows everything that was done in its block."""
        assert self.seen == {each.id: each.name for each in ln.select(lns.Pipeline).all()}

    @invariant()
    def what_is_saved_is_what_was_committed(self) -> None:
        """Others see what was committed, and nothing else."""
        other = sa.create_engine(self.url, poolclass=sa.NullPool)
        with other.connect() as connection:
            rows = connection.execute(sa.select(lns.Pipeline.id, lns.Pipeline.name))
            assert self.saved == {row.id: row.name for row in rows}

    def note(self, seen: dict[str, str]) -> None:
        """Note what the model holds; outside of a block it is committed at once."""
        self.seen = seen
        if self.block is None:
            self.saved = dict(seen)

    def settle(self, *, keeps: bool) -> None:
        """Note that the block's work was committed, or undone."""
        if keeps:
            self.saved = dict(self.seen)
        self.seen = dict(self.saved)

    def teardown(self) -> None:
        """Close everything, and put the connection back."""
        if self.block is not None:
            self.block.close()
        engines.dispose(self.url)
        ln.connect(self.before)
        shutil.rmtree(self.folder)


Sessions.TestCase.settings = settings(max_examples=12, stateful_step_count=20)
TestSessions = Sessions.TestCase
