"""For everybody's tests: nothing they run writes into the user's registry.

Loaded by pytest wherever the package is installed. It points ``LN_JUPYTER_URL`` of the test
process, and so of every kernel it starts (nbmake), to a registry that ends with the process.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ln_jupyter import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

_VARIABLE = "LN_JUPYTER_URL"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer a way to keep what the tests registered."""
    parser.getgroup("ln_jupyter").addoption(
        "--ln-registry",
        metavar="URL",
        help="registry that the tests write to; by default one that is removed afterwards",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Turn the test process, and what it starts, to a registry of its own, before a conftest can register."""
    patch = pytest.MonkeyPatch()
    url = early_config.known_args_namespace.ln_registry
    if url is None:
        folder = Path(tempfile.mkdtemp(prefix="ln_jupyter-tests-"))
        early_config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        url = settings.sqlite_url(folder / settings.REGISTRY_FILE)
    patch.setenv(_VARIABLE, url)
    settings.forget()
    early_config.add_cleanup(settings.forget)
    early_config.add_cleanup(patch.undo)


@pytest.fixture
def ln_registry(tmp_path: Path) -> Iterator[sa.Engine]:
    """Return one test an empty registry, which `ln_jupyter` and the kernels it starts use until it ends."""
    from ln_jupyter.db import engines  # here for cost: only for tests that ask
    from ln_jupyter.registry import choose

    url = settings.sqlite_url(tmp_path / settings.REGISTRY_FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(_VARIABLE, url)
        _begin_anew()
        yield choose.of_registry()
    _begin_anew()
    engines.dispose(url)


def _begin_anew() -> None:
    """Forget what the process decided and registered, as a new one has not done either yet."""
    from ln_jupyter.db import engines  # here for cost: only for tests that ask
    from ln_jupyter.tracking import running

    engines.connect(None)
    settings.forget()
    running.forget()
