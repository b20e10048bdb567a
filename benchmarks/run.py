"""Measure everything, or what is named, and hold it against the budgets: ``scripts/bench`` calls it."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

SUITES = ("startup", "cells", "display", "reading", "writing", "sessions", "growth", "notebooks", "files")
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_BEGIN, _END = "<!-- scripts/bench writes from here -->\n", "<!-- to here -->\n"


def main() -> int:
    """Measure, print tables as they are ready, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure the budgets beside named rivals.")
    parser.add_argument("--only", nargs="+", choices=SUITES, default=SUITES, metavar="NAME", help=", ".join(SUITES))
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds: a look, no verdict")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument("--page", action="store_true", help="write the tables into docs/performance.md")
    parser.add_argument("--peers", type=Path, help=argparse.SUPPRESS)  # their Python, made by the script
    given = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    for name in ("LN_JUPYTER_URL", "LN_JUPYTER_MODE", "LN_JUPYTER_ADVICE"):
        os.environ.pop(name, None)
    import machine  # these import what is measured: after the environment was cleared
    import report
    from interleaved import Effort

    begun = time.monotonic()
    where = machine.describe(given.peers) | {"quick": given.quick}
    print(machine.sentence(where), end="\n\n")
    sections: list[report.Section] = []
    with tempfile.TemporaryDirectory(prefix="ln_jupyter-benchmarks-") as folder:
        os.environ["LN_JUPYTER_URL"] = f"sqlite:///{folder}/registry.db"
        for name in given.only:
            suite = importlib.import_module(name)
            more = {"peers": given.peers} if name == "startup" else {}
            Path(folder, name).mkdir()
            for section in suite.run(Path(folder, name), Effort(is_quick=given.quick), **more):
                print(report.text(section), flush=True)
                sections.append(section)
    rows = [row for section in sections for row in section.rows]
    missed = [row.name for row in rows if row.is_met is False]
    print(f"{len(rows)} rows in {time.monotonic() - begun:.0f} s; budgets not met: {', '.join(missed) or 'none'}")
    if given.json:
        given.json.write_text(json.dumps(report.as_json(sections, where), indent=2) + "\n", encoding="utf-8")
    if given.page:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
        tables = "\n".join([machine.sentence(where) + "\n", *map(report.markdown, sections)])
        PAGE.write_text(f"{before}{_BEGIN}\n{tables}\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
