"""A method of one object, replaced until it is given back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


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


def replace(owner: object, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Replacement:
    """Replace a method by what *wrap* makes of it.

    The class's own is looked up whenever it is called: it may be replaced later.

    Example:
        >>> from types import SimpleNamespace
        >>> counter = SimpleNamespace(next=lambda: 1)
        >>> replacement = replace(counter, "next", lambda method: lambda: method() + 1)
        >>> counter.next()
        2
        >>> replacement.give_back()
        >>> counter.next()
        1
    """
    earlier = vars(owner).get(name)

    @functools.wraps(getattr(owner, name))
    def of_class(*args: Any, **kwargs: Any) -> Any:
        return getattr(type(owner), name)(owner, *args, **kwargs)

    method = wrap(of_class if earlier is None else earlier)
    setattr(owner, name, method)
    return Replacement(owner, name, method, earlier)
