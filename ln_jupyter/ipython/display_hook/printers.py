"""A formatter's printers by class, with one for every class of a kind, and back as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from IPython.core.formatters import BaseFormatter, DisplayFormatter

    Printer = Callable[..., Any]

RICH = tuple(
    f"_repr_{kind}_"
    for kind in ("mimebundle", "html", "markdown", "svg", "png", "jpeg", "pdf", "latex", "json", "javascript", "pretty")
)
"""How a class says what it looks like. A notebook shows the richest, so that any of them stands for all."""

PRETTY = ("_repr_pretty_", "_repr_mimebundle_")
"""How a class says what its plain text is."""


class Printers(dict[Any, Any]):
    """The `type_printers` of a formatter, to which each mapped class seems to be added.

    Seems: a class that is looked up is recognised by a mark, and is not remembered, so
    that a class which is defined again can be collected. One that brings its own display, or
    for which somebody registered a printer, is left alone.

    Args:
        formatter: Whose printers they become.
        by_mark: The printer for each class that has this attribute of its own, such as what
            SQLAlchemy gives to mapped classes; the first that fits.
        own: The methods by which a class brings its own display of this kind.
        others: Whose printers count as the class's own display, too.
    """

    def __init__(
        self,
        formatter: BaseFormatter,
        by_mark: Mapping[str, Printer],
        *,
        own: Iterable[str],
        others: Iterable[BaseFormatter],
    ) -> None:
        super().__init__(formatter.type_printers)
        self._formatter = formatter
        self._earlier: dict[Any, Any] = formatter.type_printers
        self._by_mark = dict(by_mark)
        self._methods = tuple(own)
        self._others = (formatter, *others)
        self._ours: list[Printer] = []
        formatter.type_printers = self

    def replace(self, cls: type, printer: Printer) -> None:
        """Print a class by *printer*, unless somebody has replaced IPython's own for it."""
        self._ours.append(printer)
        self[cls] = printer

    def name(self, printers: Mapping[tuple[str, str], Printer]) -> None:
        """Print classes that may not be imported yet, by their module and name; printers that are there stay."""
        self._ours.extend(printers.values())
        deferred: dict[Any, Any] = self._formatter.deferred_printers
        for name, printer in printers.items():
            deferred.setdefault(name, printer)

    def remove(self) -> None:
        """Give the formatter its own printers back, with what others added and removed meanwhile.

        Whoever has put another object in the place of this one keeps it.
        """
        ours = set(map(id, self._ours))
        deferred: dict[Any, Any] = self._formatter.deferred_printers
        for name in [name for name, printer in deferred.items() if id(printer) in ours]:
            del deferred[name]
        for cls in [cls for cls, printer in self.items() if id(printer) in ours]:
            if cls in self._earlier:
                self[cls] = self._earlier[cls]
            else:
                del self[cls]
        if self._formatter.type_printers is self:
            self._earlier.clear()
            self._earlier.update(self)
            self._formatter.type_printers = self._earlier

    def __contains__(self, cls: object) -> bool:
        """Tell whether there is a printer; asked for each class of everything that is displayed."""
        if dict.__contains__(self, cls):
            return True
        attributes = getattr(cls, "__dict__", ())
        for mark in self._by_mark:  # the common case by far is that there is none
            if mark in attributes:
                return isinstance(cls, type) and self._takes(cls)
        return False

    def __missing__(self, cls: Any) -> Printer:
        for mark, printer in self._by_mark.items():
            if mark in cls.__dict__:
                return printer
        raise KeyError(cls)

    def _takes(self, cls: type) -> bool:
        mro = cls.__mro__[:-1]
        for each in mro:
            if not each.__dict__.keys().isdisjoint(self._methods):
                return False
        names = [(each.__module__, each.__name__) for each in mro]
        for formatter in self._others:
            for printers, of in ((formatter.type_printers, mro), (formatter.deferred_printers, names)):
                if printers and not printers.keys().isdisjoint(of):  # most are empty
                    return False
        return True


def has_printer(formatter: BaseFormatter, cls: type) -> bool:
    """Tell whether somebody registered a printer for just this class."""
    if dict.__contains__(formatter.type_printers, cls):
        return True
    deferred: dict[Any, Any] = formatter.deferred_printers
    return (cls.__module__, cls.__name__) in deferred


def all_of(display: DisplayFormatter) -> list[BaseFormatter]:
    """List the formatters of every kind of output."""
    return [display.mimebundle_formatter, *display.formatters.values()]
