"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
oldest_reader = 1

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the tables; a new registry is made from the models at once and never comes here."""
    op.create_table(
        "ln_environment",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("python", sa.String(), nullable=False),
        sa.Column("packages", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_ln_environment")),
    )
    op.create_index(op.f("ix_ln_environment_created_at"), "ln_environment", ["created_at"], unique=False)
    op.create_table(
        "ln_source",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_ln_source")),
    )
    op.create_index(op.f("ix_ln_source_created_at"), "ln_source", ["created_at"], unique=False)
    op.create_table(
        "ln_user",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ln_user")),
        sa.UniqueConstraint("handle", name=op.f("uq_ln_user_handle")),
    )
    op.create_index(op.f("ix_ln_user_created_at"), "ln_user", ["created_at"], unique=False)
    op.create_table(
        "ln_file",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("suffix", sa.String(), nullable=True),
        sa.Column("uri", sa.String(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by_id", sa.String(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["ln_user.id"], name=op.f("fk_ln_file_created_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ln_file")),
    )
    op.create_index(op.f("ix_ln_file_created_at"), "ln_file", ["created_at"], unique=False)
    op.create_index(op.f("ix_ln_file_hash"), "ln_file", ["hash"], unique=False)
    op.create_index(op.f("ix_ln_file_name"), "ln_file", ["name"], unique=False)
    op.create_table(
        "ln_notebook",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("v", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("parent_v", sa.String(), nullable=True),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.Column("source_hash", sa.String(), nullable=True),
        sa.Column("environment_hash", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by_id", sa.String(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["ln_user.id"], name=op.f("fk_ln_notebook_created_by_id")),
        sa.ForeignKeyConstraint(
            ["environment_hash"], ["ln_environment.hash"], name=op.f("fk_ln_notebook_environment_hash")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id", "parent_v"],
            ["ln_notebook.id", "ln_notebook.v"],
            name=op.f("fk_ln_notebook_parent_id_parent_v"),
        ),
        sa.ForeignKeyConstraint(["source_hash"], ["ln_source.hash"], name=op.f("fk_ln_notebook_source_hash")),
        sa.PrimaryKeyConstraint("id", "v", name=op.f("pk_ln_notebook")),
    )
    op.create_index(op.f("ix_ln_notebook_created_at"), "ln_notebook", ["created_at"], unique=False)
    op.create_index(op.f("ix_ln_notebook_name"), "ln_notebook", ["name"], unique=False)
    op.create_index(op.f("ix_ln_notebook_parent_id"), "ln_notebook", ["parent_id"], unique=False)
    op.create_table(
        "ln_pipeline",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("v", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by_id", sa.String(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["ln_user.id"], name=op.f("fk_ln_pipeline_created_by_id")),
        sa.PrimaryKeyConstraint("id", "v", name=op.f("pk_ln_pipeline")),
    )
    op.create_index(op.f("ix_ln_pipeline_created_at"), "ln_pipeline", ["created_at"], unique=False)
    op.create_index(op.f("ix_ln_pipeline_name"), "ln_pipeline", ["name"], unique=False)
    op.create_table(
        "ln_notebook_path",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("notebook_id", sa.String(), nullable=False),
        sa.Column("notebook_v", sa.String(), nullable=False),
        sa.Column("cell_ids", JSON, nullable=True),
        sa.Column("source_hash", sa.String(), nullable=True),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["notebook_id", "notebook_v"],
            ["ln_notebook.id", "ln_notebook.v"],
            name=op.f("fk_ln_notebook_path_notebook_id_notebook_v"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("host", "path", name=op.f("pk_ln_notebook_path")),
    )
    op.create_index(
        op.f("ix_ln_notebook_path_notebook_id_notebook_v"),
        "ln_notebook_path",
        ["notebook_id", "notebook_v"],
        unique=False,
    )
    op.create_table(
        "ln_run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("pipeline_id", sa.String(), nullable=True),
        sa.Column("pipeline_v", sa.String(), nullable=True),
        sa.Column("notebook_id", sa.String(), nullable=True),
        sa.Column("notebook_v", sa.String(), nullable=True),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("heard_at", MOMENT, nullable=True),
        sa.Column("last_cell_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("process_started_at", MOMENT, nullable=True),
        sa.Column("kernel_id", sa.String(), nullable=True),
        sa.Column("kernel_name", sa.String(), nullable=True),
        sa.Column("runner", sa.String(), nullable=True),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("python", sa.String(), nullable=True),
        sa.Column("imports", JSON, nullable=True),
        sa.Column("environment_hash", sa.String(), nullable=True),
        sa.Column("source_hash", sa.String(), nullable=True),
        sa.Column("git_commit", sa.String(), nullable=True),
        sa.Column("git_dirty", sa.Boolean(), nullable=True),
        sa.Column("parameters", JSON, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by_id", sa.String(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["ln_user.id"], name=op.f("fk_ln_run_created_by_id")),
        sa.ForeignKeyConstraint(["environment_hash"], ["ln_environment.hash"], name=op.f("fk_ln_run_environment_hash")),
        sa.ForeignKeyConstraint(
            ["notebook_id", "notebook_v"],
            ["ln_notebook.id", "ln_notebook.v"],
            name=op.f("fk_ln_run_notebook_id_notebook_v"),
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id", "pipeline_v"],
            ["ln_pipeline.id", "ln_pipeline.v"],
            name=op.f("fk_ln_run_pipeline_id_pipeline_v"),
        ),
        sa.ForeignKeyConstraint(["source_hash"], ["ln_source.hash"], name=op.f("fk_ln_run_source_hash")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ln_run")),
    )
    op.create_index(op.f("ix_ln_run_created_at"), "ln_run", ["created_at"], unique=False)
    op.create_index(op.f("ix_ln_run_external_id"), "ln_run", ["external_id"], unique=False)
    op.create_index(op.f("ix_ln_run_name"), "ln_run", ["name"], unique=False)
    op.create_index(
        op.f("ix_ln_run_notebook_id_notebook_v_created_at"),
        "ln_run",
        ["notebook_id", "notebook_v", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ln_run_pipeline_id_pipeline_v_created_at"),
        "ln_run",
        ["pipeline_id", "pipeline_v", "created_at"],
        unique=False,
    )
    op.create_table(
        "ln_executed_cell",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cell_id", sa.String(), nullable=True),
        sa.Column("source_hash", sa.String(), nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["ln_run.id"], name=op.f("fk_ln_executed_cell_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_ln_executed_cell")),
    )
    op.create_table(
        "ln_run_input",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["ln_file.id"], name=op.f("fk_ln_run_input_file_id")),
        sa.ForeignKeyConstraint(["run_id"], ["ln_run.id"], name=op.f("fk_ln_run_input_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "file_id", name=op.f("pk_ln_run_input")),
    )
    op.create_index(op.f("ix_ln_run_input_file_id"), "ln_run_input", ["file_id"], unique=False)
    op.create_table(
        "ln_run_output",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["ln_file.id"], name=op.f("fk_ln_run_output_file_id")),
        sa.ForeignKeyConstraint(["run_id"], ["ln_run.id"], name=op.f("fk_ln_run_output_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "file_id", name=op.f("pk_ln_run_output")),
    )
    op.create_index(op.f("ix_ln_run_output_file_id"), "ln_run_output", ["file_id"], unique=False)
