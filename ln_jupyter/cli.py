"""`ln-jupyter`: the registry from a terminal."""

from __future__ import annotations

from pathlib import Path

import click

import ln_jupyter
from ln_jupyter import errors, settings


class _Group(click.Group):
    """Commands whose errors are one line and the fix; a traceback is a bug."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except errors.LnJupyterError as error:
            if context.params["debug"]:
                raise
            message = f"{error}\nfix: {error.fix}" if error.fix else str(error)
            raise click.ClickException(message) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ln_jupyter.__version__, prog_name="ln-jupyter")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(*, debug: bool) -> None:
    """Keep notebooks, runs and records in a registry."""
    del debug  # read by the group


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
def init(folder: Path) -> None:
    """Make FOLDER a project with a registry of its own.

    Notebooks in it and below register there from then on. The registry is a file in
    FOLDER/.ln_jupyter, which git ignores. Where there is one already, nothing changes.
    """
    from ln_jupyter.db import engine, registry  # here for cost: --help needs no database

    project = folder.resolve() / settings.PROJECT_FOLDER
    _make(project)
    file = project / settings.REGISTRY_FILE
    url = settings.sqlite_url(file)
    registry.ensure(engine.resolve(url))
    click.echo(f"notebooks below {project.parent} register in {file}")
    chosen = settings.resolve(project.parent)
    if chosen.url != url:
        click.echo(f"but not here and now: the url is decided by {chosen.origins['url']}", err=True)


@main.command()
@click.option("--db", "url", help="The registry's URL; by default the one of the settings.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def migrate(url: str | None, *, dry_run: bool) -> None:
    """Bring an older registry to this release's tables; a SQLite file is copied before."""
    from ln_jupyter.db import engine, migrate  # here for cost: --help needs no database

    done = migrate.upgrade(engine.current() if url is None else engine.resolve(url), dry_run=dry_run)
    click.echo(f"would migrate {done}" if dry_run and done.before != done.after else str(done))


def _make(project: Path) -> None:
    """Make the folder of a project, for its owner's eyes and not for git."""
    try:
        project.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.trust(project)
        ignore = project / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except errors.LnJupyterError:
        raise
    except OSError as error:
        msg = f"{project} cannot be made: {error.strerror}"
        fix = "name a folder that you may write to: ln-jupyter init FOLDER"
        raise errors.DatabaseUnavailableError(msg, fix=fix) from error
