"""A project whose notebooks a server renames, and what its registry knows of them."""

import socket
import time
from contextlib import closing

import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.db import engines
from ln_jupyter.registry import check as registries
from ln_jupyter.schema import Notebook, NotebookPath
from ln_jupyter.schema.types import utcnow
from tests.ipython import kernel_driver
from tests.server.conftest import notebook

HOST = socket.gethostname()


class Project:
    """A folder below the server's root, with a registry of its own."""

    def __init__(self, server, name):
        self.server, self.name, self.folder = server, name, server.folder / name
        (self.folder / settings.PROJECT_FOLDER).mkdir(parents=True)
        self.file = self.folder / settings.PROJECT_FOLDER / settings.REGISTRY_FILE
        url = settings.sqlite_url(self.file)
        registries.ensure(engines.resolve(url))
        engines.dispose(url)

    def connect(self):
        """Open the registry's file, for the length of a block."""
        return closing(sa.create_engine(settings.sqlite_url(self.file), poolclass=sa.NullPool).connect())

    def register(self, path, *, notebook_id, host=HOST, exists=True):
        """Note a notebook at a path of the project, as `header()` does, and make its file."""
        if exists:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            self.server.save(f"{self.name}/{path}", notebook())
        with self.connect() as connection:
            of_path = {"host": host, "path": str(self.folder.resolve() / path), "seen_at": utcnow()}
            values = {"id": notebook_id, "v": "1", "revision": 1, "created_at": utcnow()}
            connection.execute(sa.insert(Notebook.__table__).values(values))
            of_notebook = {"notebook_id": notebook_id, "notebook_v": "1"}
            connection.execute(sa.insert(NotebookPath.__table__).values(of_path | of_notebook))
            connection.commit()

    def paths(self):
        """Give the notebook's id by path, below the project."""
        with self.connect() as connection:
            rows = connection.execute(sa.select(NotebookPath.path, NotebookPath.notebook_id)).all()
        return {path.removeprefix(f"{self.folder.resolve()}/"): notebook_id for path, notebook_id in rows}

    def wait_for(self, paths):
        """Wait for what the server's worker will have written."""
        deadline = time.monotonic() + kernel_driver.TIMEOUT
        while self.paths() != paths and time.monotonic() < deadline:
            time.sleep(0.02)
        assert paths == self.paths()

    def rename(self, old, new):
        """Rename a file of the project, as the file browser does."""
        self.server.send("PATCH", f"api/contents/{self.name}/{old}", {"path": f"{self.name}/{new}"})
