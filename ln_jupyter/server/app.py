"""The server extension: the place where this package's handlers are registered."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join

from ln_jupyter import __version__
from ln_jupyter.server.handlers import VersionHandler


class LnJupyterApp(ExtensionApp):
    """Serve ``{base_url}/ln-jupyter/`` inside Jupyter Server.

    Jupyter Server finds it through ``ln_jupyter._jupyter_server_extension_points()``;
    what pip installs under ``etc/jupyter`` enables it.
    """

    name = "ln_jupyter"
    description = "Notebooks as records, inside Jupyter Server."
    version = __version__
    extension_url = "/ln-jupyter"

    def initialize_handlers(self) -> None:
        """Register every handler under the extension's own path."""
        self.handlers.append((url_path_join(self.extension_url, "api", "version"), VersionHandler))
