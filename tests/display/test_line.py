import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import schema as lns
from ln_jupyter.display import line
from ln_jupyter.display.options import Options
from ln_jupyter.errors import NotMappedError


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: lns.User(id="u1", handle="ann", name="Ann"), "<User 'u1' name='Ann' unsaved>"),
        (lambda: lns.User(id="u1", handle="ann"), "<User 'u1' handle='ann' unsaved>"),
        (lambda: lns.User(id=None), "<User unsaved>"),
        (lambda: lns.Pipeline(id="p1", v="2"), "<Pipeline ('p1', '2') unsaved>"),
        (
            lambda: lns.ExecutedCell(run_id="r1", position=3, ok=True, seconds=0.5, cell_id="c"),
            "<ExecutedCell ('r1', 3) cell_id='c' seconds=0.5 unsaved>",
        ),
        (lambda: lns.File(id="f1", name="x" * 100), f"<File 'f1' name='{'x' * 80}'… 100 characters unsaved>"),
        (lambda: lns.File(id="f1", name="<b>\n\u202e"), r"<File 'f1' name='<b>\n\u202e' unsaved>"),
        (lambda: lns.File(id="f1", name=None, size=0, revision=3, created_by_id="u1"), "<File 'f1' size=0 unsaved>"),
    ],
    ids=["name", "label", "no key", "two keys", "no label", "long", "commands", "no keys"],
)
def test_line(make, expected):
    """A record in one line is its class, its key, and what people call it."""
    assert expected == line.to_text(make())


def test_saved(run, session):
    """A record that is as it was saved says no more; one that is not says what it is."""
    saved = line.to_text(run)
    run.name = "Solve Y"
    modified = line.to_text(run)
    session.expire(run)
    expired = line.to_text(run)
    session.delete(run)
    session.flush()

    assert [
        "<Run 'Kq2xP0aZ' name='Solve X'>",
        "<Run 'Kq2xP0aZ' name='Solve Y' modified>",
        "<Run 'Kq2xP0aZ' expired>",
        "<Run 'Kq2xP0aZ' deleted>",
    ] == [saved, modified, expired, line.to_text(run).replace(" name='Solve X'", "")]


def test_length():
    """A value in the line is as short as was asked for."""
    file = lns.File(id="f1", name="x" * 100)

    assert "<File 'f1' name='xxxxx'… 100 characters unsaved>" == line.to_text(file, options=Options(length=5))


def test_secret_is_no_label():
    """A column that is a secret does not stand for its record."""
    registry = orm.registry()

    @registry.mapped
    class Key:
        __tablename__ = "key"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        name: orm.Mapped[str] = orm.mapped_column(info={"sensitive": True})
        api_key: orm.Mapped[str]
        scope: orm.Mapped[str]

    assert "<Key 1 scope='read' unsaved>" == line.to_text(Key(id=1, name="hunter2", api_key="hunter2", scope="read"))
    registry.dispose()


def test_nothing_is_read(run, session, engine):
    """The line of a record whose columns are expired asks the database for nothing."""
    session.commit()
    statements = []
    sa.event.listen(engine, "before_cursor_execute", lambda *_: statements.append(1))

    assert ("<Run 'Kq2xP0aZ' expired>", []) == (line.to_text(run), statements)


def test_value_that_answers_to_nothing():
    """A value whose every attribute raises is not taken for a label, and does no harm."""

    class Elusive:
        def __getattribute__(self, name):
            raise RuntimeError(name)

    assert "<File 'f1' unsaved>" == line.to_text(lns.File(id="f1", name=Elusive()))


def test_registry_that_is_not_complete():
    """A class beside one whose relationship points nowhere is still named by its key."""
    registry = orm.registry()
    known, broken = type("Known", (), {}), type("Broken", (), {})
    registry.map_imperatively(known, sa.Table("k", registry.metadata, sa.Column("id", sa.Integer, primary_key=True)))
    each = known()
    each.id = 1
    table = sa.Table("b", registry.metadata, sa.Column("id", sa.Integer, primary_key=True))
    registry.map_imperatively(broken, table, properties={"nowhere": orm.relationship("Nope")})

    shown = line.to_text(each)

    registry.dispose()
    assert "<Known 1 unsaved>" == shown


def test_not_a_record():
    """What is no record is refused by name."""
    with pytest.raises(NotMappedError, match="'list' object is not an instance of a mapped class"):
        line.to_text([])
