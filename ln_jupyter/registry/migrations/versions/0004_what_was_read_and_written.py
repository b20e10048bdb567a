"""What runs read and wrote, as it was seen."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
oldest_reader = 1


def upgrade() -> None:
    """Add a table, and a column that may be empty."""
    op.add_column("ln_run", sa.Column("unlisted_files", sa.Integer(), nullable=True))
    op.create_table(
        "ln_run_file",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("cell", sa.Integer(), nullable=True),
        sa.Column("via", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("members", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("file_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["ln_run.id"], name=op.f("fk_ln_run_file_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["file_id"], ["ln_file.id"], name=op.f("fk_ln_run_file_file_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_ln_run_file")),
    )
    op.create_index(op.f("ix_ln_run_file_path"), "ln_run_file", ["path"])
    op.create_index(op.f("ix_ln_run_file_file_id"), "ln_run_file", ["file_id"])
