"""Notebooks as records, and records that feel at home in notebooks.

Nothing is imported, connected or registered until a name is used::

    import ln_jupyter as ln
    import ln_jupyter.schema as lns

    ln.header()
    ln.add(lns.Pipeline(name="Transform A"))
    ln.select(lns.Pipeline).all()
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # type checkers know it by this name, too; `typing` takes half as long as Python's own start
if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ln_jupyter import errors, schema, settings
    from ln_jupyter.answers.lineage import lineage
    from ln_jupyter.answers.where import where
    from ln_jupyter.compat import install_as_lamindb
    from ln_jupyter.db.engines import connect
    from ln_jupyter.orm.current import current_session
    from ln_jupyter.records.load import load
    from ln_jupyter.records.selection import select
    from ln_jupyter.records.session import Session
    from ln_jupyter.records.statement import Stmt
    from ln_jupyter.records.view import view
    from ln_jupyter.records.write import add, delete
    from ln_jupyter.server.app import LnJupyterApp
    from ln_jupyter.tracking import nb
    from ln_jupyter.tracking.annotations import log, note, tag, track_input, track_output
    from ln_jupyter.tracking.header import header
    from ln_jupyter.tracking.publishing.publish import publish

__version__ = "0.1.0"

__all__ = [
    "Session",
    "Stmt",
    "__version__",
    "add",
    "connect",
    "current_session",
    "delete",
    "errors",
    "header",
    "install_as_lamindb",
    "lineage",
    "load",
    "load_ipython_extension",
    "log",
    "nb",
    "note",
    "publish",
    "schema",
    "select",
    "settings",
    "tag",
    "track_input",
    "track_output",
    "unload_ipython_extension",
    "view",
    "where",
]

# Where each name is defined, written like an entry point; without a colon it is the module itself.
_HOMES = {
    "Session": "ln_jupyter.records.session:Session",
    "Stmt": "ln_jupyter.records.statement:Stmt",
    "add": "ln_jupyter.records.write:add",
    "connect": "ln_jupyter.db.engines:connect",
    "current_session": "ln_jupyter.orm.current:current_session",
    "delete": "ln_jupyter.records.write:delete",
    "errors": "ln_jupyter.errors",
    "header": "ln_jupyter.tracking.header:header",
    "install_as_lamindb": "ln_jupyter.compat:install_as_lamindb",
    "lineage": "ln_jupyter.answers.lineage:lineage",
    "load": "ln_jupyter.records.load:load",
    "log": "ln_jupyter.tracking.annotations:log",
    "nb": "ln_jupyter.tracking.nb",
    "note": "ln_jupyter.tracking.annotations:note",
    "publish": "ln_jupyter.tracking.publishing.publish:publish",
    "schema": "ln_jupyter.schema",
    "select": "ln_jupyter.records.selection:select",
    "settings": "ln_jupyter.settings",
    "tag": "ln_jupyter.tracking.annotations:tag",
    "track_input": "ln_jupyter.tracking.annotations:track_input",
    "track_output": "ln_jupyter.tracking.annotations:track_output",
    "view": "ln_jupyter.records.view:view",
    "where": "ln_jupyter.answers.where:where",
}

# Hidden from type checkers, which would take every misspelt name for an object.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        import importlib  # here for cost, like `typing`

        importing = importlib.import_module("ln_jupyter.importing")  # `from` would ask here for it
        if name not in _HOMES:
            module = sys.modules[__name__]
            if importing.is_asked_for(module, name):
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=module)
            raise importlib.import_module("ln_jupyter.errors").UnknownNameError.for_name(module, name)
        home, _, attribute = _HOMES[name].partition(":")

        with importing.uninterrupted():
            module = importlib.import_module(home)
        value = getattr(module, attribute) if attribute else module
        globals()[name] = value  # the next use is a plain look-up
        return value


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Set up the magics and displays: what ``%load_ext ln_jupyter`` calls."""
    from ln_jupyter.ipython import extension  # here for cost: it imports IPython

    extension.load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take everything back: what ``%unload_ext ln_jupyter`` calls."""
    from ln_jupyter.ipython import extension  # here for cost: it imports IPython

    extension.unload(ipython)


def _jupyter_server_extension_points() -> list[dict[str, str | type[LnJupyterApp]]]:
    """Tell Jupyter Server what to load."""
    from ln_jupyter.server.app import LnJupyterApp  # here for cost: it imports Jupyter Server

    return [{"module": "ln_jupyter.server.app", "app": LnJupyterApp}]
