"""What files and processes of this machine say, asked once each, and not while the registry is locked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class UnansweredError(Exception):
    """A question that arose while the registry was locked: give the lock back, `ThisMachine.answer`, begin again."""

    def __init__(self, question: Callable[..., object], *about: Any) -> None:
        super().__init__(question, *about)
        self.question, self.about = question, about


class ThisMachine:
    """Remembers each answer, so that a transaction that is done again need not ask.

    Example:
        >>> machine = ThisMachine()
        >>> machine.ask(len, "file")
        4
        >>> machine.must_not_ask = True
        >>> machine.ask(len, "file")
        4
    """

    def __init__(self) -> None:
        self.must_not_ask = False
        """The registry is locked, and others wait: a file may be on a slow disk, and git takes seconds."""
        self._answers: dict[tuple[Any, ...], Any] = {}

    def ask(self, question: Callable[..., T], *about: Any) -> T:
        """Call *question*, or return what it returned before.

        Raises:
            UnansweredError: If it was not asked before, and must not be now.
        """
        key = (question, *about)
        if key not in self._answers:
            if self.must_not_ask:
                raise UnansweredError(question, *about)
            self._answers[key] = question(*about)
        answer: T = self._answers[key]
        return answer

    def answer(self, unanswered: UnansweredError) -> None:
        """Ask what must not be asked before."""
        self.must_not_ask = False
        self.ask(unanswered.question, *unanswered.about)
