from __future__ import annotations

from tests.db.conftest import database_of

__all__ = ["database_of"]
