"""A method of one object, replaced until it is given back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    Earlier = Callable[[], Callable[..., Any]]


class Replacement(NamedTuple):
    """What was replaced, and by what.

    Attributes:
        owner: The object; others of its class keep their method.
        name: The method's name.
        method: What stands there now.
        earlier: What somebody else had put there before; None if it was the class's own.
    """

    owner: object
    name: str
    method: Callable[..., Any]
    earlier: Callable[..., Any] | None

    def give_back(self) -> None:
        """Restore the method, unless somebody has replaced ours since and may still call it."""
        if vars(self.owner).get(self.name) is not self.method:
            return
        if self.earlier is None:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.earlier)


def replace(owner: object, name: str, wrap: Callable[[Earlier], Callable[..., Any]]) -> Replacement:
    """Replace a method by what *wrap* makes of whatever returns it.

    The class's own is looked up whenever it is called: it may be replaced later.

    Example:
        >>> from types import SimpleNamespace
        >>> counter = SimpleNamespace(next=lambda: 1)
        >>> replacement = replace(counter, "next", lambda earlier: lambda: earlier()() + 1)
        >>> counter.next()
        2
        >>> replacement.give_back()
        >>> counter.next()
        1
    """
    earlier = vars(owner).get(name)
    wrapped = wrap(lambda: getattr(type(owner), name).__get__(owner) if earlier is None else earlier)
    method = functools.update_wrapper(wrapped, getattr(owner, name))
    setattr(owner, name, method)
    return Replacement(owner, name, method, earlier)
