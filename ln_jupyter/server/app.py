"""The server extension: the place where this package's handlers, hook and listener are registered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import url_path_join

from ln_jupyter import __version__
from ln_jupyter.server import contents_events, save_hook
from ln_jupyter.server.handlers import StatusHandler, VersionHandler

if TYPE_CHECKING:
    from jupyter_server.services.contents.manager import ContentsManager


class LnJupyterApp(ExtensionApp):
    """Serve ``{base_url}/ln-jupyter/`` inside Jupyter Server, and follow what it does to notebooks.

    Jupyter Server finds it through ``ln_jupyter._jupyter_server_extension_points()``;
    what pip installs under ``etc/jupyter`` enables it.
    """

    name = "ln_jupyter"
    description = "Notebooks as records, inside Jupyter Server."
    version = __version__
    extension_url = "/ln-jupyter"

    def initialize_settings(self) -> None:
        """Listen to saves, and to files that move or go."""
        server: Any = self.serverapp  # typed as if it could be None
        contents_manager: ContentsManager = server.contents_manager
        save_hook.register(contents_manager)
        if isinstance(contents_manager, FileManagerMixin):  # others keep notebooks where no kernel finds them
            listener = contents_events.Renames(Path(contents_manager.root_dir), log=self.log).hear
            server.event_logger.add_listener(schema_id=contents_events.SCHEMA, listener=listener)

    def initialize_handlers(self) -> None:
        """Register every handler under the extension's own path."""
        api = url_path_join(self.extension_url, "api")
        self.handlers.append((url_path_join(api, "version"), VersionHandler))
        self.handlers.append((url_path_join(api, "status"), StatusHandler))
