"""``%config LnDisplay``: how records are displayed, for one shell or in `ipython_config.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets import Bool, Int, List, Unicode, observe
from traitlets.config import Configurable

from ln_jupyter import redaction
from ln_jupyter.display.options import DEFAULT, Options

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class LnDisplay(Configurable):
    """How records, sessions and statements are displayed.

    Set in a notebook by ``%config LnDisplay.rows = 50``, or for all of them in
    ``ipython_config.py`` by ``c.LnDisplay.rows = 50``.
    """

    enabled = Bool(True, help="Whether records are displayed by ln_jupyter at all.").tag(config=True)  # noqa: FBT003
    html = Bool(DEFAULT.html, help="Whether there is HTML beside the plain text.").tag(config=True)
    rows = Int(DEFAULT.rows, min=1, help="How many rows a table of records has.").tag(config=True)
    columns = Int(DEFAULT.columns, min=1, help="How many attributes of one record have a line of their own.").tag(
        config=True
    )
    length = Int(DEFAULT.length, min=10, help="How many characters one value takes.").tag(config=True)
    secret_names = List(
        Unicode(),
        list(redaction.NAMES),
        help="What the name of a column ends in if its values are not shown; replaces the list.",
    ).tag(config=True)
    also_secret = List(Unicode(), help="More of them, added to the list.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(parent=shell)
        self._options: Options | None = None
        shell.configurables.append(self)  # type: ignore[arg-type]  # it takes any Configurable

    @property
    def options(self) -> Options:
        """The same, for the displays."""
        if self._options is None:
            self._options = Options(
                rows=self.rows,
                columns=self.columns,
                length=self.length,
                html=self.html,
                secret_names=(*self.secret_names, *self.also_secret),
            )
        return self._options

    def remove(self) -> None:
        """Take it out of ``%config``, which remembers what was set for the next load."""
        shell: Any = self.parent
        shell.configurables[:] = [each for each in shell.configurables if each is not self]

    @observe("html", "rows", "columns", "length", "secret_names", "also_secret")
    def _forget_options(self, _change: object) -> None:
        self._options = None
