"""Statements run when they are asked, where they stand, and say what they would do."""

from __future__ import annotations

import copy
import datetime as dt
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
import sqlalchemy.orm
from sqlalchemy.orm import aliased, contains_eager, joinedload, selectinload
from sqlalchemy.orm.exc import DetachedInstanceError

import ln_jupyter as ln
import ln_jupyter.schema as lns

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Statements

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.alike]


def test_first_asks_for_one_row(statements: Statements) -> None:
    """`first()` is one statement with LIMIT 1."""
    ln.add([lns.Run(name="a"), lns.Run(name="b")])
    statements.clear()

    ln.select(lns.Run).first()

    assert len(statements) == 1
    assert "LIMIT" in statements[0]


def test_a_json_column_is_compared_as_a_whole_and_by_its_elements() -> None:
    """A field that holds JSON equals a dict or a list, and its elements what they hold."""
    ln.add([lns.Run(name="a", parameters={"alpha": [1, "x"], "beta": "b"}), lns.Run(name="b", parameters={})])

    assert ln.select(lns.Run, parameters={"alpha": [1, "x"], "beta": "b"}).one().name == "a"
    assert ln.select(lns.Run).where(lns.Run.parameters == {}).one().name == "b"
    assert ln.select(lns.Run).where(lns.Run.parameters["beta"].as_string() == "b").one().name == "a"


def test_a_record_read_without_a_session_is_detached() -> None:
    """Outside of a block, columns are readable and relationships raise."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    run = ln.select(lns.Run, name="x").first()

    assert run is not None
    assert run.pipeline_id is not None
    with pytest.raises(DetachedInstanceError):
        _ = run.pipeline


def test_repr_runs_nothing(statements: Statements) -> None:
    """Showing a statement sends nothing."""
    statement = ln.select(lns.Run, name="x")

    text = repr(statement)

    assert "not executed" in text
    assert "ln_run.name" in text
    assert [] == statements


def test_refining_leaves_the_statement_alone() -> None:
    """Every refinement gives a new statement."""
    ln.add([lns.Run(name="a"), lns.Run(name="b")])
    every = ln.select(lns.Run)

    some = every.where(name="a").order_by(lns.Run.id).limit(5).offset(0)

    assert (2, 1) == (every.count(), some.count())


def test_where_takes_expressions_and_fields() -> None:
    """Expressions of SQLAlchemy and plain fields may be mixed."""
    ln.add([lns.Run(name="a", external_id="1"), lns.Run(name="a", external_id="2")])

    found = ln.select(lns.Run).where(lns.Run.external_id > "1", name="a").one()

    assert found.external_id == "2"


@pytest.mark.parametrize("by", ["class", "relationship"])
def test_join_compares_fields_of_the_target(by: str) -> None:
    """`join(target, **fields)` keeps the rows whose partner has these fields."""
    ln.add([lns.Run(name="a", pipeline=lns.Pipeline(name="p")), lns.Run(name="b", pipeline=lns.Pipeline(name="q"))])

    found = ln.select(lns.Run).join(lns.Pipeline if by == "class" else lns.Run.pipeline, name="q").one()

    assert found.name == "b"


def test_load_reads_relationships_with_the_records(statements: Statements) -> None:
    """`load("pipeline", "inputs.sources")` costs a constant number of statements."""
    ln.add([lns.Run(name=f"{i}", pipeline=lns.Pipeline(), inputs=[lns.File(), lns.File()]) for i in range(10)])
    statements.clear()

    runs = ln.select(lns.Run).load("pipeline", "inputs.sources").all()

    assert [2] * 10 == [len(run.inputs) for run in runs]
    assert [[]] * 10 == [run.inputs[0].sources for run in runs]
    assert all(run.pipeline for run in runs)
    assert len(statements) == 3


def test_one_says_what_to_do_instead() -> None:
    """The errors of `one()` stay SQLAlchemy's and gain the statement and a fix."""
    with pytest.raises(sa.exc.NoResultFound) as none:
        ln.select(lns.Run, name="x").one()
    ln.add([lns.Run(name="x"), lns.Run(name="x")])
    with pytest.raises(sa.exc.MultipleResultsFound) as many:
        ln.select(lns.Run, name="x").one()

    assert none.value.__notes__ == [
        "asked for: Run where ln_run.name = :name_1\nfix: .one_or_none() gives None instead"
    ]
    assert ".first() gives one of them" in many.value.__notes__[0]


def test_one_keeps_a_limit_of_the_user() -> None:
    """A limit of one makes `one()` succeed where there are more."""
    ln.add([lns.Run(name="x"), lns.Run(name="x")])

    assert ln.select(lns.Run, name="x").limit(1).one().name == "x"
    assert ln.select(lns.Run).limit(0).first() is None


def test_one_or_none() -> None:
    """`one_or_none()` gives None where there is no row."""
    assert ln.select(lns.Run, name="x").one_or_none() is None


def test_columns_and_several_entities_give_rows() -> None:
    """A column alone gives its values; several entities give tuples."""
    run = ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    assert ["x"] == ln.select(lns.Run.name).all()
    assert [("x", "p")] == [tuple(row) for row in ln.select(lns.Run.name, lns.Pipeline.name).join(lns.Pipeline).all()]
    assert [run.id] == [row[0].id for row in ln.select(lns.Run, lns.Pipeline).join(lns.Run.pipeline).all()]


def test_an_alias_is_an_entity() -> None:
    """`aliased()` of SQLAlchemy works with fields."""
    ln.add(lns.Run(name="x"))
    other = aliased(lns.Run)

    assert ln.select(other, name="x").count() == 1


def test_stream_keeps_a_batch_in_memory() -> None:
    """`stream()` gives every row, in and out of a session."""
    ln.add(lns.Pipeline, [{"name": f"{i:03}"} for i in range(250)])

    names = [p.name for p in ln.select(lns.Pipeline).order_by(lns.Pipeline.name).stream(batch=100)]
    with ln.Session() as ss:
        again = [p.name for p in ss.select(lns.Pipeline).order_by(lns.Pipeline.name).stream(batch=100)]

    assert [f"{i:03}" for i in range(250)] == names == again


def test_a_bare_session_reads_while_it_streams(engine: sa.Engine) -> None:
    """Something may be looked up for each row of a stream, whose end gives the connection back."""
    ln.add(lns.Pipeline, [{"name": str(n)} for n in range(5)])
    ss = ln.Session()

    found = [ss.select(lns.Run, name=p.name).first() for p in ss.select(lns.Pipeline).stream(batch=2)]

    assert [None] * 5 == found
    assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]
    ss.close()


def test_streams_beside_each_other(engine: sa.Engine) -> None:
    """Two streams of one bare session are read in turns, and the shorter one does not end the other."""
    ln.add(lns.Pipeline, [{"name": str(n)} for n in range(5)])
    ss = ln.Session()
    short, long = (ss.select(lns.Pipeline.name).limit(n).stream(batch=1) for n in (2, 5))

    pairs = list(zip_longest(short, long))

    assert 5 == len(pairs)
    assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]
    ss.close()


ENDS: dict[str, Callable[[ln.Session], object]] = {
    "commit": lambda ss: ss.commit(),
    "rollback": lambda ss: ss.rollback(),
    "close": lambda ss: ss.close(),
    "end": lambda ss: ss.end(failed=False),
    "failure": lambda ss: ss.end(failed=True),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_stream_ends_with_its_transaction(end: str) -> None:
    """It says so, whatever ended it, and whether or not it has read ahead."""
    ln.add(lns.Pipeline, [{"name": str(n)} for n in range(5)])
    ss = ln.Session()
    ss.begin()
    rows, ahead = (ss.select(lns.Pipeline).stream(batch=batch) for batch in (2, 100))
    next(rows), next(ahead)

    ENDS[end](ss)

    for stream in (rows, ahead):
        with pytest.raises(ln.errors.SessionError, match="ended with their transaction"):
            next(stream)
        assert [] == list(stream)
    ss.close()


def test_a_bare_session_that_commits_ends_its_stream() -> None:
    """Each call of a bare session commits: the rows are read before the first."""
    ln.add(lns.Pipeline, [{"name": str(n)} for n in range(5)])
    ss = ln.Session()

    with pytest.raises(ln.errors.SessionError) as error:
        for pipeline in ss.select(lns.Pipeline).stream(batch=2):
            pipeline.name = "changed"
            ss.add(pipeline)

    assert error.value.fix == "read them to the end before: for record in statement.all():"
    assert 1 == ss.select(lns.Pipeline, name="changed").count()
    ss.close()


def test_a_stream_that_is_left_does_not_outlive_its_block(url: sa.URL) -> None:
    """Who gets its connection next sees what others saved meanwhile, and may write."""
    engine = ln.connect(url)
    ln.add(lns.Pipeline, [{"name": str(n)} for n in range(5)])
    with ln.Session() as ss:
        rows = ss.select(lns.Pipeline).stream(batch=1)
        next(rows)
    other = sa.create_engine(url)
    with sa.orm.Session(other) as theirs:
        theirs.add(lns.Pipeline(name="theirs"))
        theirs.commit()

    seen = ln.select(lns.Pipeline).count()
    ln.add(lns.Pipeline(name="mine"))

    assert (6, 7) == (seen, ln.select(lns.Pipeline).count())
    assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]
    rows.close()
    other.dispose()


@pytest.mark.parametrize("batch", [0, -5])
def test_a_batch_without_rows_is_refused(batch: int) -> None:
    """It does not end the stream before the first row."""
    with pytest.raises(ln.errors.InvalidValueError):
        next(ln.select(lns.Run).stream(batch))


def test_names_are_loaded_one_by_one() -> None:
    """A list of names is told apart from the names."""
    run = ln.add(lns.Run(name="x"))

    for load in (ln.select(lns.Run).load, lambda names: ln.load(run, names)):
        with pytest.raises(ln.errors.UnknownFieldError) as error:
            load(["pipeline", "inputs"])  # type: ignore[arg-type]

        assert "one by one" in error.value.fix


def test_exists_and_count() -> None:
    """Both are answered by the database."""
    assert not ln.select(lns.Run, name="x").exists()

    ln.add(lns.Run(name="x"))

    assert ln.select(lns.Run, name="x").exists()
    assert ln.select(lns.Run).order_by(lns.Run.name).count() == 1


def test_it_is_filtered_as_elsewhere() -> None:
    """`filter` is `where`, and `filter_by` takes fields, as SQLAlchemy's queries and Django's have them."""
    ln.add([lns.Run(name="a"), lns.Run(name="b")])
    runs = ln.select(lns.Run)

    found = [runs.filter(lns.Run.name == "a"), runs.filter(name="a"), runs.filter_by(name="a")]

    assert [["a"]] * 3 == [[run.name for run in each] for each in found]


def test_fields_after_a_join_say_of_which_class() -> None:
    """SQLAlchemy takes them for the joined class's, and its next release for either's: this is refused."""
    with pytest.raises(ln.errors.InvalidValueError, match="of which class") as error:
        ln.select(lns.Run).join(lns.Pipeline).filter_by(name="a")

    assert "use .where(Model.column == value), or .join(Model, name=...)" == error.value.fix


def test_iterating_runs_it_once(statements: Statements) -> None:
    """A loop, `list` and `sorted` read the rows by one statement each, and count nothing first."""
    ln.add([lns.Run(name="a"), lns.Run(name="b")])
    runs = ln.select(lns.Run.name)
    statements.clear()

    found = [[name for name in runs], [*runs], list(runs), sorted(runs)]  # noqa: C416 - the point

    assert [["a", "b"]] * 4 == [sorted(each) for each in found]
    assert 4 == len(statements)


@pytest.mark.parametrize(
    ("use", "fix"),
    [
        (len, "count in the database with .count(), or len(statement.all())"),
        (lambda s: s[0], "use .first(), after an .order_by(...) that says which is the first, or .all()[0]"),
        (lambda s: s[3], "use .offset(3).first(), after an .order_by(...), or .all()[3]"),
        (lambda s: s[-1], "use .order_by(Model.column.desc()).first(), or .all()[-1]"),
        (lambda s: s[2:5], "use .offset(2).limit(3).all(), after an .order_by(...)"),
        (lambda s: s[:5], "use .limit(5).all(), after an .order_by(...)"),
        (lambda s: s[::2], "use .all(), which gives a list"),
        (lambda s: s["name"], "use ln.select(Model.name).all(), or .df()['name']"),
        (lambda s: s["the name"], "use .df()['the name']"),
        (lambda s: s[True], "use .all(), which gives a list"),
        (lambda s: "a" in s, "ask the database: .where(...).exists()"),
    ],
    ids=["len", "0", "3", "-1", "2:5", ":5", "::2", "name", "the name", "True", "in"],
)
def test_it_is_not_its_rows(statements: Statements, use: Any, fix: str) -> None:
    """What asks for rows of a statement that has not run is a TypeError that says what gives them; nothing is sent."""
    with pytest.raises(ln.errors.NotExecutedError) as error:
        use(ln.select(lns.Run))

    assert isinstance(error.value, TypeError)
    assert (fix, []) == (error.value.fix, statements)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("get", "use .where(id=..., v=...).one_or_none()"),
        ("get_one", "use .where(id=..., v=...).one()"),
        ("scalars", "use .all()"),
        ("scalar_one", "use .one()"),
        ("select_related", 'use .load("relationship")'),
        ("exclude", "use .where(Model.column != value)"),
        ("to_pandas", "use .df()"),
        ("frist", "did you mean 'first'?"),
        ("group_by", "with ln.Session() as ss: ss.orm.execute(statement.select.group_by(...)).all()"),
    ],
)
def test_a_name_of_elsewhere_is_answered(name: str, fix: str) -> None:
    """Methods of SQLAlchemy's results, of Django and of pandas are told what they are here."""
    pipelines: Any = ln.select(lns.Pipeline)

    with pytest.raises(ln.errors.UnknownNameError) as error:
        getattr(pipelines, name)

    assert isinstance(error.value, AttributeError)
    assert error.value.fix.endswith(fix)


def test_the_way_to_sqlalchemys_own_statement() -> None:
    """What the error of such a name says can be typed."""
    ln.add([lns.Run(name="a"), lns.Run(name="a")])
    statement = ln.select(lns.Run.name)

    with ln.Session() as ss:
        assert [("a",)] == ss.orm.execute(statement.select.distinct()).all()


def test_tools_that_look_for_a_name_find_none() -> None:
    """A protocol's name is a plain AttributeError, and a copy works."""
    runs = ln.select(lns.Run, name="a")

    assert not hasattr(runs, "_repr_html_")
    assert not hasattr(runs, "shape")
    assert copy.copy(runs).sql == runs.sql


@pytest.mark.parametrize(
    ("ask", "fix"),
    [
        (lambda s: s.order_by("-name"), "use .order_by(Run.name.desc())"),
        (lambda s: s.order_by("-"), "use .order_by(Run.column.desc())"),
        (lambda s: s.limit(-1), ".limit(10)"),
        (lambda s: s.limit(np.int64(-1)), ".limit(10)"),
        (lambda s: s.limit("-1"), ".limit(10)"),
        (lambda s: s.offset(-1), ".offset(10)"),
    ],
)
def test_what_no_order_or_number_is(ask: Any, fix: str) -> None:
    """Django's way to order downwards, and a number below none, are refused before anything runs."""
    with pytest.raises(ln.errors.InvalidValueError) as error:
        ask(ln.select(lns.Run))

    assert fix == error.value.fix


@pytest.mark.parametrize(
    ("fields", "fix"),
    [
        ({"name__contains": "x"}, ".where(Run.name > value), .where(Run.name.contains(value))"),
        ({"pipeline__name": "x"}, "join it: .join(Run.pipeline, name=...)"),
        ({"name_": "x"}, "did you mean 'name'?"),
    ],
)
def test_a_condition_as_django_names_it(fields: dict[str, Any], fix: str) -> None:
    """It is told how to write it as an expression, or what to join."""
    with pytest.raises(ln.errors.UnknownFieldError) as error:
        ln.select(lns.Run).filter(**fields)

    assert error.value.fix.endswith(fix)


def test_times_are_asked_for_by_texts() -> None:
    """A text names a moment in expressions and in fields, and finds what it should."""
    ln.add([lns.Run(name=f"{day}", started_at=dt.datetime(2026, 11, day, 12, tzinfo=dt.UTC)) for day in (20, 25)])
    runs = ln.select(lns.Run)

    after, at = runs.where(lns.Run.started_at > "2026-11-22"), runs.where(started_at="2026-11-20T13:00+01:00")

    assert (["25"], ["20"]) == ([run.name for run in after], [run.name for run in at])


def test_a_statement_is_not_a_truth() -> None:
    """`if ln.select(...)` is refused, because it would always be true."""
    with pytest.raises(ln.errors.NothingGivenError) as error:
        bool(ln.select(lns.Run))

    assert error.value.fix == "ask with .exists(), .count() or .first()"


def test_a_joined_collection_gives_each_record_once() -> None:
    """An option of the user's that joins a collection does not repeat its parents."""
    ln.add(lns.Run(name="x", inputs=[lns.File(), lns.File()]))

    runs = ln.select(lns.Run).options(joinedload(lns.Run.inputs)).all()

    assert [2] == [len(run.inputs) for run in runs]


def test_one_record_has_its_whole_collection(statements: Statements) -> None:
    """Where an option reads a collection from the joined rows, no limit cuts it."""
    ln.add([lns.Run(name=name, inputs=[lns.File(name=f"{name}{i}") for i in range(4)]) for name in "ab"])
    joined = ln.select(lns.Run).join(lns.Run.inputs).options(contains_eager(lns.Run.inputs)).order_by(lns.Run.name)
    only = joined.where(name="a")
    statements.clear()

    runs = [joined.first(), only.first(), only.one(), only.one_or_none()]

    assert [4] * 4 == [len(run.inputs) for run in runs if run is not None]
    assert 4 == len(statements)
    with pytest.raises(sa.exc.MultipleResultsFound):
        joined.one()


def test_other_options_leave_the_limit(statements: Statements) -> None:
    """Where each row is a record, `first()` still asks for one."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(), inputs=[lns.File(), lns.File()]))
    runs = ln.select(lns.Run)
    statements.clear()

    for options in (joinedload(lns.Run.inputs), selectinload(lns.Run.inputs), contains_eager(lns.Run.pipeline)):
        run = runs.join(lns.Run.pipeline).options(options).first()

        assert run is not None
        assert "LIMIT" in statements[0]
        statements.clear()


def test_sql_shows_placeholders() -> None:
    """`sql` is the text, without the values."""
    assert "secret" not in ln.select(lns.Run, name="secret").sql


def test_a_statement_stands_in_sqlalchemys_expressions() -> None:
    """A statement may be used as a subquery."""
    ln.add([lns.Run(name="a"), lns.Run(name="b")])
    names = ln.select(lns.Run.name).where(name="a")

    assert ["a"] == [run.name for run in ln.select(lns.Run).where(lns.Run.name.in_(names)).all()]


def test_an_unknown_field_names_the_near_miss() -> None:
    """A misspelt field is an error before anything runs."""
    with pytest.raises(ln.errors.UnknownFieldError) as error:
        ln.select(lns.Run, nmae="x")

    assert str(error.value) == "Run has no field 'nmae'"
    assert error.value.fix == "did you mean 'name'?"


def test_a_misspelt_relationship_names_the_near_miss() -> None:
    """So is a misspelt path of `load`."""
    with pytest.raises(ln.errors.UnknownFieldError) as error:
        ln.select(lns.Run).load("pipline")

    assert "'pipeline'" in error.value.fix


@pytest.mark.parametrize("entity", [int, 3, "Run", None])
def test_what_is_not_mapped_is_refused(entity: object) -> None:
    """A class without a mapping, or a value, is no entity."""
    with pytest.raises(ln.errors.NotMappedError):
        ln.select(entity)


@pytest.mark.parametrize(
    ("entity", "fix"),
    [
        ("Run", "give the class itself: ln.select(lns.Run)"),
        ("Sample", "give the class itself: ln.select(Sample)"),
        (lns.Run(), "give its class: ln.select(Run, ...)"),
        (3, "ln.select(Model, name=...), or columns of one"),
    ],
)
def test_what_is_no_class_is_told_how_to_select(entity: object, fix: str) -> None:
    """The error speaks of what was to be done, and not of adding."""
    with pytest.raises(ln.errors.NotMappedError) as error:
        ln.select(entity)

    assert fix == error.value.fix


def test_what_python_computes_is_no_condition(library: sa.Engine, book: Any) -> None:
    """A hybrid without SQL would be true or false of every row: nothing is chosen by it, least of all to be deleted."""
    ln.add([book(title="one"), book(title="three")])
    asks: list[Callable[[], object]] = [
        lambda: ln.select(book, is_anonymous=False),
        lambda: ln.select(book).where(is_anonymous=False),
        lambda: ln.add(book, is_anonymous=False),
        lambda: ln.delete(book, is_anonymous=False),
    ]

    for ask in asks:
        with pytest.raises(ln.errors.UnknownFieldError) as error:
            ask()

    assert "Book.is_anonymous is computed in Python, so the database cannot compare it" == str(error.value)
    assert ".expression" in error.value.fix
    assert ["three"] == [each.title for each in ln.delete(book, is_long=True)]
    assert ["one"] == ln.select(book.title).all()


@pytest.mark.parametrize(
    ("fields", "fix"),
    [
        ({"pipeline": "Transform A"}, "give a Pipeline, or use .join(Run.pipeline, name=...)"),
        ({"pipeline": lns.File()}, "give a Pipeline, or use .join(Run.pipeline, name=...)"),
        ({"inputs": lns.File()}, "use .where(Run.inputs.contains(record)), or .join(Run.inputs, name=...)"),
        ({"name": ["a", "b"]}, "use .where(Run.name.in_([...]))"),
        ({"pid": {1, 2}}, "use .where(Run.pid.in_([...]))"),
    ],
)
def test_a_value_that_no_field_equals_is_refused(fields: dict[str, Any], fix: str) -> None:
    """The error says what to type instead, before anything runs."""
    for ask in (ln.select, ln.select(lns.Run).join, ln.add, ln.delete):
        with pytest.raises(ln.errors.InvalidValueError) as error:
            ask(lns.Run, **fields)

        assert fix == error.value.fix


def test_none_and_lists_are_values_where_they_can_be() -> None:
    """A record may refer to nothing, and JSON holds lists."""
    ln.add(lns.Run(name="x"))
    runs = ln.select(lns.Run).where(pipeline=None, inputs=None)

    assert ["x"] == [run.name for run in runs.all()]
    assert "imports" in ln.select(lns.Run, imports=["numpy"]).sql.partition("WHERE")[2]


def test_join_filters_the_alias_that_it_joins() -> None:
    """Fields beside ``relationship.of_type(alias)`` are of the alias, also where both are of one class."""
    first = ln.add(lns.Notebook(name="first"))
    ln.add(lns.Notebook(name="copy", parent=first))
    parent, pipeline = aliased(lns.Notebook), aliased(lns.Pipeline)
    ln.add([lns.Run(name=name, pipeline=lns.Pipeline(name=name)) for name in "ab"])

    copies = ln.select(lns.Notebook).join(lns.Notebook.parent.of_type(parent), name="first").all()
    runs = ln.select(lns.Run).join(lns.Run.pipeline.of_type(pipeline), name="a").all()

    assert ["copy"] == [each.name for each in copies]
    assert ["a"] == [each.name for each in runs]


def test_a_column_cannot_be_joined() -> None:
    """A column as the target is named as such, with and without fields."""
    for fields in ({}, {"name": "x"}):
        with pytest.raises(ln.errors.NotMappedError) as error:
            ln.select(lns.Run).join(lns.Run.name, **fields)

        assert "Run.name is a column, and joins nothing" == str(error.value)


def test_a_field_may_be_called_target() -> None:
    """The names of our own arguments are free for fields."""
    with pytest.raises(ln.errors.UnknownFieldError):
        ln.select(lns.Run).join(lns.Pipeline, target="x")


def test_a_list_is_not_loaded() -> None:
    """`load` takes one record, and says of a list what loads with many."""
    runs = ln.add([lns.Run(name="a"), lns.Run(name="b")])

    with pytest.raises(ln.errors.NotMappedError, match="load\\(\\) takes one record, and this is a list") as error:
        ln.load(runs, "pipeline")

    assert 'ln.select(Model).load("name").all()' in error.value.fix
