import textwrap
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import schema as lns
from ln_jupyter.display import record, text
from ln_jupyter.display.options import Options


def shown(obj, **options):
    return text.render(record.view(obj, options=Options(**options)))


def lines(expected):
    return textwrap.dedent(expected).strip("\n")


NULLS = """\
  None         external_id, notebook_id, notebook_v, started_at, heard_at, last_cell_at,
               finished_at, outcome, host, pid, process_started_at, kernel_id, kernel_name, runner,
               path, python, imports, environment_hash, source_hash, git_commit, parameters,
               created_by_id, reason, failures, busy_seconds, alive_seconds, argv, platform,
               results, note, parent_id, continues_id, repeats_id"""


def test_run_in_a_session(run):
    """In a session, what is not loaded says what reading it costs."""
    expected = f"""\
Run 'Kq2xP0aZ' · in the session
  id           'Kq2xP0aZ'
  name         'Solve X'
  pipeline_id  'Pp1kQ7aZ'
  pipeline_v   '1'
  git_dirty    False
  created_at   2026-01-02 03:04:05 UTC
  revision     1
{NULLS}
  pipeline     ○ not loaded · loads when read · Pipeline ('Pp1kQ7aZ', '1')
  notebook     ∅ None · foreign key is NULL · Notebook
  inputs       ○ not loaded · loads when read · many File
  outputs      ○ not loaded · loads when read · many File
  environment  ∅ None · foreign key is NULL · Environment
  source       ∅ None · foreign key is NULL · Source
  cells        ○ not loaded · loads when read · many ExecutedCell
  parent       ∅ None · foreign key is NULL · Run
  continues    ∅ None · foreign key is NULL · Run
  repeats      ∅ None · foreign key is NULL · Run
  tagged       ○ not loaded · loads when read · many RunTag
  texts        ○ not loaded · loads when read · many RunText
  created_by   ∅ None · foreign key is NULL · User
  computed     ƒ made when read · state, tags"""

    assert expected == shown(run)


def test_run_with_some_loaded(run):
    """What is loaded is there: one record in a line, the first of a collection in a line each."""
    _ = run.pipeline, run.inputs, run.outputs
    run.name = "Solve Y"

    expected = f"""\
Run 'Kq2xP0aZ' · in the session · modified, not saved
  id           'Kq2xP0aZ'
  name         'Solve Y' · modified, not saved
  pipeline_id  'Pp1kQ7aZ'
  pipeline_v   '1'
  git_dirty    False
  created_at   2026-01-02 03:04:05 UTC
  revision     1
{NULLS}
  pipeline     ● loaded · <Pipeline ('Pp1kQ7aZ', '1') name='Transform A'>
  notebook     ∅ None · foreign key is NULL · Notebook
  inputs       ● loaded · 7 File
                 <File 'File0' name='part-0.csv'>
                 <File 'File1' name='part-1.csv'>
                 … 5 more
  outputs      ● loaded · 0 File
  environment  ∅ None · foreign key is NULL · Environment
  source       ∅ None · foreign key is NULL · Source
  cells        ○ not loaded · loads when read · many ExecutedCell
  parent       ∅ None · foreign key is NULL · Run
  continues    ∅ None · foreign key is NULL · Run
  repeats      ∅ None · foreign key is NULL · Run
  tagged       ○ not loaded · loads when read · many RunTag
  texts        ○ not loaded · loads when read · many RunText
  created_by   ∅ None · foreign key is NULL · User
  computed     ƒ made when read · state, tags"""
    assert expected == shown(run, members=2)


def test_run_detached(run, session):
    """After the session, what is not loaded says so, and the last line is what to type."""
    _ = run.pipeline
    session.close()

    expected = f"""\
Run 'Kq2xP0aZ' · session closed
  id           'Kq2xP0aZ'
  name         'Solve X'
  pipeline_id  'Pp1kQ7aZ'
  pipeline_v   '1'
  git_dirty    False
  created_at   2026-01-02 03:04:05 UTC
  revision     1
{NULLS}
  pipeline     ● loaded · <Pipeline ('Pp1kQ7aZ', '1') name='Transform A'>
  notebook     ⊘ not loaded · session closed · Notebook
  inputs       ⊘ not loaded · session closed · many File
  outputs      ⊘ not loaded · session closed · many File
  environment  ⊘ not loaded · session closed · Environment
  source       ⊘ not loaded · session closed · Source
  cells        ⊘ not loaded · session closed · many ExecutedCell
  parent       ⊘ not loaded · session closed · Run
  continues    ⊘ not loaded · session closed · Run
  repeats      ⊘ not loaded · session closed · Run
  tagged       ⊘ not loaded · session closed · many RunTag
  texts        ⊘ not loaded · session closed · many RunText
  created_by   ⊘ not loaded · session closed · User
  computed     ƒ made when read · state, tags
  To load some of what is missing of this run: ln.load(run, "notebook", "inputs", "outputs", "environment", "source", "cells")"""
    assert expected == shown(run)


def test_run_expired_and_detached(run, session):
    """A record that was expired and lost its session is three kinds of nothing, and one line to read it again."""
    session.commit()
    session.close()

    first, columns, *_, relationship, _, fix = shown(run).splitlines()

    assert "Run 'Kq2xP0aZ' · session closed · expired" == first
    assert columns.startswith("  40 columns   ⊘ expired · session closed · id, name, external_id, pipeline_id,")
    assert "  created_by   ⊘ expired · session closed · User" == relationship
    assert "  To read this run again: run = ln.select(type(run), id='Kq2xP0aZ').one()" == fix


def test_new_run():
    """A new record says that it is not saved, and what was not set."""
    new = lns.Run(id="Kq2xP0aZ", name="Solve X", pipeline=lns.Pipeline(id="Pp1kQ7aZ", name="Transform A"), host=None)

    expected = lines("""\
        Run 'Kq2xP0aZ' · unsaved
          id           'Kq2xP0aZ'
          name         'Solve X'
          not set      external_id, pipeline_id, pipeline_v, notebook_id, notebook_v, started_at, heard_at,
                       last_cell_at, finished_at, outcome, pid, process_started_at, kernel_id, kernel_name,
                       runner, path, python, imports, environment_hash, source_hash, git_commit, git_dirty,
                       parameters, created_at, created_by_id, revision, reason, failures, busy_seconds,
                       alive_seconds, argv, platform, results, note, parent_id, continues_id, repeats_id
          None         host
          pipeline     ● loaded · <Pipeline ('Pp1kQ7aZ', '1') name='Transform A' unsaved>
          notebook     - not set · Notebook
          inputs       - not set · many File
          outputs      - not set · many File
          environment  - not set · Environment
          source       - not set · Source
          cells        - not set · many ExecutedCell
          parent       - not set · Run
          continues    - not set · Run
          repeats      - not set · Run
          tagged       - not set · many RunTag
          texts        - not set · many RunText
          created_by   - not set · User
          computed     ƒ made when read · state, tags
    """)
    assert expected == shown(new)


def test_broken_session(run, session):
    """Where a flush failed, the last line is what the session needs."""
    session.add_all(lns.User(id=each, handle="ann") for each in "ab")
    with suppress(sa.exc.IntegrityError):
        session.flush()

    first, *_, last = shown(run).splitlines()

    assert "Run 'Kq2xP0aZ' · in a session that needs rollback · expired" == first
    assert "  To use the session again: session.rollback()" == last


def test_columns_of_text_are_aligned_to_a_width():
    """A very long name pushes its own value to the right, and no other."""
    registry = orm.registry()
    long = "measured_at_the_end_of_the_second_experiment"
    table = sa.Table("t", registry.metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column(long, sa.Integer))
    thing = type("Thing", (), {})
    registry.map_imperatively(thing, table)
    each = thing()
    each.id = 1
    setattr(each, long, 2)

    assert ["Thing 1 · unsaved", f"  {'id':30}  1", f"  {long}  2"] == shown(each).splitlines()
    registry.dispose()


def test_no_name_is_a_command():
    """Whatever a class and its columns are called, the text commands no terminal and keeps its lines."""
    registry = orm.registry()
    table = sa.Table("t", registry.metadata, sa.Column("a\x1b[2J", sa.Integer, primary_key=True))
    thing = type("T\u202e\n", (), {})
    registry.map_imperatively(thing, table)

    assert ["T\ufffd\ufffd · unsaved", "  not set  a\ufffd[2J"] == shown(thing()).splitlines()
    registry.dispose()


def test_no_value_is_a_command():
    """Whatever is in a record, its text has a line for each attribute and commands no terminal."""
    tame, hostile = (
        shown(lns.User(id=each, handle=each, name=each)) for each in ("a", "\x1b[2J\r\n\u202e\u2028\udce9")
    )

    assert len(tame.split("\n")) == len(hostile.split("\n")) == len(hostile.splitlines())
    assert hostile.replace("\n", "").isprintable()
    assert r"'\x1b[2J\r\n\u202e\u2028\udce9'" in hostile
    assert hostile.encode()
