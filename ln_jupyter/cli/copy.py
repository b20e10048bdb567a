"""`ln-jupyter backup` and `copy`: a registry is kept in a second file, or moves to another database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ln_jupyter import settings
from ln_jupyter.cli import options
from ln_jupyter.cli.output import programs, screen, table


@click.command(
    short_help="Copy a registry in SQLite to a file, while others write to it.",
    epilog=options.examples("backup registry-before.db", "backup before.db --db sqlite:////data/registry.db"),
)
@click.argument("file", type=click.Path(path_type=Path))
@options.database
@options.as_json
def backup(file: Path, *, url: str | None, as_json: bool) -> None:
    """Copy a registry in SQLite to a new FILE, while notebooks go on writing to it.

    The copy is the registry of one moment, in one file that only you may read. To go back
    to it, end what uses the registry and put the file in its place.
    """
    from ln_jupyter.db import engines, error_translation  # here for cost: --help needs no database
    from ln_jupyter.registry import backup

    source = engines.resolve(settings.current().url if url is None else url)
    backup.back_up(source, file)
    name = error_translation.describe(source.url)
    if as_json:
        programs.write_json({"database": name, "backup": file.absolute(), "bytes": file.stat().st_size})
    else:
        click.echo(f"{name} is backed up in {file} ({file.stat().st_size:,} bytes)")


@click.command(
    "copy",
    short_help="Copy a registry into an empty database.",
    epilog=options.examples("copy sqlite:////data/registry.db postgresql://ann@db.example.org/lab"),
)
@click.argument("source", type=options.database_url, metavar="SRC")
@click.argument("target", type=options.database_url, metavar="DST")
@options.as_json
def copy_registry(source: str, target: str, *, as_json: bool) -> None:
    """Copy the registry at the URL SRC into the empty database at the URL DST.

    Between SQLite and PostgreSQL, in any direction. All rows are copied in one transaction
    and compared before it is kept; SRC is not changed. What is written to SRC afterwards is
    not in DST, so end the kernels that use it before. Leave a password to ~/.pgpass or
    PGPASSWORD: others can see a command line.
    """
    from ln_jupyter.db import engines
    from ln_jupyter.registry import transfer  # here for cost: --help needs no database

    done = transfer.copy(engines.resolve(source), engines.resolve(target))
    if as_json:
        programs.write_json(asdict(done))
        return
    header = [table.Column("TABLE"), table.Column("ROWS", is_number=True)]
    rows = [table.Row([table.Cell(name), table.Cell(f"{number:,}")]) for name, number in done.rows.items()]
    shown = screen.look()
    shown.write(table.lines(shown, header, rows))
    click.echo(f"{done.source} is copied to {done.target}, and compared")
    click.echo(
        "to use it, say so in LN_JUPYTER_URL or the project's settings; ln-jupyter doctor shows which is used", err=True
    )
    if done.left:
        click.echo(f"not copied, as they are not of the registry: {', '.join(done.left)}", err=True)
