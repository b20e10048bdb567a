"""Old notebooks run unchanged: this package under the name `lamindb`."""

from __future__ import annotations

import importlib.util
import sys

from ln_jupyter import errors

_NAME = "lamindb"


def install_as_lamindb(*, replace: bool = False) -> None:
    """Let ``import lamindb`` and ``import lamindb.schema`` give this package, in this process.

    Call it in a cell before the first import; a second call changes nothing.

    Args:
        replace: Do so even if the real lamindb is installed.

    Raises:
        LamindbInstalledError: If it is, and *replace* was not asked for.

    Example:
        >>> import ln_jupyter
        >>> ln_jupyter.install_as_lamindb(replace=True)
        >>> import lamindb.schema as lns
        >>> lns.Run.__module__
        'ln_jupyter.schema.models'
    """
    import ln_jupyter  # the face itself, which loads this module on first use
    from ln_jupyter import schema  # here for cost: it imports SQLAlchemy

    if sys.modules.get(_NAME) is ln_jupyter:
        return
    if not replace and _is_installed():
        msg = "the real lamindb is installed here, and would be hidden"
        raise errors.LamindbInstalledError(msg, fix="ln_jupyter.install_as_lamindb(replace=True)")
    for name in [name for name in sys.modules if name.startswith(f"{_NAME}.")]:
        del sys.modules[name]
    sys.modules |= {_NAME: ln_jupyter, f"{_NAME}.schema": schema}


def _is_installed() -> bool:
    if _NAME in sys.modules:
        return True
    spec = importlib.util.find_spec(_NAME)
    return spec is not None and spec.has_location  # a folder that happens to have the name is no package
