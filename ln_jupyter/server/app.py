"""The server extension: the place where this package's handlers, hook and listener are registered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.extension.handler import ExtensionHandlerMixin
from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import url_path_join
from tornado import web

from ln_jupyter import __version__
from ln_jupyter.server import contents_events, save_hook

if TYPE_CHECKING:
    from jupyter_server.services.contents.manager import ContentsManager


class StatusHandler(ExtensionHandlerMixin, APIHandler):
    """Say what this server does for notebooks; a kernel asks, so that `header()` can say it."""

    auth_resource: ClassVar[str] = "ln_jupyter"

    @web.authenticated
    @authorized
    def get(self) -> None:
        """Answer ``{"version": "0.1.0", "hook": true}``: saving a notebook carries its identity to the metadata."""
        self.finish({"version": __version__, "hook": True})


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
        """Answer under the extension's own path."""
        self.handlers.append((url_path_join(self.extension_url, "api", "status"), StatusHandler))
