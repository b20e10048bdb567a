"""Who published a version."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
oldest_reader = 1


def upgrade() -> None:
    """Add who published a version; of what is published already, nobody knows."""
    with op.batch_alter_table("ln_notebook") as batch:
        batch.add_column(sa.Column("published_by_id", sa.String(), nullable=True))
        batch.create_foreign_key(
            op.f("fk_ln_notebook_published_by_id"), "ln_user", ["published_by_id"], ["id"], ondelete="SET NULL"
        )
