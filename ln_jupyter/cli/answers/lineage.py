"""`ln-jupyter lineage`: what led to a run or a file, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ln_jupyter.cli import completion, options
from ln_jupyter.cli.answers import run_files
from ln_jupyter.cli.output import programs, screen

if TYPE_CHECKING:
    from ln_jupyter.answers.lineage_value import Lineage
    from ln_jupyter.cli.output.screen import Screen

_DEEPEST = 20


@click.command(
    short_help="Show what led to a run or a file, and what came of it.",
    epilog=options.examples("lineage pred.csv", "lineage BSc7vm --depth 4", "lineage train.ipynb --mermaid"),
)
@click.argument("name", shell_complete=completion.notebooks_and_runs, metavar="FILE|ID")
@click.option(
    "--depth", type=click.IntRange(0, _DEEPEST), default=2, show_default=True, help="So many runs back, and forward."
)
@click.option("--mermaid", "is_mermaid", is_flag=True, help="Write a diagram for Markdown, in Mermaid's words.")
@options.looks
@options.database
@options.as_json
def lineage(  # noqa: PLR0913 - one for each option
    name: str, *, depth: int, is_mermaid: bool, utc: bool, full: bool, url: str | None, as_json: bool
) -> None:
    """Show the runs and files that led to a run, a notebook or a file, and those that came of it.

    FILE is a file, or a notebook's; ID is the id of a run or notebook, or its beginning. A
    notebook stands for its newest run that read or wrote anything.

    The exit code is 1 if nothing is known of it.
    """
    from ln_jupyter.answers import lineage as answers
    from ln_jupyter.registry import look  # here for cost: --help needs no database

    engine = look.connect(url)
    target = answers.look(name)
    if isinstance(target, str):
        target = options.identifier(target)
    with engine.connect() as connection:
        found = answers.ask(connection, target, depth=depth)
    if as_json:
        programs.write_json(found.to_dict())
    elif is_mermaid:
        click.echo(found.to_mermaid())
    else:
        _write(screen.look(utc=utc, full=full), found)
    if not found.edges and not any(node.kind == "run" for node in found.nodes) and depth:
        raise click.exceptions.Exit(1)


def _write(shown: Screen, found: Lineage) -> None:
    lines = found.lines(run_files.form(shown), width=None)
    shown.write([*shown.fold(found.heading), shown.paint(found.counts, "muted")])
    shown.write(
        [
            shown.paint(line, "muted") if line in ("before:", "after:") else shown.cut(line, shown.width)
            for line in lines
        ]
    )
