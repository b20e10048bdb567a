"""The tables of the registry: who ran which notebook, when, with what, and what came out.

Terms follow W3C PROV: a run is an activity, a notebook or pipeline its plan, files are
what it used (inputs) and generated (outputs).
"""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from ln_jupyter.schema import ids
from ln_jupyter.schema.declarative import Base, Counted, Created, UtcDateTime, client_made, utcnow

FIRST_VERSION = "1"

FAILED = "failed"
"""The outcome of a run that an error ended."""

LOST_AFTER = dt.timedelta(minutes=2)
"""A run that was not heard for so long, four heartbeats, reads as lost, until it is heard again."""

State = Literal["running", "lost", "finished", "failed"]


class User(Created, Counted, Base):
    """Whoever made the rows: one for each login name that wrote to this registry."""

    __tablename__ = "ln_user"

    id: Mapped[str] = client_made(partial(ids.new, ids.USER), primary_key=True)
    handle: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]


class CreatedBy:
    """Mixin: who made a row; filled at the first flush of an `ln.Session`."""

    created_by_id: Mapped[str | None] = mapped_column(sa.ForeignKey("ln_user.id"), sort_order=91)

    @declared_attr
    def created_by(cls) -> Mapped[User | None]:  # noqa: N805 - SQLAlchemy passes the class
        """The user that made the row."""
        return relationship(User)


class Source(Created, Base):
    """The code of a notebook without its outputs, stored once for each content."""

    __tablename__ = "ln_source"

    hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256, hexadecimal, of the uncompressed content."""
    content: Mapped[bytes]
    """Compressed by zlib."""


class Environment(Created, Base):
    """The installed packages of an interpreter, stored once for each set."""

    __tablename__ = "ln_environment"

    hash: Mapped[str] = mapped_column(primary_key=True)
    python: Mapped[str]
    packages: Mapped[dict[str, Any]]
    """Name to version, of every installed distribution."""


class Pipeline(Created, CreatedBy, Counted, Base):
    """A named way of working, in a version."""

    __tablename__ = "ln_pipeline"

    id: Mapped[str] = client_made(partial(ids.new, ids.PIPELINE), primary_key=True)
    v: Mapped[str] = client_made(lambda: FIRST_VERSION, primary_key=True)
    name: Mapped[str | None] = mapped_column(index=True)
    reference: Mapped[str | None]

    runs: Mapped[list[Run]] = relationship(back_populates="pipeline", passive_deletes="all")


class Notebook(Created, CreatedBy, Counted, Base):
    """A notebook in a version; a version is a draft until it is published."""

    __tablename__ = "ln_notebook"
    __table_args__ = (sa.ForeignKeyConstraint(["parent_id", "parent_v"], ["ln_notebook.id", "ln_notebook.v"]),)

    id: Mapped[str] = client_made(partial(ids.new, ids.NOTEBOOK), primary_key=True)
    v: Mapped[str] = client_made(lambda: FIRST_VERSION, primary_key=True)
    name: Mapped[str | None] = mapped_column(index=True)
    """The file's name without its ending, when last registered."""
    title: Mapped[str | None]
    parent_id: Mapped[str | None] = mapped_column(index=True)
    parent_v: Mapped[str | None]
    published_at: Mapped[dt.datetime | None]
    source_hash: Mapped[str | None] = mapped_column(sa.ForeignKey("ln_source.hash"))
    environment_hash: Mapped[str | None] = mapped_column(sa.ForeignKey("ln_environment.hash"))

    parent: Mapped[Notebook | None] = relationship(remote_side=[id, v])
    source: Mapped[Source | None] = relationship()
    environment: Mapped[Environment | None] = relationship()
    runs: Mapped[list[Run]] = relationship(back_populates="notebook", passive_deletes="all")
    paths: Mapped[list[NotebookPath]] = relationship(
        back_populates="notebook", cascade="all, delete-orphan", passive_deletes=True
    )


class NotebookPath(Base):
    """Where a notebook's file was last seen, one row for each path of each machine.

    Paths are compared on one machine only: the same path elsewhere is another file.
    """

    __tablename__ = "ln_notebook_path"
    __table_args__ = (
        sa.ForeignKeyConstraint(["notebook_id", "notebook_v"], ["ln_notebook.id", "ln_notebook.v"], ondelete="CASCADE"),
        sa.Index(None, "notebook_id", "notebook_v"),
    )

    host: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    notebook_id: Mapped[str]
    notebook_v: Mapped[str]
    cell_ids: Mapped[list[str] | None]
    """The cells it had: evidence that a file found here later is the same notebook."""
    source_hash: Mapped[str | None]
    seen_at: Mapped[dt.datetime]

    notebook: Mapped[Notebook] = relationship(back_populates="paths")


_run_input = sa.Table(
    "ln_run_input",
    Base.metadata,
    sa.Column("run_id", sa.ForeignKey("ln_run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("file_id", sa.ForeignKey("ln_file.id"), primary_key=True, index=True),
)
_run_output = sa.Table(
    "ln_run_output",
    Base.metadata,
    sa.Column("run_id", sa.ForeignKey("ln_run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("file_id", sa.ForeignKey("ln_file.id"), primary_key=True, index=True),
)


class Run(Created, CreatedBy, Counted, Base):
    """One execution, of a notebook or a pipeline.

    It records events; whether it is running, lost or finished is derived by whoever reads it.
    """

    __tablename__ = "ln_run"
    __table_args__ = (
        sa.ForeignKeyConstraint(["pipeline_id", "pipeline_v"], ["ln_pipeline.id", "ln_pipeline.v"]),
        sa.ForeignKeyConstraint(["notebook_id", "notebook_v"], ["ln_notebook.id", "ln_notebook.v"]),
        sa.Index(None, "pipeline_id", "pipeline_v", "created_at"),
        sa.Index(None, "notebook_id", "notebook_v", "created_at"),
    )

    id: Mapped[str] = client_made(partial(ids.new, ids.RUN), primary_key=True)
    name: Mapped[str | None] = mapped_column(index=True)
    external_id: Mapped[str | None] = mapped_column(index=True)
    pipeline_id: Mapped[str | None]
    pipeline_v: Mapped[str | None]
    notebook_id: Mapped[str | None]
    notebook_v: Mapped[str | None]

    started_at: Mapped[dt.datetime | None]
    heard_at: Mapped[dt.datetime | None]
    """The last heartbeat."""
    last_cell_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]
    outcome: Mapped[str | None]
    """How it finished, such as ``"ok"`` or ``"failed"``."""

    host: Mapped[str | None]
    pid: Mapped[int | None]
    process_started_at: Mapped[dt.datetime | None]
    """With host and pid it names a process for good: pids are used again."""
    kernel_id: Mapped[str | None]
    kernel_name: Mapped[str | None]
    runner: Mapped[str | None]
    """What executed the notebook, such as ``"jupyter-server"`` or ``"nbmake"``."""
    path: Mapped[str | None]
    python: Mapped[str | None]
    imports: Mapped[dict[str, Any] | None]
    """Name to version, of the packages the code imported."""
    environment_hash: Mapped[str | None] = mapped_column(sa.ForeignKey("ln_environment.hash"))
    source_hash: Mapped[str | None] = mapped_column(sa.ForeignKey("ln_source.hash"))
    git_commit: Mapped[str | None]
    git_dirty: Mapped[bool | None]
    parameters: Mapped[dict[str, Any] | None]

    pipeline: Mapped[Pipeline | None] = relationship(back_populates="runs")
    notebook: Mapped[Notebook | None] = relationship(back_populates="runs")
    inputs: Mapped[list[File]] = relationship(secondary=_run_input, back_populates="targets")
    outputs: Mapped[list[File]] = relationship(secondary=_run_output, back_populates="sources")
    environment: Mapped[Environment | None] = relationship()
    source: Mapped[Source | None] = relationship()
    cells: Mapped[list[ExecutedCell]] = relationship(
        back_populates="run", order_by="ExecutedCell.position", cascade="all, delete-orphan", passive_deletes=True
    )

    @hybrid_property
    def state(self) -> State | None:
        """What its events say now: ``running``, ``lost``, ``finished``, ``failed``; None where none was recorded.

        A kernel that was killed says nothing, and so its run is lost as soon as nothing was heard of it
        for `LOST_AFTER`: last at `heard_at`. In a statement it is a column: ``ln.select(lns.Run, state="lost")``.
        """
        if self.finished_at is not None:
            return "failed" if self.outcome == FAILED else "finished"
        if self.started_at is None:
            return None
        return "lost" if (self.heard_at or self.started_at) < _lost_before() else "running"

    @state.inplace.expression
    @classmethod
    def _state_expression(cls) -> sa.Case[str | None]:
        now = sa.bindparam("lost_before", callable_=_lost_before, type_=UtcDateTime(), unique=True)  # when it is sent
        return sa.case(
            (cls.finished_at.is_not(None), sa.case((cls.outcome == FAILED, "failed"), else_="finished")),
            (cls.started_at.is_(None), sa.null()),
            (sa.func.coalesce(cls.heard_at, cls.started_at) < now, "lost"),
            else_="running",
        )


def _lost_before() -> dt.datetime:
    return utcnow() - LOST_AFTER


class ExecutedCell(Base):
    """One execution of one cell, in the order of the kernel."""

    __tablename__ = "ln_executed_cell"

    run_id: Mapped[str] = mapped_column(sa.ForeignKey("ln_run.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counted from 1 in the run."""
    cell_id: Mapped[str | None]
    source_hash: Mapped[str | None]
    started_at: Mapped[dt.datetime]
    seconds: Mapped[float | None] = mapped_column(sa.Double)
    ok: Mapped[bool | None]

    run: Mapped[Run] = relationship(back_populates="cells")


class File(Created, CreatedBy, Counted, Base):
    """A file that runs read or wrote, known by its content."""

    __tablename__ = "ln_file"

    id: Mapped[str] = client_made(partial(ids.new, ids.FILE), primary_key=True)
    name: Mapped[str | None] = mapped_column(index=True)
    suffix: Mapped[str | None]
    uri: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(sa.BigInteger)
    """In bytes."""
    hash: Mapped[str | None] = mapped_column(index=True)

    sources: Mapped[list[Run]] = relationship(secondary=_run_output, back_populates="outputs")
    """The runs that wrote it."""
    targets: Mapped[list[Run]] = relationship(secondary=_run_input, back_populates="inputs")
    """The runs that read it."""
