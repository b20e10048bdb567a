"""`ln-jupyter where`: which run made what is in a file."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from ln_jupyter.cli import options
from ln_jupyter.cli.answers import run_files
from ln_jupyter.cli.output import programs, screen, table

if TYPE_CHECKING:
    from ln_jupyter.answers.provenance import Where
    from ln_jupyter.cli.output.screen import Screen

_TONES = {"wait": "warn", "bad": "bad"}
_NAMES = {"other contents": "EARLIER"}


@click.command(
    short_help="Say which run made what is in a file.",
    epilog=options.examples("where pred.csv", "where talk/pred_final.csv --json"),
)
@click.argument("file", type=click.Path())
@options.looks
@options.database
@options.as_json
def where(file: str, *, utc: bool, full: bool, url: str | None, as_json: bool) -> None:
    """Say which run made what is in FILE, from what, and who read it.

    FILE is a file or a folder, and is found by its content: a copy under another name, too.
    What was never hashed is found by its path, size and time. A URL or a table is found by
    its name.

    The exit code is 1 if no run is known that wrote or read it.
    """
    from ln_jupyter.answers import where as answers
    from ln_jupyter.registry import look  # here for cost: --help needs no database

    engine = look.connect(url)
    target = answers.look(file)
    with engine.connect() as connection:
        answer = answers.ask(connection, target)
    if as_json:
        programs.write_json(answer.to_dict())
    else:
        _write(screen.look(utc=utc, full=full), answer)
    if not answer.is_known:
        raise click.exceptions.Exit(1)


def _write(shown: Screen, answer: Where) -> None:
    from ln_jupyter.answers import words  # here for cost: --help needs no database

    form = run_files.form(shown)
    word, tone, more = words.state(answer, form)
    word = word if shown.has_signs else word.partition(" ")[2]
    lines = shown.fold("".join(words.sentence(answer, form)))
    lines += shown.fold(shown.joined([*words.who_and_when(answer, form), *([] if word else more)]))
    if word:
        lines += [shown.paint(line, _TONES[tone]) for line in shown.fold(shown.joined([word, *more]))]
    found = {}
    for group in words.groups(answer, form):
        rest = [f"… {group.more:,} more" if shown.has_signs else f"... {group.more:,} more"] if group.more else []
        found[_NAMES.get(group.name, group.name.upper())] = "\n".join([*run_files.aligned(group.rows), *rest])
    shown.write(lines)
    if found:
        shown.write([" ", *table.facts(shown, found)])
    if shown.is_terminal and answer.state == "unknown":
        hint = words.hint(answer, lambda name: f"ln-jupyter lineage {shlex.quote(name)}")
        shown.write([" ", *(shown.paint(line, "muted") for line in shown.fold(hint))])
