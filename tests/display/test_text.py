import textwrap
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import schema as lns
from ln_jupyter.display import record, text
from ln_jupyter.display.options import Options, Place


def shown(obj, **options):
    return text.render(record.view(obj, options=Options(**options)))


def lines(expected):
    return textwrap.dedent(expected).strip("\n")


FILLED = """\
  git_dirty    False
  created_at   2026-01-02 03:04:05 UTC
  revision     1
  pipeline_id  Pp1kQ7aZ
  pipeline_v   '1'
  None         external_id, started_at, heard_at, last_cell_at, finished_at,
               outcome, host, pid, process_started_at, kernel_id, kernel_name,
               runner, path, python, imports, git_commit, parameters, reason,
               failures, busy_seconds, alive_seconds, argv, platform, results,
               note, unlisted_files, notebook_id, notebook_v, environment_hash,
               source_hash, created_by_id, parent_id, continues_id, repeats_id"""


def test_run_in_a_session(run):
    """In a session, what is not loaded says what reading it costs, together what costs the same."""
    expected = f"""\
Run Kq2xP0aZ · in the session
  name         Solve X
{FILLED}
  not loaded   ○ loads when read · pipeline, inputs, outputs, cells, tagged,
               texts, files
  None         ∅ foreign key is NULL · notebook, environment, source, parent,
               continues, repeats, created_by
  computed     ƒ made when read · state, tags"""

    assert expected == shown(run)


def test_run_with_some_loaded(run):
    """What is loaded is there: one record in a line, the first of a collection in a line each."""
    _ = run.pipeline, run.inputs, run.outputs
    run.name = "Solve Y"

    expected = f"""\
Run Kq2xP0aZ · in the session · modified, not saved
  name         Solve Y · modified, not saved
{FILLED}
  pipeline     ● loaded · Pipeline Pp1kQ7aZ, 1 · Transform A
  inputs       ● loaded · 7 File
                 File File0 · part-0.csv
                 File File1 · part-1.csv
                 … 5 more
  outputs      ● loaded · 0 File
  None         ∅ foreign key is NULL · notebook, environment, source, parent,
               continues, repeats, created_by
  not loaded   ○ loads when read · cells, tagged, texts, files
  computed     ƒ made when read · state, tags"""
    assert expected == shown(run, members=2)


def test_run_detached(run, session):
    """After the session, what is not loaded says so, and the last line is what to type."""
    _ = run.pipeline
    session.close()

    expected = f"""\
Run Kq2xP0aZ · session closed
  name         Solve X
{FILLED}
  pipeline     ● loaded · Pipeline Pp1kQ7aZ, 1 · Transform A
  not loaded   ⊘ session closed · notebook, inputs, outputs, environment,
               source, cells, parent, continues, repeats, tagged, texts, files,
               created_by
  computed     ƒ made when read · state, tags
To load some of what is missing:
  ln.load(run, "inputs", "outputs", "cells", "tagged", "texts", "files")"""
    assert expected == shown(run, variable="run")


def test_run_expired_and_detached(run, session):
    """A record that was expired and lost its session is one kind of nothing, and one line to read it again."""
    session.commit()
    session.close()

    first, expired, *_, fix = shown(run, variable="run").splitlines()

    assert "Run Kq2xP0aZ · session closed · expired" == first
    assert expired.startswith("  expired   ⊘ session closed · id, name, external_id, started_at,")
    assert "To read it again: run = ln.select(type(run), id='Kq2xP0aZ').one()" == fix


def test_new_run():
    """A new record says that it is not saved, and what was not set."""
    new = lns.Run(id="Kq2xP0aZ", name="Solve X", pipeline=lns.Pipeline(id="Pp1kQ7aZ", name="Transform A"), host=None)

    expected = lines("""\
        Run Kq2xP0aZ · unsaved
          name      Solve X
          not set   external_id, started_at, heard_at, last_cell_at, finished_at,
                    outcome, pid, process_started_at, kernel_id, kernel_name, runner,
                    path, python, imports, git_commit, git_dirty, parameters,
                    created_at, revision, reason, failures, busy_seconds, alive_seconds,
                    argv, platform, results, note, unlisted_files, pipeline_id,
                    pipeline_v, notebook_id, notebook_v, environment_hash, source_hash,
                    created_by_id, parent_id, continues_id, repeats_id, notebook,
                    inputs, outputs, environment, source, cells, parent, continues,
                    repeats, tagged, texts, files, created_by
          None      host
          pipeline  ● loaded · Pipeline Pp1kQ7aZ, 1 · Transform A · unsaved
          computed  ƒ made when read · state, tags
    """)
    assert expected == shown(new)


def test_broken_session(run, session):
    """Where a flush failed, the last line is what the session needs."""
    session.add_all(lns.User(id=each, handle="ann") for each in "ab")
    with suppress(sa.exc.IntegrityError):
        session.flush()

    first, *_, last = shown(run, place=Place(session="s")).splitlines()

    assert "Run Kq2xP0aZ · in a session that needs rollback · expired" == first
    assert "To use the session again: s.rollback()" == last


def test_columns_of_text_are_aligned_to_a_width():
    """A very long name pushes its own value to the right, and no other."""
    registry = orm.registry()
    long = "measured_at_the_end_of_the_second_experiment"
    columns = [sa.Column(name, sa.Integer) for name in ("x", long)]
    table = sa.Table("t", registry.metadata, sa.Column("id", sa.Integer, primary_key=True), *columns)
    thing = type("Thing", (), {})
    registry.map_imperatively(thing, table)
    each = thing()
    each.id, each.x = 1, 3
    setattr(each, long, 2)

    assert ["Thing 1 · unsaved", f"  {'x':30}  3", f"  {long}  2"] == shown(each).splitlines()
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
