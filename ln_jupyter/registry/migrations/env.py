"""What alembic runs: the revisions, on the connection and in the transaction it was handed."""

from alembic import context

from ln_jupyter.registry import schema_version
from ln_jupyter.schema.tables import METADATA

connection = context.config.attributes["connection"]
schema_version.TABLE.create(connection, checkfirst=True)  # alembic's own would lack oldest_reader
context.configure(
    connection=connection,
    target_metadata=METADATA,
    version_table=schema_version.TABLE.name,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_server_default=True,
)
context.run_migrations()
