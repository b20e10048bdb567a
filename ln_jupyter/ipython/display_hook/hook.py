"""How a shell displays records, collections of them, and what gives them; never with SQL."""

from __future__ import annotations

import dataclasses
import functools
import logging
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ln_jupyter.ipython.display_hook.config import LnDisplay
from ln_jupyter.ipython.display_hook.printers import PRETTY, RICH, Printers, all_of, has_printer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from IPython.core.interactiveshell import InteractiveShell

    from ln_jupyter.display.options import Options
    from ln_jupyter.ipython.display_hook.printers import Printer
    from ln_jupyter.ipython.display_hook.views import Views

_log = logging.getLogger(__name__)

_MAPPED = "_sa_class_manager"  # SQLAlchemy's own mark

# What is shown besides records, by module and class, and the function of `views` that sees it.
_NAMED = {
    ("ln_jupyter.records.session", "Session"): "ln_session",
    ("ln_jupyter.records.statement", "Stmt"): "stmt",
    ("sqlalchemy.engine.result", "ResultInternal"): "result",
    ("sqlalchemy.engine.row", "Row"): "row",
    ("sqlalchemy.engine.row", "RowMapping"): "row",
    ("sqlalchemy.ext.asyncio.scoping", "async_scoped_session"): "scoped",
    ("sqlalchemy.ext.asyncio.session", "AsyncSession"): "async_session",
    ("sqlalchemy.ext.asyncio.session", "async_sessionmaker"): "maker",
    ("sqlalchemy.orm.query", "Query"): "query",
    ("sqlalchemy.orm.scoping", "scoped_session"): "scoped",
    ("sqlalchemy.orm.session", "Session"): "session",
    ("sqlalchemy.orm.session", "sessionmaker"): "maker",
    ("sqlalchemy.sql.dml", "UpdateBase"): "statement",
    ("sqlalchemy.sql.elements", "TextClause"): "statement",
    ("sqlalchemy.sql.selectable", "SelectBase"): "statement",
}
# A relationship's dictionary; any other one has keys of its own, and stays a dictionary.
_KEYED = (("sqlalchemy.orm.collections", "InstrumentedDict"), ("sqlalchemy.orm.mapped_collection", "KeyFuncDict"))
_REPRS = {list.__repr__, tuple.__repr__, set.__repr__, frozenset.__repr__, dict.__repr__}
_BRACKETS = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("frozenset({", "})")}
_CONTAINERS = {*_BRACKETS, dict}
_SORTED = 1000  # members up to which IPython sorts a set, by their text if it must: it may ask the database


class Formatters:
    """The display hook of one shell, on while `LnDisplay.enabled`.

    Whatever fails in it, the object is shown in its plainest form, and the log has one line.

    Args:
        shell: Whose displays they are.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._display: Any = shell.display_formatter
        self._preferences = preferences = LnDisplay(shell)
        self._installed: tuple[Printers, ...] = ()
        self._failed: tuple[int, str] | None = None
        preferences.observe(self._switch, "enabled")
        if preferences.enabled:
            self._install()

    def remove(self) -> None:
        """Leave the shell's formatters and ``%config`` as they were."""
        self._preferences.unobserve(self._switch, "enabled")
        self._preferences.remove()
        self._uninstall()

    def _switch(self, change: Any) -> None:
        (self._install if change.new else self._uninstall)()

    def _uninstall(self) -> None:
        installed, self._installed = self._installed, ()
        for printers in installed:
            printers.remove()

    def _install(self) -> None:
        text, html = (self._display.formatters[kind] for kind in ("text/plain", "text/html"))
        bundles = self._display.mimebundle_formatter
        printed = {name: partial(self._text, view) for name, view in _NAMED.items()}
        marked_up = {name: partial(self._html, view) for name, view in _NAMED.items()}
        texts = Printers(
            text,
            {_MAPPED: partial(self._text, "record"), "__dataclass_fields__": self._dataclass_text},
            own=PRETTY,
            others=[bundles],
        )
        htmls = Printers(html, {_MAPPED: partial(self._html, "record")}, own=RICH, others=all_of(self._display))
        for cls, brackets in _BRACKETS.items():
            earlier: Any = texts.get(cls)
            if getattr(earlier, "__module__", None) == "IPython.lib.pretty":  # nobody has put another there
                texts.replace(cls, partial(self._members_text, brackets, earlier))
            if cls not in htmls and not has_printer(bundles, cls):
                htmls.replace(cls, self._members_html)
        texts.name(printed)
        htmls.name(marked_up | dict.fromkeys(_KEYED, self._members_html))
        self._installed = (texts, htmls)

    @property
    def _is_plain(self) -> bool:
        """Whether text is left to the classes: a copy of our printers has outlived us."""
        return not self._installed

    def _text(self, kind: str, obj: Any, p: Any, _cycle: object) -> None:
        nested = len(p.stack) > 1
        options = self._preferences.options
        if self._is_plain or (nested and kind not in {"record", "row"}):
            text = self._fenced(obj, lambda: repr(obj))
        elif nested or kind == "row":
            text = self._fenced(obj, lambda: _views().in_one_line(obj, options))
        else:
            text = self._fenced(obj, lambda: self._seen.text(obj, kind, lambda: self._options(obj, kind)))
        _write(p, object.__repr__(obj) if text is None else text)

    def _members_text(
        self, brackets: tuple[str, str], earlier: Printer, obj: Collection[Any], p: Any, cycle: object
    ) -> None:
        if not _holds_records(obj) or cycle or self._is_plain:
            earlier(obj, p, cycle)
            return
        if len(p.stack) == 1 and isinstance(obj, (list, tuple)) and not _views().is_row(type(next(iter(obj)))):
            text = self._fenced(obj, lambda: self._seen.text(obj, "members", lambda: self._options(obj, "members")))
            if text is not None:
                _write(p, text)
                return
        opening, closing = brackets
        shown = self._preferences.options.rows
        with p.group(len(opening), opening, closing):
            for number, each in enumerate(islice(obj, shown)):
                if number:
                    p.text(",")
                    p.breakable()
                p.pretty(each)
            if len(obj) > shown:
                p.text(",")
                p.breakable()
                p.text(f"… {len(obj) - shown:,} more")
            elif len(obj) == 1 and isinstance(obj, tuple):
                p.text(",")

    def _dataclass_text(self, obj: Any, p: Any, cycle: object) -> None:
        """Show a dataclass, whose generated ``__repr__`` would call those of the records in it."""
        generated = hasattr(type(obj).__repr__, "__wrapped__")
        shown = False
        for name in type(obj).__dataclass_fields__ if generated else ():
            shown = shown or _is_or_holds_record(getattr(obj, name, None))
        if not shown or cycle or self._is_plain:
            _write(p, repr(obj))
            return
        values = {field.name: getattr(obj, field.name) for field in dataclasses.fields(obj) if field.repr}
        opening = f"{type(obj).__qualname__}("
        with p.group(len(opening), opening, ")"):
            for number, (name, value) in enumerate(values.items()):
                if number:
                    p.text(",")
                    p.breakable()
                p.text(f"{name}=")
                p.pretty(value)

    def _html(self, kind: str, obj: Any) -> str | None:
        if kind != "record" and _has_own(obj):  # a subclass of what is named above
            own = getattr(obj, "_repr_html_", None)
            return None if own is None else own()
        if not self._preferences.html or not self._installed:
            return None
        shown = self._fenced(obj, lambda: self._seen.markup(obj, kind, lambda: self._options(obj, kind)))
        self._failed = None  # the text came before: this display is at its end
        return shown

    @functools.cached_property
    def _seen(self) -> Views:
        return _views().Views()  # type: ignore[no-any-return]

    def _options(self, obj: Any, kind: str) -> Options:
        options = self._preferences.options
        if kind not in {"record", "members"}:
            return options
        views = _views()
        named: Options = views.naming(
            obj, kind, options, self._shell.user_ns, lambda: views.names.last_value(self._shell)
        )
        return named

    def _members_html(self, obj: Collection[Any]) -> str | None:
        kind = type(obj)
        if (kind in _CONTAINERS or kind.__repr__ in _REPRS) and _holds_records(obj):
            return self._html("members", obj)
        return self._html("members", obj) if kind not in _CONTAINERS and hasattr(kind, "_repr_html_") else None

    def _fenced(self, obj: Any, show: Callable[[], str | None]) -> str | None:
        """Run what may run a stranger's code, such as a half-configured mapper, on behalf of a display."""
        try:
            return show()
        except Exception as error:  # noqa: BLE001 - no display is worth hiding the cell's value behind a traceback
            failed = (id(obj), type(error).__name__)
            if failed != self._failed:  # HTML fails as the text did
                name = type(obj).__name__
                _log.warning("cannot display this %s as a record: %s: %s", name, type(error).__name__, error)
            self._failed = failed
            return None


def _views() -> Any:
    from ln_jupyter.ipython.display_hook import views  # here for cost: it imports SQLAlchemy

    return views


def _holds_records(obj: Collection[Any]) -> bool:
    """Tell whether a collection begins with a record or a row; of a small set, whether it holds any."""
    if isinstance(obj, (set, frozenset)):
        return any(map(_is_shown, {*map(type, islice(obj, _SORTED))}))
    for each in obj.values() if isinstance(obj, dict) else obj:
        return _is_shown(type(each))
    return False


def _is_or_holds_record(value: Any) -> bool:
    return _holds_records(value) if type(value) in _CONTAINERS else _is_shown(type(value))


def _write(p: Any, text: str) -> None:
    if len(p.stack) == 1:  # nothing around it is indented, or could be broken
        p.text(p.newline.join(text.splitlines()))
        return
    for number, line in enumerate(text.splitlines()):
        if number:
            p.break_()
        p.text(line)


def _is_shown(cls: type) -> bool:
    if cls.__module__ == "builtins":
        return False
    return cls.__module__ == "sqlalchemy.engine.row" or any(_MAPPED in vars(each) for each in cls.__mro__)


def _has_own(obj: object) -> bool:
    return any(name in vars(each) for each in type(obj).__mro__ for name in RICH)
