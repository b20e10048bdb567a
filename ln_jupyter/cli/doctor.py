"""`ln-jupyter doctor`: which settings hold here, what is installed, and what is broken."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ln_jupyter import errors, settings
from ln_jupyter.cli import options
from ln_jupyter.cli.output import programs, screen, table
from ln_jupyter.registry.finding import Finding

if TYPE_CHECKING:
    from ln_jupyter.registry.health import Registry


@click.command(
    short_help="Show settings and versions, and check what notebooks need.",
    epilog=options.examples("doctor", "doctor --json", "doctor --db postgresql://ann@db.example.org/lab"),
)
@options.database
@options.as_json
@click.pass_context
def doctor(context: click.Context, *, url: str | None, as_json: bool) -> None:
    """Show settings and versions, and check what notebooks need here; make nothing.

    Every setting is shown with where it came from, and no password. The exit code is 1 if
    something is broken; what is, and the fix, is on a line with "broken".
    """
    from ln_jupyter.cli import environment  # here for cost: --help needs no database
    from ln_jupyter.registry import health

    findings: list[Finding] = []
    chosen: dict[str, dict[str, Any]] = {}
    registry = None
    try:
        current = settings.current()
    except errors.LnJupyterError as error:
        findings.append(Finding.of_error("settings", error))
    else:
        values = {name: getattr(current, name) for name in settings.NAMES if name != "url"}
        values |= {"url": health.describe(current.registry)}
        chosen = {name: {"value": values[name], "origin": current.origins[name]} for name in settings.NAMES}
        if current.ignored:
            findings.append(
                Finding("settings", "hint", f"ignored: {current.ignored}", "set LN_JUPYTER_USER, or nothing")
            )
        try:
            url = current.url if url is None else url
        except errors.LnJupyterError as error:
            findings.append(Finding.of_error("registry", error))
    if url is not None:
        registry, of_registry = health.examine(url)
        findings += of_registry
    if "files" in chosen:
        findings.append(environment.files(chosen["files"]["value"]))
    findings += [environment.data_folder(), *environment.server_extension()]
    is_well = not any(finding.state == "broken" for finding in findings)
    versions = environment.versions()
    if as_json:
        facts = None if registry is None else asdict(registry)
        programs.write_json(
            {
                "ok": is_well,
                "settings": chosen,
                "registry": facts,
                "versions": versions,
                "findings": [asdict(f) for f in findings],
            }
        )
    else:
        _write(chosen, registry, versions, findings)
    context.exit(0 if is_well else 1)


def _write(
    chosen: dict[str, dict[str, Any]],
    registry: Registry | None,
    versions: dict[str, str | None],
    findings: list[Finding],
) -> None:
    shown = screen.look()
    blocks: list[dict[str, object]] = [{name: _value(each) for name, each in chosen.items()}]
    if registry is not None:
        blocks.append(
            {
                "registry": registry.database,
                "schema": registry.schema,
                "oldest reader": registry.oldest_reader,
                "journal": registry.journal,
                "filesystem": registry.filesystem,
            }
        )
    blocks.append({name: version or "not installed" for name, version in versions.items()})
    for block in filter(None, blocks):
        shown.write([*table.facts(shown, block), " "])
    for finding in findings:
        tone = {"broken": "bad", "hint": "warn"}.get(finding.state, "muted")
        shown.write(table.facts(shown, {f"{finding.state:<6}": f"{finding.name}: {finding}"}, tone=tone))


def _value(setting: dict[str, Any]) -> str:
    """Write a value with what decided it."""
    value = setting["value"]
    return f"{value if isinstance(value, str) else ' '.join(value) or 'none'}  ({setting['origin']})"
