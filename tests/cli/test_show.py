import zlib

import pytest
import sqlalchemy as sa

from ln_jupyter.orm.session import OrmSession
from ln_jupyter.schema import ExecutedCell, Notebook, Run, Source
from tests.cli.conftest import NOW, ago, execution, notebook


def test_a_notebook(filled, command, db):
    """`show` of a notebook gives its versions, where it was seen, its runs and its parent."""
    done = command("show", "Growth0000aa", *db)

    assert 0 == done.exit_code
    blocks = [block.splitlines() for block in done.stdout.split("\n\n")]
    assert [
        "notebook  Growth0000aa",
        "title     Growth of E. coli",
        "parent    Growth0000aa 1",
        "runs      4",
    ] == blocks[0]
    assert ["2", "draft"] == blocks[1][2].split()[:2]
    assert ["1", "published"] == blocks[1][3].split()[:2]
    assert ["ann", "bob"] == [word for word in blocks[1][3].split() if word in ("ann", "bob")]
    assert ["/there/growth.ipynb", "/data/growth.ipynb", "/data/old.ipynb"] == [
        line.split()[1] for line in blocks[2][2:]
    ]


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
    assert "parent" not in command("show", "Growth0000aa", *db).stdout


def test_a_notebook_as_json(filled, data, db):
    """For programs, a notebook's versions and paths are lists."""
    found = data("show", "Growth0000aa", *db)

    assert ("notebook", "Growth0000aa", 4) == (found["kind"], found["id"], found["runs"])
    assert [("2", 3), ("1", 1)] == [(version["v"], version["runs"]) for version in found["versions"]]
    assert [("ann", None), ("ann", "bob")] == [(each["user"], each["published_by"]) for each in found["versions"]]
    assert {"host", "path", "v", "seen_at"} == set(found["paths"][0])


def test_a_run(filled, command, db):
    """`show` of a run gives every fact that was recorded, and its cells."""
    done = command("show", "failed000000000000aa", *db)

    facts, cells = done.stdout.split("\n\n")
    shown = {line[:12].strip(): line[13:].strip() for line in facts.splitlines()}
    assert {
        "run": "failed000000000000aa",
        "notebook": "Growth0000aa 2 Growth of E. coli",
        "state": "failed",
        "took": "5 s",
        "user": "ann",
        "runner": "nbmake",
        "path": "/data/growth.ipynb",
        "host": "lab-1",
        "kernel": "python3 6f1c",
        "Python": "3.12.1",
        "imports": "numpy 2.0",
        "environment": f"{'e' * 64} (2 packages)",
        "git": "0123abc with changes",
        "parameters": "name='x', alpha=0.5" if "postgresql" in db[1] else "alpha=0.5, name='x'",
    }.items() <= shown.items()
    assert shown["pid"].startswith("4711 since 20")
    assert [["1", "c1", "ok"], ["2", "c2", "failed"]] == [line.split()[:3] for line in cells.splitlines()[2:]]


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

    assert ["run", "name", "registered", "user"] == [line.split()[0] for line in done.stdout.splitlines()]


def test_a_long_run(filled, engine, command, data, db):
    """A table ends with the newest cells, and says that there are more."""
    with OrmSession(engine) as session:
        row = {"run_id": "lost00000000000000aa", "started_at": NOW}
        session.execute(sa.insert(ExecutedCell), [row | {"position": n} for n in range(1, 101)])
        session.commit()

    done = command("show", "lost", *db)

    assert "the last 50 of 100 executed cells; --json has all" in done.stdout
    assert "100" == done.stdout.splitlines()[-1].split()[0]
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
