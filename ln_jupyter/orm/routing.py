"""Which database a class leads to, in one session."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm.attributes import instance_state

from ln_jupyter import schema
from ln_jupyter.db import engines
from ln_jupyter.orm import origins
from ln_jupyter.registry import check, choose

if TYPE_CHECKING:
    from collections.abc import Sequence


class Route:
    """Where each class leads in one session; decided when it is first asked, and whatever is connected later.

    Args:
        named: The engine for everything; None for the one of `connect()`, and the registry's for
            records of `ln_jupyter.schema`.
    """

    def __init__(self, named: sa.Engine | None = None) -> None:
        self.named = named
        self.is_bound = named is not None
        """Whether that is decided."""
        self._connected: sa.Engine | None = None
        self._registry: sa.Engine | None = None

    def bind(self) -> None:
        """Decide: what is connected from now on is for others."""
        if not self.is_bound:
            self._connected = engines.connected()
            self.is_bound = True

    @property
    def usual(self) -> sa.Engine:
        """The engine of everything but the records of `ln_jupyter.schema`; asking for it sends and decides nothing."""
        if self.named is not None:
            return self.named
        connected = self._connected if self.is_bound else engines.connected()
        return connected or engines.of_settings()

    def at_hand(self, *, of_registry: bool) -> sa.Engine:
        """The engine of a class as far as it is known; asking for it sends and decides nothing.

        Args:
            of_registry: Whether it is one of `ln_jupyter.schema`.
        """
        if not of_registry or self.named is not None:
            return self.usual
        return self._registry or choose.at_hand(of_registry=True) or self.usual

    def registry(self, *, lend: check.Lend, held: check.Lend | None) -> sa.Engine:
        """Return the engine of the registry, checked on the connection that is about to be used.

        Args:
            lend: Gives that connection.
            held: Gives the one that is in use already, of the engine that is connected; None if none is.

        Raises:
            DatabaseError: As `engine.with_registry`.
        """
        self.bind()
        if self._registry is None:
            self._registry = self.named or choose.registry_beside(self._connected, lend=held)
        return choose.with_registry(self._registry, lend=lend)


class RoutingSession(orm.Session):
    """A `sqlalchemy.orm.Session` that finds its database by the record's class.

    By itself it is for one short read: nobody listens to it, which makes it as fast as SQLAlchemy's own.

    Args:
        engine: As `Route` takes it; or the route of another session, to be led as it is.
    """

    def __init__(self, engine: sa.Engine | Route | None = None) -> None:
        super().__init__(expire_on_commit=False)
        self.route = engine if isinstance(engine, Route) else Route(engine)
        """Where each class leads."""
        self._of_users: sa.Engine | None = None
        self._of_registry: sa.Engine | None = None

    def get_bind(self, mapper: Any = None, *, clause: Any = None, bind: Any = None, **_: Any) -> Any:
        """Choose the engine; see `Route`."""
        if bind is not None:
            return bind
        if not is_of_registry(mapper, clause):
            self.route.bind()
            self._of_users = self.route.usual
            return self._of_users
        was_idle = not self.in_transaction()
        try:
            self._of_registry = self.route.registry(lend=self._lend, held=self._lend if self._holds_usual() else None)
        except BaseException:
            if was_idle:
                self.rollback()  # holds no connection because of a registry that cannot be used
            raise
        return self._of_registry

    def exec(self, statement: Any, *, params: Any = None, **options: Any) -> Any:
        """Execute a statement as SQLModel's own session does: its select of one class gives records, and no rows."""
        result = self.execute(statement, params, **options)
        sqlmodel = sys.modules.get("sqlmodel.sql.expression")
        return result.scalars() if sqlmodel is not None and isinstance(statement, sqlmodel.SelectOfScalar) else result

    def _lend(self, engine: sa.Engine) -> contextlib.AbstractContextManager[sa.Connection]:
        """Show the connection that a statement is about to use."""
        return contextlib.nullcontext(self.connection_for(bind=engine))

    def connection_for(self, **bind_arguments: Any) -> sa.Connection:
        """Return a connection for what is sent by the product itself, by what `get_bind` takes."""
        return super().connection(bind_arguments=bind_arguments)

    def _holds_usual(self) -> bool:
        """Return whether it has a connection of the usual engine."""
        return False  # a short read has none before it asks

    def flush_to_read(self) -> None:
        """Send what is unsaved, as a select does, before something is read past the session."""
        self._autoflush()

    def leads_to(self, database: sa.Engine, record: object) -> bool:
        """Return whether the record's class is kept in this database; sends nothing in the ordinary case."""
        if engines.is_same_database(self.route.usual, database):
            return True
        if self.route.named is not None or not isinstance(record, schema.Base):
            return False
        return engines.is_same_database(self.get_bind(type(record)), database)

    def refuse_to_guess(self, record: object) -> None:
        """Refuse a record of which nobody knows where it came from, if it may be of another database than this one.

        Raises:
            UnknownOriginError: As `origins.refuse_to_guess`.
        """
        if self.route.named is None and instance_state(record).key is not None and origins.engine_of(record) is None:
            origins.refuse_to_guess(record, self.get_bind(type(record)).engine, self.route.usual)

    def kept_in(self, model: type[Any]) -> sa.Engine | None:
        """Return the engine that a class was read from or written to; None if it was not asked for yet."""
        return self._of_registry if issubclass(model, schema.Base) else self._of_users

    def expunge(self, instance: object) -> None:
        """Let go of a record and of what its cascade takes along, and remember where they came from."""
        super().expunge(instance)
        state = instance_state(instance)
        related = (each for _, _, each, _ in state.manager.mapper.cascade_iterator("expunge", state))
        self._note_origins([each for each in (state, *related) if each.key is not None])

    def expunge_all(self) -> None:
        """Let go of all records, as closing does, and remember where they came from."""
        self._note_origins(self.identity_map.all_states())
        super().expunge_all()

    def _note_origins(self, states: Sequence[orm.InstanceState[Any]]) -> None:
        for engine, is_ours in ((self._of_users, False), (self._of_registry, True)):
            if engine is not None:
                origins.note(states, engine, of_registry=is_ours)


def is_of_registry(mapper: Any, clause: Any) -> bool:
    """Return whether a class, or else a statement, is about records of `ln_jupyter.schema`, by what `get_bind` is given."""
    if mapper is not None:
        known = mapper if isinstance(mapper, orm.Mapper) else sa.inspect(mapper)  # which takes several calls to say so
        return issubclass(known.class_, schema.Base)
    table = getattr(clause, "table", clause)
    return isinstance(table, sa.Table) and table.metadata is schema.Base.metadata
