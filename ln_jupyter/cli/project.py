"""`ln-jupyter init` and `migrate`: a registry is made, and brought up to date."""

from __future__ import annotations

import contextlib
import json
import tomllib
from pathlib import Path

import click

from ln_jupyter import errors, settings
from ln_jupyter.approval import lists, registry_url
from ln_jupyter.cli import options
from ln_jupyter.cli.output import programs
from ln_jupyter.sanitize import plain


@click.command(epilog=options.examples("init", "init lab", "init lab --db postgresql://db.example.org/lab"))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option(
    "--db",
    "url",
    type=options.database_url,
    metavar="URL",
    help="Name this registry in FOLDER/pyproject.toml, approved for you, and make none.",
)
@options.as_json
def init(folder: Path, *, url: str | None, as_json: bool) -> None:
    """Make FOLDER a project with a registry of its own.

    Notebooks in it and below register there from then on. The registry is a file in
    FOLDER/.ln_jupyter, which git ignores. Where there is one already, nothing changes.
    """
    from ln_jupyter.db import engines
    from ln_jupyter.registry import check  # here for cost: --help needs no database

    if url is not None:
        _name(folder.resolve() / "pyproject.toml", url, as_json=as_json)
        return
    project = folder.resolve() / settings.PROJECT_FOLDER
    file = project / settings.REGISTRY_FILE
    made = registry_url.RegistryUrl(text=settings.sqlite_url(file), by=project, folder=project.parent)
    _make(project, made)
    check.ensure(engines.resolve(made.url))
    chosen = settings.resolve(project.parent)
    instead = chosen.origins["url"] if chosen.registry.asked != made.asked else None
    if as_json:
        programs.write_json({"folder": project.parent, "registry": file, "decided_by": instead or project})
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
    from ln_jupyter.db import engines
    from ln_jupyter.registry import migrate  # here for cost: --help needs no database

    if url is None and dry_run:
        url = settings.current().url  # to choose it by its engine would make the folder of a default one
    done = migrate.upgrade(engines.current() if url is None else engines.resolve(url), dry_run=dry_run)
    if as_json:
        facts = {"database": done.database, "before": done.before, "after": done.after}
        whom = {"additive": done.is_additive, "oldest_reader": done.oldest_reader}
        backup = None if done.backup is None else str(done.backup)
        programs.write_json({"dry_run": dry_run, **facts, **whom, "backup": backup})
    else:
        click.echo(f"would migrate {done}" if dry_run and done.is_needed else str(done))


def _make(project: Path, registry: registry_url.RegistryUrl) -> None:
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


def _name(file: Path, url: str, *, as_json: bool) -> None:
    """Write a URL into the file of a project, for all who work with it, and approve it for whoever typed it."""
    named = registry_url.RegistryUrl(text=registry_url.Hidden(url), by=file, folder=file.parent)
    if named.asked.password is not None:
        msg = f"the database URL has a password, which everybody would read in {file}"
        raise errors.InvalidUrlError(msg, fix="leave it to PGPASSWORD or ~/.pgpass")
    _append(file, f"[tool.ln_jupyter]\nurl = {json.dumps(url, ensure_ascii=False)}\n")
    canonical = lists.url_of(named.asked)
    approved_in = None if named.is_approved else lists.add(canonical)
    if as_json:
        programs.write_json({"folder": file.parent, "registry": canonical, "decided_by": file})
        return
    click.echo(plain(f"notebooks below {file.parent} register in {registry_url.shown(canonical)}, as {file} says"))
    if approved_in is not None:
        click.echo(f"it is approved for you, in {approved_in}; others who use the project approve it, too", err=True)


def _append(file: Path, table: str) -> None:
    if file.is_symlink() or (file.exists() and not file.is_file()):  # of a project: what it leads to is not its own
        msg = f"{file} is a link, or no file, and is not written to"
        raise errors.SettingsError(msg, fix="put a file in its place")
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        after = f"{before.rstrip()}\n\n{table}".lstrip()
        tomllib.loads(after)  # which refuses a table that is there already
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(after, encoding="utf-8")
    except (ValueError, OSError) as error:
        fix = f"write into it yourself: {table.strip()}".replace("\n", " ")
        raise errors.SettingsError(f"{file} cannot take another table: {error}", fix=fix) from error
