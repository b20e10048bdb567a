"""`ln-jupyter`: the registry from a terminal."""

from __future__ import annotations

import click

import ln_jupyter
from ln_jupyter.cli import approve, copy, doctor, lists, project, remove
from ln_jupyter.cli.answers import lineage, run_files, where
from ln_jupyter.cli.group import Group
from ln_jupyter.cli.show import command

_EXIT_CODES = """\b
Exit codes:
  0  it is done, or nothing is wrong
  1  it cannot be done, or the doctor found something broken; the last lines say why and the fix;
     where and lineage: nothing is known of it
  2  the command cannot be understood
"""


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXIT_CODES)
@click.version_option(ln_jupyter.__version__, prog_name="ln-jupyter")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(*, debug: bool) -> None:
    """Keep notebooks, runs and records in a registry."""
    del debug  # read by the group


for _command in (
    lists.list_notebooks,
    lists.list_runs,
    command.show,
    where.where,
    run_files.list_files,
    lineage.lineage,
    doctor.doctor,
    project.init,
    project.migrate,
    approve.approve,
    copy.backup,
    copy.copy_registry,
    remove.delete,
    remove.forget,
    remove.prune,
):
    main.add_command(_command)
