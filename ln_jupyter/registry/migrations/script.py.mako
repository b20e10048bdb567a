"""${message}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Change the tables; what older releases cannot read or write also raises oldest_reader."""
    ${upgrades if upgrades else "pass"}
