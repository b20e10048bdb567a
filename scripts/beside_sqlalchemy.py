"""Run SQLAlchemy's own tests twice, as they are and with our engine and session, and list what differs.

    scripts/beside-sqlalchemy CHECKOUT [TEST ...]

CHECKOUT is a folder with the source of the installed version, such as a clone at its tag, or what
`pip download --no-binary sqlalchemy --no-deps sqlalchemy==VERSION` brings, unpacked. TESTS are files
or folders in it; without any, those of sessions, transactions, loading, writing and the dialect.
The exit status is 1 if a test passes by itself and not with ours.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy import orm

TESTS = (
    *("test/orm/test_session.py", "test/orm/test_transaction.py", "test/orm/test_session_state_change.py"),
    *("test/orm/test_lazy_relations.py", "test/orm/test_expire.py", "test/orm/test_deferred.py"),
    *("test/orm/test_cascade.py", "test/orm/test_backref_mutations.py", "test/orm/test_manytomany.py"),
    *("test/orm/test_unitofwork.py", "test/orm/test_unitofworkv2.py", "test/orm/test_versioning.py"),
    *("test/orm/test_relationships.py", "test/orm/test_merge.py", "test/orm/test_naturalpks.py", "test/orm/dml"),
    "test/dialect/test_suite.py",
)
PLUGIN = Path(__file__)
_NEVER_OURS = {"isolation_level", "skip_autocommit_rollback"}  # what no engine is made with here
_RUN = "LN_JUPYTER_BESIDE"  # says which of the runs it is to pytest


def main() -> int:
    """Run both, and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, metavar="CHECKOUT")
    parser.add_argument("tests", nargs="*", metavar="TEST")
    asked = parser.parse_args()
    tests = asked.tests or TESTS
    memory = Path("/dev/shm")  # noqa: S108 - to make and drop thousands of tables takes a disk minutes
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        ThreadPoolExecutor(2) as threads,
    ):
        runs = [threads.submit(run, asked.checkout, tests, Path(folder) / name, name) for name in ("plain", "ours")]
        plain, ours = (each.result() for each in runs)
    passing = [test for test, reason in plain.items() if reason is None]
    differing = {test: ours.get(test, "was not run") for test in passing if ours.get(test, "") is not None}
    for test, reason in differing.items():
        print(f"{test}\n    {reason}")
    print(f"{len(passing) - len(differing)} of the {len(passing)} tests that pass by themselves pass with ours too")
    return int(bool(differing))


def run(checkout: Path, tests: list[str], folder: Path, name: str) -> dict[str, str | None]:
    """Run the tests on a database of their own, and give for each what was wrong; None where it passed."""
    shutil.copytree(checkout, folder, ignore=shutil.ignore_patterns(".git", "doc", "examples"))  # they write there
    report, url = folder / "report.xml", f"sqlite:///{folder / 'test.db'}"
    arguments = [
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "-q",
        "--tb=line",
        "--maxfail=0",
        f"--junitxml={report}",
    ]
    arguments += ["-p", PLUGIN.stem]
    paths = os.pathsep.join([str(PLUGIN.parent), str(PLUGIN.parent.parent)])
    python = [sys.executable, "-s"]  # then SQLAlchemy's tests take the version that is installed
    done = subprocess.run(  # noqa: S603 - this Python, on what the caller named
        [*python, "-m", "pytest", *arguments, f"--dburi={url}", *tests],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths, _RUN: name},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not report.exists():
        sys.exit(f"{name}: {done.stdout[-4000:]}")
    return read(report)


def read(report: Path) -> dict[str, str | None]:
    """Read pytest's report; what was skipped is left out."""
    found: dict[str, str | None] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        test = f"{case.get('classname')}::{case.get('name')}"
        wrong = [each for each in case if each.tag in ("failure", "error")]
        if any(each.tag == "skipped" for each in case):
            continue
        lines = f"{wrong[0].get('message')}".strip().splitlines() if wrong else []
        found[test] = (lines or ["failed"])[0][:300] if wrong else None
    return found


def pytest_configure() -> None:
    """Let SQLAlchemy's tests, which import it next, find what they are run on."""
    import sqlalchemy

    create = sqlalchemy.create_engine
    prepare = equip if os.environ[_RUN] == "ours" else enforce_foreign_keys

    def create_engine(url: Any, **options: Any) -> sa.Engine:
        engine = create(url, **options)
        if engine.driver == "pysqlite" and _NEVER_OURS.isdisjoint(options):
            prepare(engine)
        return engine

    sqlalchemy.create_engine = create_engine
    if os.environ[_RUN] == "ours":
        replace_session()


def enforce_foreign_keys(engine: sa.Engine) -> None:
    """Let SQLite check them in both runs, as ours does and other databases do."""
    from sqlalchemy import event

    event.listen(engine, "connect", lambda driver, _entry: driver.execute("PRAGMA foreign_keys=ON"), insert=True)


def equip(engine: sa.Engine) -> None:
    """Do to an engine of SQLite what we do to ours."""
    from sqlalchemy import event

    from ln_jupyter.db import error_translation, forks, transactions
    from ln_jupyter.db.sqlite import backend, errors
    from ln_jupyter.db.sqlite import engine as sqlite

    forks.leave_connections(engine)
    event.listen(engine, "connect", sqlite._prepare, insert=True)
    event.listen(engine, "reset", backend._reset)
    sqlite._leave_in_autocommit(engine.dialect)
    transactions.begin_lazily(engine)
    error_translation.translate(engine, errors.explain)


def replace_session() -> None:
    """Let whoever makes a session make ours, in a block."""
    from sqlalchemy import Engine
    from sqlalchemy import orm as names
    from sqlalchemy.orm import session

    from ln_jupyter.orm.session import OrmSession

    plain = session.Session

    class Session(OrmSession):
        """Ours, with the arguments of SQLAlchemy's, and its default of what a commit expires."""

        bind: Any = None
        bind_mapper = plain.bind_mapper  # type: ignore[assignment]
        bind_table = plain.bind_table  # type: ignore[assignment]

        def __init__(self, bind: Any = None, **options: Any) -> None:
            engine = bind if isinstance(bind, Engine) and not options.get("binds") else None
            super().__init__(engine)
            self.in_block = True
            self._chooser: type[orm.Session] = plain if engine is None else OrmSession
            plain.__init__(self, bind, **options)

        def get_bind(self, *given: Any, **named: Any) -> Any:
            """Choose as ours does between one engine and the registry, and else as SQLAlchemy does."""
            return self._chooser.get_bind(self, *given, **named)

    maker: Any = names.sessionmaker.__init__
    maker.__kwdefaults__["class_"] = Session
    names.Session = session.Session = Session


if __name__ == "__main__":
    sys.exit(main())
