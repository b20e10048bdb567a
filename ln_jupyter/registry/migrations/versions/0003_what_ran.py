"""What ran and why it failed: texts, errors, durations, results, tags, and which run another one goes on from."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
oldest_reader = 1

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

OF_A_RUN: dict[str, Any] = {
    "reason": sa.String(),
    "failures": sa.Integer(),
    "busy_seconds": sa.Double(),
    "alive_seconds": sa.Double(),
    "argv": JSON,
    "platform": sa.String(),
    "results": JSON,
    "note": sa.String(),
}
OF_A_CELL: dict[str, Any] = {
    "number": sa.Integer(),
    "error_type": sa.String(),
    "error_message": sa.String(),
    "error_line": sa.Integer(),
}
# as text: in SQLite alembic would copy the whole table
REFERENCES = (
    (
        "ALTER TABLE ln_run ADD COLUMN parent_id VARCHAR "
        "CONSTRAINT fk_ln_run_parent_id REFERENCES ln_run (id) ON DELETE SET NULL"
    ),
    (
        "ALTER TABLE ln_run ADD COLUMN continues_id VARCHAR "
        "CONSTRAINT fk_ln_run_continues_id REFERENCES ln_run (id) ON DELETE SET NULL"
    ),
    (
        "ALTER TABLE ln_run ADD COLUMN repeats_id VARCHAR "
        "CONSTRAINT fk_ln_run_repeats_id REFERENCES ln_run (id) ON DELETE SET NULL"
    ),
    (
        "ALTER TABLE ln_executed_cell ADD COLUMN text_id BIGINT "
        "CONSTRAINT fk_ln_executed_cell_text_id REFERENCES ln_text (id) ON DELETE SET NULL"
    ),
)


def upgrade() -> None:
    """Add tables, and columns that may be empty: no table is copied, however many runs there are."""
    op.create_table(
        "ln_text",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ln_text")),
    )
    for table, columns in (("ln_run", OF_A_RUN), ("ln_executed_cell", OF_A_CELL)):
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))
    for reference in REFERENCES:
        op.execute(reference)
    for name in ("parent_id", "continues_id", "repeats_id"):
        op.create_index(op.f(f"ix_ln_run_{name}"), "ln_run", [name])
    op.create_index(op.f("ix_ln_executed_cell_text_id"), "ln_executed_cell", ["text_id"])
    op.create_table(
        "ln_run_text",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("text_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["ln_run.id"], name=op.f("fk_ln_run_text_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["text_id"], ["ln_text.id"], name=op.f("fk_ln_run_text_text_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("run_id", "kind", "name", name=op.f("pk_ln_run_text")),
    )
    op.create_index(op.f("ix_ln_run_text_text_id"), "ln_run_text", ["text_id"])
    op.create_table(
        "ln_run_tag",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["ln_run.id"], name=op.f("fk_ln_run_tag_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "tag", name=op.f("pk_ln_run_tag")),
    )
    op.create_index(op.f("ix_ln_run_tag_tag"), "ln_run_tag", ["tag"])
