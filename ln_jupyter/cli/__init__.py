"""`ln-jupyter`: the registry from a terminal."""

from __future__ import annotations

import click

import ln_jupyter
from ln_jupyter.cli import browsing, diagnosis, project, removing, showing
from ln_jupyter.cli.group import Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ln_jupyter.__version__, prog_name="ln-jupyter")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(*, debug: bool) -> None:
    """Keep notebooks, runs and records in a registry."""
    del debug  # read by the group


for _command in (
    browsing.list_notebooks,
    browsing.list_runs,
    showing.show,
    diagnosis.doctor,
    project.init,
    project.migrate,
    removing.delete,
    removing.forget,
    removing.prune,
):
    main.add_command(_command)
