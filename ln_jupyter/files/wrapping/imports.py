"""Change a module as soon as its import is over, without having any part in that import.

What others do is to find the module themselves and to hand out a loader of their own. That loader stays on the module and
in specs, where `importlib.resources`, `runpy`, `pickle` and `LazyLoader` stumble over it; and what they call while they
hold locks waits for imports that wait for it. Here nothing is found: the finder only hears that an import begins, and
puts a weak reference on the lock that Python holds until the import is over. When nobody holds that lock any more, the
module is whole, bound in its package, and nothing waits.
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
import weakref
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from ln_jupyter.files.fence import Fence

if TYPE_CHECKING:
    from collections.abc import Callable

_changes: Final = dict[str, list["Callable[[ModuleType], object]"]]()
_changed: Final = dict[str, ModuleType]()
_undos: Final = dict[str, list["Callable[[], object]"]]()
_awaited: Final = dict[str, "weakref.ref[Any]"]()
"""The locks of imports that go on, by the names of their modules."""


class _Listener:
    """A finder that finds nothing."""

    @staticmethod
    def find_spec(name: str, _path: object = None, target: object = None) -> None:
        """Hear that an import begins, or, where there is a *target*, that it is to be reloaded."""
        if target is not None and name in _undos:
            _undo(name)
        if name in _changes:
            _changed.pop(name, None)  # a module that is reloaded loses its changes
            _await(name)


_LISTENER: Any = _Listener()


def when_imported(name: str, change: Callable[[ModuleType], object]) -> None:
    """Call ``change(module)`` now if the module is imported, else right after its import, and again after another one.

    A *change* is called while no lock is held. Whatever it raises is a line in the log.
    """
    _changes.setdefault(name, []).append(change)
    _changed.pop(name, None)
    if _LISTENER not in sys.meta_path:
        sys.meta_path.insert(0, _LISTENER)
    catch_up(name)


def before_reload(name: str, undo: Callable[[], object], *, of: str) -> None:
    """Call ``undo()`` before a module is reloaded in which something was changed; it is changed again at the next look.

    IPython's autoreload puts the code of new methods into the old ones, and ours cannot take it.

    Args:
        name: The module.
        undo: What takes back one change.
        of: The module whose import had it changed.
    """
    _undos.setdefault(name, []).append(lambda: (undo(), _changed.pop(of, None)))


def catch_up(*names: str) -> None:
    """Change what was imported or reloaded unheard, such as a lazy module, or one that somebody before us found."""
    for name in names or tuple(_changes):
        if not _change(name):
            _await(name)


def forget() -> None:
    """Change nothing more, and take the listener away."""
    _changes.clear()
    _changed.clear()
    _undos.clear()
    _awaited.clear()
    if _LISTENER in sys.meta_path:
        sys.meta_path.remove(_LISTENER)


def _await(name: str) -> None:
    """Be called when the import that goes on is over, if one does: who only looks for a module holds no lock."""
    with Fence(name):
        reference = importlib._bootstrap._module_locks.get(name)  # type: ignore[attr-defined]  # noqa: SLF001
        lock = reference and reference()
        known = _awaited.get(name)
        if lock is not None and (known is None or known() is not lock):
            _awaited[name] = weakref.ref(lock, lambda _: _over(name))


def _over(name: str) -> None:
    """Change the module; what is raised here reaches nobody."""
    try:
        _awaited.pop(name, None)
        _change(name)
    except KeyboardInterrupt:
        # It is the cell's, and Python drops what is raised here: the signal comes again in a moment. A real one, which
        # ends what the main thread waits for.
        main = threading.main_thread().ident or 0
        threading.Timer(0.01, signal.pthread_kill, (main, signal.SIGINT)).start()
        _change(name)


def _change(name: str) -> bool:
    """Change the module if it is whole, and return whether it was."""
    with Fence(name):
        module = sys.modules.get(name)
        if module is not None and module is _changed.get(name):
            return True
        if not _is_whole(module):
            return False
        for change in tuple(_changes.get(name, ())):
            with Fence(name):
                change(module)
        _changed[name] = module
    return True


def _undo(name: str) -> None:
    with Fence(name):
        for undo in _undos.pop(name):
            with Fence(name):
                undo()


def _is_whole(module: object) -> TypeGuard[ModuleType]:
    """Return whether it is a module whose import is over, without asking it for anything: that would load a lazy one."""
    if not isinstance(module, ModuleType) or type(module).__getattribute__ is not ModuleType.__getattribute__:
        return False
    return not getattr(vars(module).get("__spec__"), "_initializing", False)
