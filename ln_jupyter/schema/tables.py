"""The tables of the registry, to be written to before its classes are needed.

A notebook registers itself in the first cell: mapping nine classes that it may never ask for
would cost more than all the rest. What the columns mean is said in `models`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa

from ln_jupyter.schema import ids
from ln_jupyter.schema.types import Json, Truth, UtcDateTime, utcnow

SCHEMA_NUMBER = 4
"""The schema of these tables: the number of the newest migration."""

OLDEST_READER = 1
"""The smallest schema number that a release must know to use them, as the newest migration says."""

FIRST_VERSION = "1"

OK = "ok"
FAILED = "failed"
"""The outcome of a run with an error that was not made good."""

INTERRUPTED = "interrupted"
"""The outcome of a run whose last cell was interrupted."""

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _made_by_client(name: str, make: Any) -> sa.Column[str]:
    """Return a key that the constructor of a record makes, and an INSERT where there was no constructor."""
    return sa.Column(name, sa.String, primary_key=True, default=make, info={"at_construction": make})


def _id(length: int) -> sa.Column[str]:
    return _made_by_client("id", partial(ids.new, length))


def _v() -> sa.Column[str]:
    return _made_by_client("v", lambda: FIRST_VERSION)


def _created_at() -> sa.Column[Any]:
    return sa.Column("created_at", UtcDateTime, nullable=False, default=utcnow, index=True)


def _created_by_id() -> sa.Column[str | None]:
    return sa.Column("created_by_id", sa.ForeignKey("ln_user.id"))


def _revision() -> sa.Column[int]:
    return sa.Column("revision", sa.Integer, nullable=False)


def _run_id() -> sa.Column[str]:
    return sa.Column("run_id", sa.ForeignKey("ln_run.id", ondelete="CASCADE"), primary_key=True)


def _added(name: str, table: str, kind: type[sa.types.TypeEngine[Any]] = sa.String) -> sa.Column[Any]:
    """Refer to a row that older releases, which do not know the column, may delete.

    The index is of all rows: one of those that have it would be a computation, which a project's file may not bring.
    """
    return sa.Column(name, kind, sa.ForeignKey(f"{table}.id", ondelete="SET NULL"), index=True)


def _to(table: str, *columns: str, **options: Any) -> sa.ForeignKeyConstraint:
    """Refer to an id and v by two columns."""
    return sa.ForeignKeyConstraint(columns, [f"{table}.id", f"{table}.v"], **options)


user = sa.Table(
    "ln_user",
    METADATA,
    _id(ids.USER),
    sa.Column("handle", sa.String, nullable=False, unique=True),
    sa.Column("name", sa.String),
    _created_at(),
    _revision(),
)

source = sa.Table(
    "ln_source",
    METADATA,
    sa.Column("hash", sa.String, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    _created_at(),
)

environment = sa.Table(
    "ln_environment",
    METADATA,
    sa.Column("hash", sa.String, primary_key=True),
    sa.Column("python", sa.String, nullable=False),
    sa.Column("packages", Json, nullable=False),
    _created_at(),
)

text = sa.Table(
    "ln_text",
    METADATA,
    # INTEGER is SQLite's own key: no index, and no hash in each row that refers to it
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

pipeline = sa.Table(
    "ln_pipeline",
    METADATA,
    _id(ids.PIPELINE),
    _v(),
    sa.Column("name", sa.String, index=True),
    sa.Column("reference", sa.String),
    _created_at(),
    _created_by_id(),
    _revision(),
)

notebook = sa.Table(
    "ln_notebook",
    METADATA,
    _id(ids.NOTEBOOK),
    _v(),
    sa.Column("name", sa.String, index=True),
    sa.Column("title", sa.String),
    sa.Column("parent_id", sa.String, index=True),
    sa.Column("parent_v", sa.String),
    sa.Column("published_at", UtcDateTime),
    sa.Column("source_hash", sa.ForeignKey("ln_source.hash")),
    sa.Column("environment_hash", sa.ForeignKey("ln_environment.hash")),
    _created_at(),
    _created_by_id(),
    _revision(),
    # no reference that older releases, which do not know it, stumble over
    sa.Column("published_by_id", sa.ForeignKey("ln_user.id", ondelete="SET NULL")),
    _to("ln_notebook", "parent_id", "parent_v"),
)

notebook_path = sa.Table(
    "ln_notebook_path",
    METADATA,
    sa.Column("host", sa.String, primary_key=True),
    sa.Column("path", sa.String, primary_key=True),
    sa.Column("notebook_id", sa.String, nullable=False),
    sa.Column("notebook_v", sa.String, nullable=False),
    sa.Column("cell_ids", Json),
    sa.Column("source_hash", sa.String),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    _to("ln_notebook", "notebook_id", "notebook_v", ondelete="CASCADE"),
    sa.Index(None, "notebook_id", "notebook_v"),
)

run = sa.Table(
    "ln_run",
    METADATA,
    _id(ids.RUN),
    sa.Column("name", sa.String, index=True),
    sa.Column("external_id", sa.String, index=True),
    sa.Column("pipeline_id", sa.String),
    sa.Column("pipeline_v", sa.String),
    sa.Column("notebook_id", sa.String),
    sa.Column("notebook_v", sa.String),
    sa.Column("started_at", UtcDateTime),
    sa.Column("heard_at", UtcDateTime),
    sa.Column("last_cell_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("outcome", sa.String),
    sa.Column("host", sa.String),
    sa.Column("pid", sa.Integer),
    sa.Column("process_started_at", UtcDateTime),
    sa.Column("kernel_id", sa.String),
    sa.Column("kernel_name", sa.String),
    sa.Column("runner", sa.String),
    sa.Column("path", sa.String),
    sa.Column("python", sa.String),
    sa.Column("imports", Json),
    sa.Column("environment_hash", sa.ForeignKey("ln_environment.hash")),
    sa.Column("source_hash", sa.ForeignKey("ln_source.hash")),
    sa.Column("git_commit", sa.String),
    sa.Column("git_dirty", Truth),
    sa.Column("parameters", Json),
    _created_at(),
    _created_by_id(),
    _revision(),
    sa.Column("reason", sa.String),
    sa.Column("failures", sa.Integer),
    sa.Column("busy_seconds", sa.Double),
    sa.Column("alive_seconds", sa.Double),
    sa.Column("argv", Json),
    sa.Column("platform", sa.String),
    sa.Column("results", Json),
    sa.Column("note", sa.String),
    _added("parent_id", "ln_run"),
    _added("continues_id", "ln_run"),
    _added("repeats_id", "ln_run"),
    sa.Column("unlisted_files", sa.Integer),
    _to("ln_pipeline", "pipeline_id", "pipeline_v"),
    _to("ln_notebook", "notebook_id", "notebook_v"),
    sa.Index(None, "pipeline_id", "pipeline_v", "created_at"),
    sa.Index(None, "notebook_id", "notebook_v", "created_at"),
)


def _files_of_runs(name: str) -> sa.Table:
    return sa.Table(
        name,
        METADATA,
        _run_id(),
        sa.Column("file_id", sa.ForeignKey("ln_file.id"), primary_key=True, index=True),
    )


run_input = _files_of_runs("ln_run_input")
run_output = _files_of_runs("ln_run_output")

executed_cell = sa.Table(
    "ln_executed_cell",
    METADATA,
    _run_id(),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("cell_id", sa.String),
    sa.Column("source_hash", sa.String),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("seconds", sa.Double),
    sa.Column("ok", Truth),
    sa.Column("number", sa.Integer),
    sa.Column("error_type", sa.String),
    sa.Column("error_message", sa.String),
    sa.Column("error_line", sa.Integer),
    _added("text_id", "ln_text", sa.BigInteger),
)

run_text = sa.Table(
    "ln_run_text",
    METADATA,
    _run_id(),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("hash", sa.String, nullable=False),
    _added("text_id", "ln_text", sa.BigInteger),
)

run_tag = sa.Table(
    "ln_run_tag",
    METADATA,
    _run_id(),
    sa.Column("tag", sa.String, primary_key=True, index=True),
)

file = sa.Table(
    "ln_file",
    METADATA,
    _id(ids.FILE),
    sa.Column("name", sa.String, index=True),
    sa.Column("suffix", sa.String),
    sa.Column("uri", sa.String),
    sa.Column("size", sa.BigInteger),
    sa.Column("hash", sa.String, index=True),
    _created_at(),
    _created_by_id(),
    _revision(),
)

run_file = sa.Table(
    "ln_run_file",
    METADATA,
    _run_id(),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("path", sa.String, nullable=False, index=True),
    sa.Column("cell", sa.Integer),
    sa.Column("via", sa.String, nullable=False),
    sa.Column("size", sa.BigInteger),
    sa.Column("modified_at", UtcDateTime),
    sa.Column("members", sa.Integer),
    sa.Column("reason", sa.String),
    _added("file_id", "ln_file"),
)
