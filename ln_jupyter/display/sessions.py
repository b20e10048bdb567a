"""A session as a card: where it leads, and what it holds; nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ln_jupyter.db import error_translation
from ln_jupyter.display import card
from ln_jupyter.orm import internals

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy import orm

    from ln_jupyter.display.card import Card


def to_card(session: orm.Session, *, title: str = "", engine: sa.Engine | None = None) -> Card:
    """Say which database a session leads to, whether it is in a transaction, and what it holds.

    Args:
        session: SQLAlchemy's.
        title: What it is; its class if not given.
        engine: Where it leads, if the session itself does not tell.

    Example:
        >>> import sqlalchemy as sa
        >>> from sqlalchemy import orm
        >>> engine = sa.create_engine("sqlite://")
        >>> to_card(orm.Session(engine)).rows[0].value
        'the database in memory'
        >>> engine.dispose()
    """
    facts = [
        ("database", _database(engine if engine is not None else session.bind)),
        ("transaction", _transaction(session)),
        ("loaded", f"{len(session.identity_map):,} records"),
    ]
    unsaved = {"new": len(session.new), "changed": len(session.dirty), "to delete": len(session.deleted)}
    if any(unsaved.values()):
        facts.append(("not saved", ", ".join(f"{n:,} {what}" for what, n in unsaved.items() if n)))
    return card.of_facts(title or type(session).__name__, _state(session), tuple(facts))


def of_async(session: Any) -> Card:
    """Describe an async session by the one it drives."""
    return to_card(session.sync_session, title=type(session).__name__)


def of_maker(maker: Any) -> Card:
    """Say what a ``sessionmaker`` makes, and for which database."""
    made = maker.class_.__name__
    facts = (("makes", made), ("database", _database(maker.kw.get("bind"))))
    with_ = "async with" if hasattr(maker.class_, "sync_session_class") else "with"
    return card.of_facts(type(maker).__name__, facts=facts, hint=f"{with_} maker() as session: ...")


def of_scoped(scope: Any) -> Card:
    """Describe the session that this thread or task has in a ``scoped_session``; none is made."""
    title = type(scope).__name__
    if not scope.registry.has():
        return card.of_facts(title, "no session in this scope yet")
    session = scope.registry()
    return to_card(getattr(session, "sync_session", session), title=title)


def _database(bind: Any) -> str:
    if bind is None:
        return "by the class of each record, or none"
    return error_translation.describe(
        bind.url if hasattr(bind, "url") else bind.engine.url
    )  # a connection has none of its own


def _state(session: orm.Session) -> str:
    if internals.is_closed_for_good(session):
        return "closed"
    return "open" if session.is_active else "a flush failed: it needs rollback()"


def _transaction(session: orm.Session) -> str:
    if session.in_nested_transaction():
        return "in a savepoint"
    return "begun" if session.in_transaction() else "none"
