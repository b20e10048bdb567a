"""The classes of the registry: who ran which notebook, when, with what, and what came out.

Their columns are those of `tables`; what they mean and hold is said here.

Terms follow W3C PROV: a run is an activity, a notebook or pipeline its plan, files are
what it used (inputs) and generated (outputs).
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, relationship

from ln_jupyter.schema import lost, tables
from ln_jupyter.schema.base import Base, Counted, Created
from ln_jupyter.schema.tables import FAILED, INTERRUPTED
from ln_jupyter.schema.types import UtcDateTime

State = Literal["running", "lost", "finished", "failed", "interrupted"]
Role = Literal["input", "output"]
Kind = Literal["file", "folder", "url", "table", "query"]


class User(Created, Counted, Base):
    """Whoever made the rows: one for each login name that wrote to this registry."""

    __table__ = tables.user

    id: Mapped[str]
    handle: Mapped[str]
    name: Mapped[str | None]


class CreatedBy:
    """Mixin: who made a row; filled at the first flush of an `ln.Session`."""

    created_by_id: Mapped[str | None]

    @declared_attr
    def created_by(cls) -> Mapped[User | None]:  # noqa: N805 - SQLAlchemy passes the class
        """The user that made the row."""
        return relationship(User, foreign_keys=cls.__table__.c.created_by_id)  # type: ignore[attr-defined]


class Source(Created, Base):
    """The code of a notebook without its outputs, stored once for each content."""

    __table__ = tables.source

    hash: Mapped[str]
    """SHA-256, hexadecimal, of the uncompressed content."""
    content: Mapped[bytes]
    """Compressed by zlib."""


class Environment(Created, Base):
    """The installed packages of an interpreter, stored once for each set."""

    __table__ = tables.environment

    hash: Mapped[str]
    python: Mapped[str]
    packages: Mapped[dict[str, Any]]
    """Name to version, of every installed distribution."""


class Text(Base):
    """What ran, or what a run needed: the text of a cell or of a module, stored once for each content.

    Known forms of passwords were taken out of it before.
    """

    __table__ = tables.text

    id: Mapped[int]
    """The first 60 bits of the SHA-256 of the content; who refers to it has the whole hash."""
    content: Mapped[bytes]
    """Compressed by zlib."""


class Pipeline(Created, CreatedBy, Counted, Base):
    """A named way of working, in a version."""

    __table__ = tables.pipeline

    id: Mapped[str]
    v: Mapped[str]
    name: Mapped[str | None]
    reference: Mapped[str | None]

    runs: Mapped[list[Run]] = relationship(back_populates="pipeline", passive_deletes="all")


class Notebook(Created, CreatedBy, Counted, Base):
    """A notebook in a version; a version is a draft until it is published."""

    __table__ = tables.notebook

    id: Mapped[str]
    v: Mapped[str]
    name: Mapped[str | None]
    """The file's name without its ending, when last registered."""
    title: Mapped[str | None]
    parent_id: Mapped[str | None]
    parent_v: Mapped[str | None]
    published_at: Mapped[dt.datetime | None]
    source_hash: Mapped[str | None]
    environment_hash: Mapped[str | None]
    published_by_id: Mapped[str | None]

    published_by: Mapped[User | None] = relationship(foreign_keys=[tables.notebook.c.published_by_id])
    """The user that published the version, who may be another than the one that made it."""
    parent: Mapped[Notebook | None] = relationship(remote_side=[tables.notebook.c.id, tables.notebook.c.v])
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

    __table__ = tables.notebook_path

    host: Mapped[str]
    path: Mapped[str]
    notebook_id: Mapped[str]
    notebook_v: Mapped[str]
    cell_ids: Mapped[list[str] | None]
    """The cells it had: evidence that a file found here later is the same notebook."""
    source_hash: Mapped[str | None]
    seen_at: Mapped[dt.datetime]

    notebook: Mapped[Notebook] = relationship(back_populates="paths")


def _other_run(column: str) -> Any:
    return relationship(lambda: Run, foreign_keys=[tables.run.c[column]], remote_side=[tables.run.c.id])


class Run(Created, CreatedBy, Counted, Base):
    """One execution, of a notebook or a pipeline.

    It records events; whether it is running, lost or finished is derived by whoever reads it.
    """

    __table__ = tables.run

    id: Mapped[str]
    name: Mapped[str | None]
    external_id: Mapped[str | None]
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
    """How it finished, such as ``"ok"``, ``"failed"`` or ``"interrupted"``; None where that is not known."""

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
    environment_hash: Mapped[str | None]
    source_hash: Mapped[str | None]
    git_commit: Mapped[str | None]
    git_dirty: Mapped[bool | None]
    parameters: Mapped[dict[str, Any] | None]

    reason: Mapped[str | None]
    """Why it failed or was interrupted, and in which cell: ``"cell 4: TypeError: ..."``."""
    failures: Mapped[int | None]
    """How many executions failed, made good or not."""
    busy_seconds: Mapped[float | None]
    """How long its cells ran, together."""
    alive_seconds: Mapped[float | None]
    """From its start to its last sign of life, by a clock that nobody sets."""
    argv: Mapped[list[str] | None]
    """The arguments of a script, known forms of passwords taken out."""
    platform: Mapped[str | None]
    """Operating system, machine and kind of Python."""
    results: Mapped[dict[str, Any] | None]
    """What `ln.log` was given: numbers and short texts."""
    note: Mapped[str | None]
    parent_id: Mapped[str | None]
    continues_id: Mapped[str | None]
    repeats_id: Mapped[str | None]
    unlisted_files: Mapped[int | None]
    """How many files it read or wrote beyond those that are listed."""

    pipeline: Mapped[Pipeline | None] = relationship(back_populates="runs")
    notebook: Mapped[Notebook | None] = relationship(back_populates="runs")
    inputs: Mapped[list[File]] = relationship(secondary=tables.run_input, back_populates="targets")
    outputs: Mapped[list[File]] = relationship(secondary=tables.run_output, back_populates="sources")
    environment: Mapped[Environment | None] = relationship()
    source: Mapped[Source | None] = relationship()
    cells: Mapped[list[ExecutedCell]] = relationship(
        back_populates="run", order_by="ExecutedCell.position", cascade="all, delete-orphan", passive_deletes=True
    )
    parent: Mapped[Run | None] = _other_run("parent_id")
    """The run whose process started this one's."""
    continues: Mapped[Run | None] = _other_run("continues_id")
    """The run before it in the same process, whose variables it may have used."""
    repeats: Mapped[Run | None] = _other_run("repeats_id")
    """The run that was done again."""
    tagged: Mapped[list[RunTag]] = relationship(
        back_populates="run", order_by="RunTag.tag", cascade="all, delete-orphan", passive_deletes=True
    )
    tags: AssociationProxy[list[str]] = association_proxy("tagged", "tag", creator=lambda tag: RunTag(tag=tag))
    """In a statement it is whether the run has one: ``ln.select(lns.Run, tags="final")``."""
    texts: Mapped[list[RunText]] = relationship(
        back_populates="run", cascade="all, delete-orphan", passive_deletes=True
    )
    files: Mapped[list[RunFile]] = relationship(
        back_populates="run", order_by="RunFile.position", cascade="all, delete-orphan", passive_deletes=True
    )
    """What it read and wrote, as it was seen: `inputs` and `outputs` are the contents of these."""

    @hybrid_property
    def state(self) -> State | None:
        """What its events say now: ``running``, ``lost``, ``finished``, ``failed``, ``interrupted``; None without any.

        A kernel that was killed says nothing, and so its run is lost as soon as nothing was heard of it
        for `lost.AFTER`: last at `heard_at`. While somebody holds a file's write lock no run can be heard,
        and that time does not count, where it can be known (Linux). In a statement it is a column: ``ln.select(lns.Run, state="lost")``.
        """
        return state_by(self.finished_at, self.outcome, self.started_at, self.heard_at)

    @state.inplace.expression
    @classmethod
    def _state_expression(cls) -> sa.Case[str | None]:
        now = sa.bindparam("lost_before", callable_=lost.before, type_=UtcDateTime(), unique=True)  # when it is sent
        return sa.case(
            (cls.finished_at.is_not(None), sa.case(_ENDED, value=cls.outcome, else_="finished")),
            (cls.started_at.is_(None), sa.null()),
            (sa.func.coalesce(cls.heard_at, cls.started_at) < now, "lost"),
            else_="running",
        )


def state_by(
    finished_at: dt.datetime | None, outcome: str | None, started_at: dt.datetime | None, heard_at: dt.datetime | None
) -> State | None:
    """Say what the events of a run, as `Run` has them, say now."""
    if finished_at is not None:
        return _ENDED.get(outcome, "finished")
    if started_at is None:
        return None
    return "lost" if (heard_at or started_at) < lost.before() else "running"


_ENDED: dict[str | None, State] = {FAILED: "failed", INTERRUPTED: "interrupted"}
"""The state of what has finished, by its outcome; whatever else that says, it is finished."""


class ExecutedCell(Base):
    """One execution of one cell, in the order of the kernel."""

    __table__ = tables.executed_cell

    run_id: Mapped[str]
    position: Mapped[int]
    """Counted from 1 in the run."""
    cell_id: Mapped[str | None]
    source_hash: Mapped[str | None]
    started_at: Mapped[dt.datetime]
    seconds: Mapped[float | None]
    """None while it runs, and where it ended with its process."""
    ok: Mapped[bool | None]
    """None while it runs, as above."""
    number: Mapped[int | None]
    """Which of the notebook's code cells it was, counted from 1; None where the saved notebook does not say."""
    error_type: Mapped[str | None]
    error_message: Mapped[str | None]
    error_line: Mapped[int | None]
    """Of the cell, counted from 1."""
    text_id: Mapped[int | None]

    run: Mapped[Run] = relationship(back_populates="cells")
    text: Mapped[Text | None] = relationship()
    """What ran; None where only its hash was to be kept."""


class RunText(Base):
    """What is kept beside a run, by its kind.

    ``"cells"``: a JSON list of the id and tags of each cell of its source. ``"packages"``: JSON of where those
    came from that are of no index. ``"module"``: the source of a module of the project, under its name. ``"before"``:
    what ran before `header()` did, in order.
    """

    __table__ = tables.run_text

    run_id: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    hash: Mapped[str]
    """SHA-256 of the content, hexadecimal."""
    text_id: Mapped[int | None]

    run: Mapped[Run] = relationship(back_populates="texts")
    text: Mapped[Text | None] = relationship()


class RunTag(Base):
    """A word that somebody put on a run, to find it by."""

    __table__ = tables.run_tag

    run_id: Mapped[str]
    tag: Mapped[str]

    run: Mapped[Run] = relationship(back_populates="tagged")


class File(Created, CreatedBy, Counted, Base):
    """A file that runs read or wrote, known by its content."""

    __table__ = tables.file

    id: Mapped[str]
    name: Mapped[str | None]
    suffix: Mapped[str | None]
    uri: Mapped[str | None]
    size: Mapped[int | None]
    """In bytes."""
    hash: Mapped[str | None]

    sources: Mapped[list[Run]] = relationship(secondary=tables.run_output, back_populates="outputs")
    """The runs that wrote it."""
    targets: Mapped[list[Run]] = relationship(secondary=tables.run_input, back_populates="inputs")
    """The runs that read it."""


class RunFile(Base):
    """A file, folder, URL or table that a run read or wrote, as it was seen."""

    __table__ = tables.run_file

    run_id: Mapped[str]
    position: Mapped[int]
    """Counted from 1 in the run, in the order in which they were first seen."""
    role: Mapped[Role]
    """``"input"``, which it read, or ``"output"``, which it wrote; of a file that it updated there is a row of each."""
    kind: Mapped[Kind]
    """``"file"``, ``"folder"``, ``"url"``, ``"table"`` or ``"query"``."""
    path: Mapped[str]
    """Absolute; of a URL or a table without credentials; of a query its text."""
    cell: Mapped[int | None]
    """The position in the run's log of the cell that first read or last wrote it; None where that is not known."""
    via: Mapped[str]
    """How it was seen: ``"open"``, the name of a library, ``"snapshot"``, or ``"stated"`` by the user."""
    size: Mapped[int | None]
    """In bytes; of a folder, of all files in it together."""
    modified_at: Mapped[dt.datetime | None]
    """Of a folder, of the file in it that was written last."""
    members: Mapped[int | None]
    """How many files a folder has."""
    reason: Mapped[str | None]
    """Why its content is not known; None where it is."""
    file_id: Mapped[str | None]

    run: Mapped[Run] = relationship(back_populates="files")
    file: Mapped[File | None] = relationship()
    """Its content; None where that is not known."""
