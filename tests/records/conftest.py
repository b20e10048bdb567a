"""A user's own models, on a database of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from ln_jupyter.db import engines

if TYPE_CHECKING:
    from collections.abc import Iterator


class Base(DeclarativeBase):
    """The user's own."""


class Author(Base):
    """Has a key that the database makes."""

    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str | None]
    changed: Mapped[int] = mapped_column(server_default=sa.text("0"), server_onupdate=sa.FetchedValue())
    books: Mapped[list[Book]] = relationship(back_populates="author", order_by="Book.id")


class Book(Base):
    """Belongs to an author."""

    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(sa.ForeignKey("author.id"))
    author: Mapped[Author | None] = relationship(back_populates="books")

    @hybrid_property
    def is_anonymous(self) -> bool:
        """Is computed in Python only: of the class, it is False."""
        return self.author_id is None

    @hybrid_property
    def is_long(self) -> bool:
        """Is computed by the database too."""
        return len(self.title) > 3

    @is_long.inplace.expression
    @classmethod
    def _is_long(cls) -> sa.ColumnElement[bool]:
        return sa.func.length(cls.title) > 3


class Key(Base):
    """Is told apart by secrets, as its name and its model say."""

    __tablename__ = "key"
    token: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(info={"sensitive": True})
    owner: Mapped[str] = mapped_column(unique=True)


@pytest.fixture(
    params=[
        "sqlite_url",
        pytest.param("postgres_url", marks=pytest.mark.postgres),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ]
)
def own_url(request: pytest.FixtureRequest) -> sa.URL:
    """Give an empty database of each kind that a user's own engine is tried on."""
    found: sa.URL = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def library(other_url: sa.URL) -> Iterator[sa.Engine]:
    """Connect to an engine of the user's own, with the user's tables and no registry."""
    engine = sa.create_engine(other_url)
    Base.metadata.create_all(engine)
    engines.connect(engine)
    yield engine
    engines.connect()
    engine.dispose()


@pytest.fixture
def author() -> type[Author]:
    """Give the class."""
    return Author


@pytest.fixture
def book() -> type[Book]:
    """Give the class."""
    return Book


@pytest.fixture
def key() -> type[Key]:
    """Give the class."""
    return Key
