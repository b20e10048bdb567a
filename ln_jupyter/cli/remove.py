"""`ln-jupyter delete`, `prune` and `forget`: what goes is shown, and nobody is asked who cannot answer."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from ln_jupyter import humanize, settings
from ln_jupyter.cli import completion, options
from ln_jupyter.cli.lists import write_runs
from ln_jupyter.cli.output import programs, screen

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import sqlalchemy as sa

    from ln_jupyter.tracking.prune import Removed

_MOST_RUNS = 20  # shown before they go
_ENDED = ("finished", "failed", "interrupted", "lost")


class _Remove(Protocol):
    def __call__(self, *, dry_run: bool) -> Removed:
        """Remove, or say what would be."""


@click.command(
    epilog=options.examples(
        "delete h3Kp0c9VQw2bZxYt81Ru --dry-run",
        "delete h3Kp0c9VQw2bZxYt81Ru --yes",
        "delete h3Kp0c9VQw2bZxYt81Ru --text",
    )
)
@click.argument(
    "ids", type=options.identifier, shell_complete=completion.runs, metavar="RUN_ID...", nargs=-1, required=True
)
@click.option("--text", "is_text", is_flag=True, help="Delete only what ran: the runs stay.")
@options.dry_run
@options.yes
@options.database
@options.as_json
def delete(  # noqa: PLR0913 - one for each option
    ids: tuple[str, ...], *, is_text: bool, dry_run: bool, yes: bool, url: str | None, as_json: bool
) -> None:
    """Delete runs by their whole ids, with what only they used.

    Their executed cells go along, and the sources, environments and texts that nothing else
    refers to. Notebooks and files stay. If there is no run of an id, nothing is deleted.

    With --text, only the texts of the cells and modules that ran go, and the messages of
    errors. Their hashes stay, and so does the notebook as it was saved with the run: if
    that holds what has to go, delete the run.
    """
    _refuse_to_ask(yes=yes or dry_run)
    from ln_jupyter.registry import look  # here for cost: --help needs no database
    from ln_jupyter.tracking import prune as removal

    engine = look.connect(url)

    def remove(*, dry_run: bool) -> Removed:
        return (removal.delete_texts if is_text else removal.delete_runs)(ids, dry_run=dry_run)

    summary = _summary_of_texts if is_text else _summary
    _carry_out(remove, engine=engine, dry_run=dry_run, yes=yes, as_json=as_json, summary=summary)


@click.command(
    epilog=options.examples("prune --older-than 30d --dry-run", "prune --older-than 8w --state failed --yes")
)
@click.option(
    "--older-than", type=options.age, metavar="AGE", required=True, help="Registered so long ago: 12h, 30d, 8w."
)
@click.option(
    "--state", "states", type=click.Choice(_ENDED), multiple=True, help="Only in this state; may be repeated."
)
@options.dry_run
@options.yes
@options.database
@options.as_json
def prune(  # noqa: PLR0913 - one for each option
    older_than: dt.timedelta, *, states: tuple[str, ...], dry_run: bool, yes: bool, url: str | None, as_json: bool
) -> None:
    """Delete the runs that ended long ago, as `delete` does.

    Runs that go on stay, and those of published versions, and those made by hand. Every
    text that no run refers to any more goes along.
    """
    _refuse_to_ask(yes=yes or dry_run)
    from ln_jupyter.registry import look  # here for cost: --help needs no database
    from ln_jupyter.tracking import prune as removal

    engine = look.connect(url)

    def remove(*, dry_run: bool) -> Removed:
        return removal.prune(older_than=older_than, states=states or _ENDED, dry_run=dry_run)

    _carry_out(remove, engine=engine, dry_run=dry_run, yes=yes, as_json=as_json, summary=_summary)


@click.command(
    short_help="Let the next header() give a notebook's file a new id.", epilog=options.examples("forget copy.ipynb")
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Do so although a Jupyter server may have the file open.")
@options.database
@options.as_json
def forget(file: Path, *, force: bool, url: str | None, as_json: bool) -> None:
    """Forget which notebook FILE is: its next header() gives it a new id.

    Its id is taken out of the file and its path out of the registry. The notebook and its
    runs stay in the registry.
    """
    from ln_jupyter.db import engines  # here for cost: --help needs no database
    from ln_jupyter.tracking import forget_file

    if url is None:
        settings.current(file.absolute().parent)  # the project's of the notebook, as for its header()
    else:
        engines.connect(url)
    done = forget_file.forget(file, force=force)
    if as_json:
        programs.write_json(asdict(done))
    elif done.notebook_id is None:
        click.echo(f"{done.path} has no id, and the registry does not know it")
    else:
        places = [*["the file"] * done.in_file, *["the registry"] * done.in_registry]
        click.echo(f"{done.path} is no longer {done.notebook_id}: taken out of {' and '.join(places) or 'nothing'}")


def _refuse_to_ask(*, yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: add --yes, or --dry-run to see what would go")


def _carry_out(  # noqa: PLR0913 - one for each option
    remove: _Remove,
    *,
    engine: sa.Engine,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    summary: Callable[[Removed], str],
) -> None:
    asks = not (dry_run or yes)
    done = remove(dry_run=not yes or dry_run)
    if (asks or dry_run) and not as_json:
        _write_runs(engine, done.runs)
    if asks:
        if done.runs:
            click.confirm(f"delete {summary(done)}?", abort=True, err=True)
        done = remove(dry_run=False)
    if as_json:
        programs.write_json({"dry_run": dry_run, **asdict(done)})
    else:
        click.echo(f"{'would delete' if dry_run else 'deleted'} {summary(done)}")


def _write_runs(engine: sa.Engine, ids: tuple[str, ...]) -> None:
    from ln_jupyter.queries import filters, runs  # here for cost: --help needs no database

    if not ids:
        return
    with engine.connect() as connection:
        found = runs.newest(connection, filters.Wanted(ids=ids[:_MOST_RUNS]), limit=_MOST_RUNS)
    write_runs(screen.look(), found)
    if len(ids) > _MOST_RUNS:
        click.echo(f"... and {len(ids) - _MOST_RUNS:,} more")


def _summary(removed: Removed) -> str:
    parts = (
        humanize.count(len(removed.runs), "run"),
        humanize.count(removed.cells, "executed cell"),
        humanize.count(removed.sources, "source"),
        humanize.count(removed.environments, "environment"),
        humanize.count(removed.texts, "text"),
        *([f"what is known of {humanize.count(removed.files, 'file')}"] if removed.files else []),
    )
    return ", ".join(parts)


def _summary_of_texts(removed: Removed) -> str:
    runs, cells = humanize.count(len(removed.runs), "run"), humanize.count(removed.cells, "executed cell")
    return f"what ran in {cells} of {runs}, {humanize.count(removed.texts, 'text')}"
