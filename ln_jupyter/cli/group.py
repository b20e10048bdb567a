"""Commands whose errors are one line and the fix; a traceback is a bug."""

from __future__ import annotations

import sys

import click

from ln_jupyter import errors
from ln_jupyter.db import limits
from ln_jupyter.sanitize import plain


class Group(click.Group):
    """A group that turns the errors of its commands into lines on stderr, unless ``--debug`` is given."""

    @limits.bounded()
    def invoke(self, context: click.Context) -> object:
        """Run the command."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # a terminal of another encoding shows "?" rather than nothing
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own, and `| head`, which click ends quietly
        except Exception as error:
            message = _message(error)
            if message is None or context.params["debug"]:
                raise
            raise click.ClickException("\n".join(map(plain, message.splitlines()))) from error


def _message(error: Exception) -> str | None:
    """Say what happened and the fix; None if it is a bug."""
    if isinstance(error, errors.LnJupyterError):
        return f"{error}\nfix: {error.fix}" if error.fix else str(error)
    if isinstance(error, OSError):
        return str(error)
    driver = getattr(error, "orig", None)  # SQLAlchemy's wrapper of it repeats the whole statement
    return None if driver is None else f"the database says: {str(driver).strip()}"
