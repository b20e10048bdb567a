"""`ln-jupyter approve`: which registries projects may name that lead out of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ln_jupyter import errors, settings
from ln_jupyter.approval import lists, registry_url, urls
from ln_jupyter.cli import options
from ln_jupyter.cli.output import programs, screen, table
from ln_jupyter.cli.output.table import Cell, Column, Row
from ln_jupyter.sanitize import plain


@click.command(
    short_help="Let projects use a registry outside of their folders.",
    epilog=options.examples(
        "approve",
        "approve ~/lab",
        "approve postgresql://db.example.org/lab",
        "approve --list",
        "approve --remove ~/lab",
    ),
)
@click.argument("target", default=".", metavar="[PATH|URL]")
@click.option("--list", "is_list", is_flag=True, help="List what is approved, and where that is written.")
@click.option("--remove", "is_removed", is_flag=True, help="Take your approval back.")
@options.as_json
def approve(target: str, *, is_list: bool, is_removed: bool, as_json: bool) -> None:
    """Let projects use the registry at a URL, or the one that the project of PATH names now.

    A project that came from elsewhere decides nothing that leaves your machine, or its own
    folder: a server, or a file outside, is used only after exactly that was approved. All of
    the URL counts but its password, and any project may name it then; one that names another
    needs another approval. Nothing is connected.
    """
    if is_list:
        _list(as_json=as_json)
        return
    url = _wanted(target)
    if url is None:
        _say(None, None, f"nothing to approve: the registry of {target} stays in its project", as_json=as_json)
    elif is_removed:
        words = "is no longer approved" if lists.remove(url) else "was not approved"
        _say(url, None, f"{registry_url.shown(url)} {words}", as_json=as_json)
    else:
        file = lists.add(url)
        _say(url, file, f"{registry_url.shown(url)} is approved, in {file}", as_json=as_json)


def _wanted(target: str) -> str | None:
    """Write the URL that is meant, as lists have it; None if none has to be approved."""
    if "://" in target:
        url = urls.parse(registry_url.meant(target))
        registry_url.refuse_options(url)
        return None if url.get_backend_name() == "sqlite" and urls.is_in_memory(url) else lists.url_of(url)
    path = Path(target)
    registry = settings.of_project(path if path.is_dir() else path.parent)
    if registry is None:
        msg = f"no project at or above {path.absolute()} names a registry"
        raise errors.SettingsError(msg, fix="name the folder of one, or a URL: ln-jupyter approve URL")
    registry_url.refuse_options(registry.asked)
    asked = lists.url_of(registry.asked)
    return None if registry.is_approved and lists.file_of(asked) is None else asked


def _list(*, as_json: bool) -> None:
    found = list(lists.every())
    if as_json:
        programs.write_json([{"url": each.url, "file": each.file} for each in found])
    elif found:
        _write([[registry_url.shown(each.url), str(each.file)] for each in found])
    else:
        click.echo("nothing is approved", err=True)


def _write(approved: list[list[str]]) -> None:
    """Write all of each, of whatever length: what leads elsewhere may stand in the middle of a URL."""
    shown = replace(screen.look(), longest=None)
    if shown.is_terminal:
        lines = [(shown.fold(url), shown.fold(f"in {file}", indent="  ")) for url, file in approved]
        shown.write(line for of_one in lines for part in of_one for line in part)
    else:
        rows = [Row([Cell(text) for text in each]) for each in approved]
        shown.write(table.lines(shown, [Column("APPROVED"), Column("IN")], rows))


def _say(url: str | None, file: Path | None, words: str, *, as_json: bool) -> None:
    if as_json:
        programs.write_json({"url": url, "approved": file is not None, "file": file})
    else:
        click.echo(plain(words))
