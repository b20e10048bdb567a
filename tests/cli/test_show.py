import datetime as dt
import hashlib
import json
import re
import zlib

import pytest
import sqlalchemy as sa

import ln_jupyter.schema as lns
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.schema import ExecutedCell, Notebook, Run, Source
from tests.cli.conftest import NOW, ago, execution, notebook, table


def test_a_notebook(filled, command, db):
    """`show` of a notebook gives how its last run is, its versions, its last runs, and where it was seen."""
    done = command("show", "Growth0000aa", *db)

    assert 0 == done.exit_code
    heading, versions, runs, seen = done.stdout.split("\n\n")
    assert [
        f"? lost, last heard {ago(30, 600).astimezone().isoformat(timespec='seconds')}",
        "notebook Growth0000aa · Growth of E. coli · /data/growth.ipynb",
        f"4 runs · last {ago(30).astimezone().isoformat(timespec='seconds')} · from Growth0000aa version 1",
    ] == heading.splitlines()
    second, first = table(versions)
    assert (["2 draft", "ann", "3", "? lost"], ["1 published", "ann", "1", "✓ finished"]) == (
        [second[0], *second[2:5]], [first[0], *first[2:5]]
    )  # fmt: skip
    assert first[5].endswith(" by bob")
    assert ["lost", "fail", "fini", "publ"] == [row[1][:4] for row in table(runs)]
    assert ["/there/growth.ipynb", "/data/growth.ipynb", "/data/old.ipynb"] == [row[2] for row in table(seen)]
    assert done.stdout == command("show", "/data/growth.ipynb", *db).stdout == command("show", "old.ipynb", *db).stdout


def test_a_file_of_several_notebooks(filled, engine, command, db):
    """Of a file's name that several notebooks have, their ids are named; of one that none has, the way to those there are."""
    with OrmSession(engine) as session:
        other = session.get_one(Notebook, ("Other00000bb", "1"))
        session.add(lns.NotebookPath(host="elsewhere", path="/data/b/growth.ipynb", notebook=other, seen_at=NOW))
        session.commit()

    several, none = command("show", "growth.ipynb", *db), command("show", "no_such%.ipynb", *db)

    assert (1, 1) == (several.exit_code, none.exit_code)
    assert "Error: 2 notebooks have a file growth.ipynb\nfix: write its path, or an id: " in several.stderr
    assert all(name in several.stderr for name in ("Growth0000aa", "Other00000bb"))
    assert none.stderr.startswith("Error: the registry knows no notebook no_such%.ipynb\nfix: ln-jupyter list")


def test_versions_of_one_moment(engine, data, db):
    """Of versions that were made at one moment, as in a copy, the tenth is newer than the ninth."""
    with OrmSession(engine) as session:
        session.add_all(notebook("Growth0000aa", v, days=1) for v in ("9", "11", "10", "1"))
        session.commit()

    found = [each["v"] for each in data("show", "Growth0000aa", *db)["versions"]]

    assert ["11", "10", "9", "1"] == found == [each["v"] for each in data("list", *db)]
    assert ["11", "10"] == [each["v"] for each in data("list", "--limit", "2", *db)]


def test_a_version_is_not_its_own_parent(engine, command, data, db):
    """A row that names itself as its parent, as a release before has written it, is shown without one."""
    with OrmSession(engine) as session:
        session.add(notebook("Growth0000aa", "1", days=1))
        session.flush()
        session.execute(sa.update(Notebook).values(parent_id="Growth0000aa", parent_v="1"))
        session.commit()

    (found,) = data("show", "Growth0000aa", *db)["versions"]

    assert (None, None) == (found["parent_id"], found["parent_v"])
    assert " · from " not in command("show", "Growth0000aa", *db).stdout


def test_a_notebook_as_json(filled, data, db):
    """For programs, a notebook's versions and paths are lists."""
    found = data("show", "Growth0000aa", *db)

    assert ("notebook", "Growth0000aa", 4) == (found["kind"], found["id"], found["runs"])
    assert [("2", 3), ("1", 1)] == [(version["v"], version["runs"]) for version in found["versions"]]
    assert [("ann", None), ("ann", "bob")] == [(each["user"], each["published_by"]) for each in found["versions"]]
    assert {"host", "path", "v", "seen_at"} == set(found["paths"][0])


def test_a_run(filled, command, db):
    """`show` of a run gives its state, what it is, and, into a pipe, every fact that was recorded, and its cells."""
    done = command("show", "failed000000000000aa", *db)

    heading, given, facts, cells = done.stdout.split("\n\n")
    started = ago(38).astimezone().isoformat(timespec="seconds")
    assert [
        "✗ failed",
        "run failed000000000000aa · Growth of E. coli · /data/growth.ipynb, version 2 draft",
        f"ann on lab-1 · {started} · took 5.0 s",
    ] == heading.splitlines()
    assert ["PARAMETERS", "name 'x', alpha 0.5" if "postgresql" in db[1] else "alpha 0.5, name 'x'"] == re.split(
        "  +", given
    )
    shown = dict(re.split("  +", line, maxsplit=1) for line in facts.splitlines())
    assert {
        "NOTEBOOK": "Growth0000aa 2 Growth of E. coli",
        "RUNNER": "nbmake",
        "KERNEL": "python3 6f1c",
        "PYTHON": "3.12.1",
        "IMPORTS": "numpy 2.0",
        "ENVIRONMENT": f"{'e' * 64} (2 packages)",
        "GIT": "0123abc with changes",
        "STARTED": started,
    }.items() <= shown.items()
    assert shown["PID"].startswith("4711 since 20")
    assert [
        ["#1", "0.25 s", started, f"only its hash: {'a' * 8}"],
        ["#2", "4.0 s", started, "✗ failed", f"only its hash: {'b' * 8}"],
    ] == table(cells)


def test_a_run_as_json(filled, data, db):
    """For programs, a run has every column, its derived state, and its cells."""
    found = data("show", "failed000000000000aa", *db)

    assert ("run", "failed", 5.0, 2) == (found["kind"], found["state"], found["seconds"], found["package_count"])
    assert ({"alpha": 0.5, "name": "x"}, True) == (found["parameters"], found["git_dirty"])
    assert [("c1", True), ("c2", False)] == [(cell["cell_id"], cell["ok"]) for cell in found["cells"]]
    assert found["started_at"].endswith("+00:00")


def test_a_run_of_which_little_is_known(filled, command, db):
    """What was not recorded is not shown."""
    done = command("show", "byhand", *db)

    registered = ago(100).astimezone().isoformat(timespec="seconds")
    assert [
        "- by hand",
        "run byhand000000000000aa · by hand",
        f"ann · {registered}",
        "",
        f"REGISTERED  {registered}",
    ] == done.stdout.splitlines()


def test_a_long_run(filled, engine, command, data, db):
    """Into a pipe go all cells of a run."""
    with OrmSession(engine) as session:
        row = {"run_id": "lost00000000000000aa", "started_at": NOW}
        session.execute(sa.insert(ExecutedCell), [row | {"position": n} for n in range(1, 101)])
        session.commit()

    done = command("show", "lost", *db)

    assert [f"#{n}" for n in range(1, 101)] == [row[0] for row in table(done.stdout.split("\n\n")[-1])]
    assert 100 == len(data("show", "lost", *db)["cells"])


def test_the_beginning_of_an_id(filled, data, db):
    """An id may be shortened as long as no other one begins so."""
    assert "published000000000aa" == data("show", "p", *db)["id"]


def test_a_whole_id_is_meant(engine, data, db):
    """A whole id is found although another one begins with it."""
    with OrmSession(engine) as session:
        session.add_all([notebook("abc", "1", days=1), notebook("abcd", "1", days=1)])
        session.commit()

    assert "abc" == data("show", "abc", *db)["id"]


def test_an_ambiguous_beginning(filled, command, db):
    """A beginning of several ids names them."""
    done = command("show", "f", *db)

    assert 1 == done.exit_code
    assert "Error: 'f' is the beginning of several ids" in done.stderr
    assert all(name in done.stderr for name in ("failed000000000000aa", "finished0000000000aa"))


def test_nothing_is_the_beginning_of_no_id(engine, command, db):
    """An empty name, as of a variable that a shell does not know, is not the only notebook that there is."""
    with OrmSession(engine) as session:
        session.add(notebook("abc", "1", days=1))
        session.commit()

    shown, listed = command("show", "", *db), command("runs", "--notebook", "", *db)

    assert (1, 1) == (shown.exit_code, listed.exit_code)
    assert "the registry has no notebook or run ''" in shown.stderr


def test_a_long_name_is_not_repeated(filled, command, db):
    """A name that nothing has is told in one line, however long it is."""
    done = command("show", "x" * 100_000, *db)

    assert 1 == done.exit_code
    assert len(done.stderr) < 300


def test_letters_of_another_case(engine, command, db):
    """Ids that differ in case are different ids, on every database."""
    with OrmSession(engine) as session:
        session.add_all([notebook("Abc", "1", days=1), notebook("abd", "1", days=1)])
        session.commit()

    assert 0 == command("show", "A", *db).exit_code


def test_an_unknown_id(filled, command, db):
    """An id that is misspelt names its neighbours."""
    done = command("show", "Growht0000aa", *db)

    expected = "Error: the registry has no notebook or run 'Growht0000aa'\nfix: did you mean Growth0000aa?\n"
    assert (1, expected) == (done.exit_code, done.stderr)


def test_an_id_unlike_any(filled, command, db):
    """Where nothing is near, the fix is where to look; signs of a pattern are no pattern."""
    done = command("show", "%", *db)

    assert (1, True) == (done.exit_code, "fix: ln-jupyter list and ln-jupyter runs name those there are" in done.stderr)


def test_an_id_that_is_no_text(filled, command, db):
    """Bytes that are no text are no id."""
    assert command("show", "\udcff", *db).stderr.startswith("Error: the registry has no notebook or run '?'\n")


def test_a_run_without_a_start(engine, data, db):
    """Nobody knows how long it took."""
    with OrmSession(engine) as session:
        session.add(execution("x" * 20, days=1))
        session.flush()
        session.execute(sa.text("UPDATE ln_run SET started_at = NULL"))
        session.commit()

    assert data("show", "x", *db)["seconds"] is None


def test_a_clock_that_was_set_back(engine, data, db):
    """How long a run took that ended before it began, by a clock that was set meanwhile, nobody knows either."""
    with OrmSession(engine) as session:
        session.add(execution("x" * 20, days=1, finished_at=ago(2)))
        session.commit()

    assert (data("show", "x", *db)["seconds"], data("runs", *db)[0]["seconds"]) == (None, None)


@pytest.fixture
def sources(filled, engine):
    """Keep a source of the published version, and another one of a run."""
    contents = [b'[["markdown","# Growth\\nof E. coli"],["code","x = 1\\ny = 2"]]', b'[["code","x = 3"]]']
    with OrmSession(engine) as session:
        kept = [Source(hash=f"{n}" * 64, content=zlib.compress(content)) for n, content in enumerate(contents)]
        session.add_all(kept)
        session.get_one(Notebook, ("Growth0000aa", "1")).source = kept[0]
        session.get_one(Run, "failed000000000000aa").source = kept[1]
        session.commit()


@pytest.mark.parametrize("words", [(), ("--version", "1")], ids=["published", "named"])
def test_the_source_of_a_published_version(sources, command, db, words):
    """The cells of a version come back as a script, Markdown as comments."""
    done = command("show", "Growth0000aa", "--source", *words, *db)

    assert "# %% [markdown]\n# # Growth\n# of E. coli\n\n# %%\nx = 1\ny = 2\n\n" == done.stdout


def test_the_source_of_a_run(sources, data, db):
    """So do those of a run; for programs, as a list."""
    assert [{"type": "code", "source": "x = 3"}] == data("show", "failed0", "--source", *db)


def test_no_source(sources, command, db):
    """Where none is kept, the error says of what there is one."""
    draft, usage = (
        command("show", "Growth", "--source", "--version", "2", *db),
        command("show", "Growth", "--version", "2"),
    )

    assert (1, 2) == (draft.exit_code, usage.exit_code)
    assert "no source is kept of Growth0000aa in version '2'\nfix: a published version's is" in draft.output


@pytest.fixture
def executed(filled, engine):
    """Add runs as this release records them: one that failed, one that is lost, and one that goes on."""
    saved = [["code", "ln.header()"], ["code", "fit()"], ["code", "x = 1"], ["code", f"# private: {'9' * 64}"]]
    content = json.dumps([["markdown", "# Growth"], *saved]).encode()
    with OrmSession(engine) as session:
        session.add(Source(hash="s" * 64, content=zlib.compress(content)))
        kept = [text("ln.header()"), text("\nfit()\n# %% plot\nplot()"), text("time.sleep(3600)")]
        session.add_all(kept)
        session.flush()
        failed = execution(
            "ffailed0000000000000",
            days=3,
            finished_at=ago(3, 31),
            outcome="failed",
            reason=f"cell 2: TypeError: {HOSTILE} {'n' * 100}",
            failures=2,
            busy_seconds=8.4,
            alive_seconds=31.0,
            argv=["fit.py", "--alpha", "0.5", "a b"],
            platform="Linux x86_64 CPython",
            results={"mae": 0.21},
            note=f"the first one {HOSTILE}",
            tags=["final", "best"],
            source_hash="s" * 64,
            texts=[lns.RunText(kind="module", name="helpers", hash="4" * 64)],
            parent_id="finished0000000000aa",
            continues_id="published000000000aa",
            repeats_id="lost00000000000000aa",
        )
        failed.cells = [
            cell(1, kept[0], number=1),
            cell(2, kept[1], number=2, ok=False, error_type="TypeError", error_message=HOSTILE, error_line=2),
            cell(3, None, source_hash="9" * 64, number=4),
            cell(4, kept[0], source_hash="8" * 64),
        ]
        lost = execution("llost000000000000000", days=2, heard_at=ago(2, 60), alive_seconds=60.0)
        lost.cells = [cell(1, kept[2], seconds=None, ok=None, started_at=ago(2, 10))]
        goes_on = execution("rrunning000000000000", days=0.01, heard_at=NOW + dt.timedelta(minutes=10))
        goes_on.cells = [cell(1, kept[2], seconds=None, ok=None, number=5)]
        session.add_all([failed, lost, goes_on])
        session.commit()


HOSTILE = "no \x1b[2J [markdown] a={1}\nsecond line"


def text(source):
    """Make a text as it is recorded."""
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    return lns.Text(id=int(sha256[:15], 16), content=zlib.compress(source.encode()))


def cell(position, kept, **fields):
    """Make an execution of the cell with this text."""
    sha256 = None if kept is None else hashlib.sha256(zlib.decompress(kept.content)).hexdigest()
    facts = {"position": position, "text": kept, "source_hash": sha256, "started_at": ago(3), "seconds": 1, "ok": True}
    return ExecutedCell(**(facts | fields))


def test_why_a_run_failed(executed, command, data, db):
    """Lists and `show` say where and why a run failed, in one line, and as it is for programs."""
    reason = f"cell 2: TypeError: {HOSTILE} {'n' * 100}"

    listed = next(row for row in table(command("runs", *db).stdout) if row[1].startswith("ffailed"))
    shown = command("show", "ffailed", *db).stdout.splitlines()

    plain = "cell 2: TypeError: no \N{REPLACEMENT CHARACTER}[2J [markdown] a={1} second line "
    assert ["8.4 s", f"{plain}{'n' * 100}"] == [listed[-3], listed[-1]]
    assert f"✗ failed at {plain}{'n' * 100}" == shown[0]
    assert " · busy 8.4 s of 31 s" in shown[2]
    (row,) = [each for each in data("runs", *db) if each["id"].startswith("ffailed")]
    assert (reason, 2, 8.4, 31.0, 31.0) == tuple(
        row[name] for name in ("reason", "failures", "busy_seconds", "alive_seconds", "seconds")
    )
    assert (reason, 2) == tuple(data("show", "ffailed", *db)[name] for name in ("reason", "failures"))


def test_why_the_last_run_failed(filled, engine, command, data, db):
    """So does the list of notebooks, of the last run of each."""
    with OrmSession(engine) as session:
        run = session.get_one(Run, "lost00000000000000aa")
        run.finished_at, run.outcome, run.reason, run.failures = NOW, "failed", "cell 4: TypeError: no", 1
        session.commit()

    _, found, _ = data("list", *db)

    assert ("failed", "cell 4: TypeError: no", 1) == (
        found["last_run_state"], found["last_run_reason"], found["last_run_failures"]
    )  # fmt: skip
    assert ["✗ failed", "cell 4: TypeError: no"] == [table(command("list", *db).stdout)[1][n] for n in (0, -1)]


def test_where_a_run_is(executed, command, data, db):
    """Of a run that goes on, or is lost, the cell is said that has not ended: by its number, else its first line."""
    shown = {name: command("show", name, *db).stdout.splitlines() for name in ("llost", "rrunning")}

    assert "► running, in cell 5" == shown["rrunning"][0]
    assert ["? lost, last heard", "in time.sleep(3600)"] == [
        shown["llost"][0][:18], shown["llost"][0].split(", ")[-1]
    ]  # fmt: skip
    assert ("► running", "? running when last heard") == tuple(
        re.split("  +", shown[name][-1])[-2] for name in ("rrunning", "llost")
    )
    assert shown["llost"][2].endswith(" · busy 50 s of 1 min")
    assert [("► running", "in cell 5")] == [
        (row[0], row[-1]) for row in table(command("runs", *db).stdout) if row[1].startswith("rrunning")
    ]
    assert 5 == next(each for each in data("runs", *db) if each["id"].startswith("rr"))["in_cell"]


def test_everything_of_a_run(executed, command, data, db):
    """`show` has what a run was given, what came of it, and the runs it belongs to."""
    heading, given, facts, cells = command("show", "ffailed", *db).stdout.split("\n\n")

    shown = dict(re.split("  +", line, maxsplit=1) for line in [*given.splitlines(), *facts.splitlines()])
    assert {
        "FAILURES": "2",
        "TAGS": "best, final",
        "RESULTS": "mae 0.21",
        "ARGUMENTS": "fit.py --alpha 0.5 'a b'",
        "PLATFORM": "Linux x86_64 CPython",
        "PARENT": "finished0000000000aa",
        "CONTINUES": "published000000000aa",
        "REPEATS": "lost00000000000000aa",
        "MODULES": "helpers",
    }.items() <= shown.items()
    assert shown["NOTE"].startswith("the first one no \N{REPLACEMENT CHARACTER}[2J")
    assert "\x1b" not in heading + given + facts + cells
    *rows, not_run = table(cells)
    assert ["1", "2", "4", "#4"] == [row[0] for row in rows]
    assert ["✗ TypeError: no \N{REPLACEMENT CHARACTER}[2J [markdown] a={1} (line 2)", "fit()"] == rows[1][-2:]
    assert ("ln.header()", f"only its hash: {'9' * 8}") == (rows[0][-1], rows[2][-1])
    assert ["cell 3 did not run"] == not_run
    found = data("show", "ffailed", *db)
    assert (["best", "final"], ["fit.py", "--alpha", "0.5", "a b"]) == (found["tags"], found["argv"])
    assert [{"kind": "module", "name": "helpers", "hash": "4" * 64, "is_kept": False}] == found["texts"]
    assert [True, True, False, True] == [each["text_is_kept"] for each in found["cells"]]
    assert HOSTILE == found["cells"][1]["error_message"]
    assert {"text", "text_id"}.isdisjoint(found["cells"][0])


def test_cells_as_they_ran(executed, command, data, db):
    """``--executed`` writes the cells in the order they ran, each with which it was and what became of it.

    Nothing of an error reads as a kind or as metadata in the line of a mark.
    """
    done = command("show", "ffailed", "--executed", *db)

    lines = done.stdout.splitlines()
    assert [
        "# %% cell 1",
        "# %% cell 2, failed: TypeError: no \N{REPLACEMENT CHARACTER}(2J (markdown) a:(1) (line 2)",
        "# %% cell 4",
        "# %% #4",
    ] == [line for line in lines if line.startswith("# %%")]
    assert ["fit()", "# # %% plot", "plot()"] == lines[5:8]
    assert f"# only the hash of what ran is kept: {'9' * 64}" in lines
    assert f"# what is kept of this cell is not what ran, which has the hash {'8' * 64}" in lines
    found = data("show", "ffailed", "--executed", *db)
    assert ["ln.header()", "\nfit()\n# %% plot\nplot()", None, None] == [each["text"] for each in found]
    assert ["# %% #1, did not end", "time.sleep(3600)"] == command(
        "show", "llost", "--executed", *db
    ).stdout.splitlines()[:2]


def test_nothing_was_executed(filled, command, db):
    """Where no cell was recorded, the error says where to look; a notebook is no run, and one thing is asked at once."""
    script, notebook, both = (
        command("show", name, "--executed", *words, *db)
        for name, words in (("lost", ()), ("Growth", ()), ("lost", ("--source",)))
    )

    assert (1, 1, 2) == (script.exit_code, notebook.exit_code, both.exit_code)
    assert "no executed cell was recorded of lost00000000000000aa\nfix: ln-jupyter show lost" in script.stderr
    assert "the registry has no run 'Growth'" in notebook.stderr


def test_what_ran_is_not_what_was_saved(executed, sources, engine, command, db):
    """``--source`` of a run says on stderr where what ran differs; of a run without cells, and of a version, nothing."""
    with OrmSession(engine) as session:
        session.get_one(Run, "finished0000000000aa").source_hash = "s" * 64
        session.commit()

    done = command("show", "ffailed", "--source", *db)
    others = [command("show", name, "--source", *db) for name in ("finished", "Growth0000aa")]

    assert done.stderr == (
        "what ran is not what was saved: cell 2 ran otherwise; 1 executed cell is not in it "
        "(ln-jupyter show ffailed0000000000000 --executed has what ran); cell 3 did not run\n"
    )
    assert (0, True) == (done.exit_code, done.stdout.startswith("# %% [markdown]\n# # Growth"))
    assert ["", ""] == [other.stderr for other in others]


def test_a_hostile_registry(engine, command, db):
    """Neither an id nor a hash commands a terminal, and nothing but a cell's own text becomes code."""
    hostile = "x\x1b[2J\nimport os"
    with OrmSession(engine) as session:
        session.add(Source(hash="s" * 64, content=zlib.compress(b'[["code","x = 1"]]')))
        run = execution(hostile, days=1, finished_at=NOW, source_hash="s" * 64)
        run.cells = [cell(1, None, source_hash=hostile, error_type=hostile, ok=False)]
        session.add(run)
        session.commit()

    shown, executed, saved = (command("show", "x", *words, *db) for words in ((), ("--executed",), ("--source",)))

    assert (0, 0, 0) == (shown.exit_code, executed.exit_code, saved.exit_code)
    assert "\x1b" not in shown.output + executed.output + saved.output
    assert {"", "#"} == {line[:1] for line in executed.stdout.splitlines()}
    assert 1 == len(saved.stderr.splitlines())
