"""`ln-jupyter init` and `migrate`: a registry is made, and brought up to date."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from ln_jupyter import approval, errors, settings
from ln_jupyter.cli import options, output


@click.command(epilog=options.examples("init", "init lab"))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@options.as_json
def init(folder: Path, *, as_json: bool) -> None:
    """Make FOLDER a project with a registry of its own.

    Notebooks in it and below register there from then on. The registry is a file in
    FOLDER/.ln_jupyter, which git ignores. Where there is one already, nothing changes.
    """
    from ln_jupyter.db import engine, registry  # here for cost: --help needs no database

    project = folder.resolve() / settings.PROJECT_FOLDER
    file = project / settings.REGISTRY_FILE
    made = approval.Whereabouts(text=settings.sqlite_url(file), by=project, folder=project.parent)
    _make(project, made)
    registry.ensure(engine.resolve(made.url))
    chosen = settings.resolve(project.parent)
    instead = chosen.origins["url"] if chosen.registry.asked != made.asked else None
    if as_json:
        output.write_json({"folder": project.parent, "registry": file, "decided_by": instead or project})
    else:
        click.echo(f"notebooks below {project.parent} register in {file}")
    if instead is not None:
        click.echo(f"but not here and now: the url is decided by {instead}", err=True)


@click.command(
    short_help="Bring an older registry to this release's tables.",
    epilog=options.examples("migrate --dry-run", "migrate"),
)
@options.database
@options.dry_run
@options.as_json
def migrate(url: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Bring an older registry to this release's tables, all of it or nothing.

    A SQLite file is copied before, beside itself. Additive changes leave the registry
    readable and writable to older releases, and a file gets them by its first use too;
    what is not additive, and PostgreSQL, is upgraded by this command only. End the kernels
    of older releases before a change that is not additive.
    """
    from ln_jupyter.db import engine, migrate  # here for cost: --help needs no database

    if url is None and dry_run:
        url = settings.current().url  # to choose it by its engine would make the folder of a default one
    done = migrate.upgrade(engine.current() if url is None else engine.resolve(url), dry_run=dry_run)
    if as_json:
        facts = {"database": done.database, "before": done.before, "after": done.after}
        whom = {"additive": done.is_additive, "oldest_reader": done.oldest_reader}
        backup = None if done.backup is None else str(done.backup)
        output.write_json({"dry_run": dry_run, **facts, **whom, "backup": backup})
    else:
        click.echo(f"would migrate {done}" if dry_run and done.is_needed else str(done))


def _make(project: Path, registry: approval.Whereabouts) -> None:
    """Make the folder of a project, for its owner's eyes and not for git."""
    try:
        project.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.trust(project)
        _ = registry.url  # it must be in the folder before anything is written there
        with contextlib.suppress(FileExistsError), (project / ".gitignore").open("x", encoding="utf-8") as ignore:
            ignore.write("*\n")
    except errors.LnJupyterError:
        raise
    except OSError as error:
        msg = f"{project} cannot be made: {error.strerror}"
        fix = "name a folder that you may write to: ln-jupyter init FOLDER"
        raise errors.DatabaseUnavailableError(msg, fix=fix) from error
