"""What the server answers, one class per address."""

from __future__ import annotations

from typing import ClassVar

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from ln_jupyter import __version__


class VersionHandler(ExtensionHandlerMixin, APIHandler):
    """Say which release of this package the server runs.

    A kernel may live in another environment; comparing the two versions tells.
    """

    auth_resource: ClassVar[str] = "ln_jupyter"

    @web.authenticated
    @authorized
    def get(self) -> None:
        """Answer ``{"version": "0.1.0"}``."""
        self.finish({"version": __version__})


class StatusHandler(ExtensionHandlerMixin, APIHandler):
    """Say what this server does for notebooks; a kernel asks, so that `header()` can say it."""

    auth_resource: ClassVar[str] = "ln_jupyter"

    @web.authenticated
    @authorized
    def get(self) -> None:
        """Answer ``{"version": "0.1.0", "hook": true}``: saving a notebook carries its identity to the metadata."""
        self.finish({"version": __version__, "hook": True})
