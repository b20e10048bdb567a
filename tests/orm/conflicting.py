"""A PostgreSQL that refuses every other COMMIT of runs, as one at SERIALIZABLE may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION = """\
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF mod(nextval('attempts'), 2) = 1 THEN RAISE EXCEPTION SQLSTATE '40001'; END IF;
    RETURN NULL;
END $$
"""
TRIGGER = """\
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON ln_run
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""


def refuse_every_other_commit(engine: sa.Engine) -> Callable[[], int]:
    """Let a database refuse, from here on, the first, third, fifth ... COMMIT that changed a run.

    Returns:
        Counts what it was asked for.
    """
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SEQUENCE attempts")  # which no rollback sets back
        connection.exec_driver_sql(FUNCTION)
        connection.exec_driver_sql(TRIGGER)

    def asked() -> int:
        with engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT last_value FROM attempts")) or 0)

    return asked
