"""What the doctor found, and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ln_jupyter import errors


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        state: ``"hint"`` is for what works and could be better; ``"broken"`` fails the command.
        text: What was found.
        fix: What to do, where there is something.

    Example:
        >>> str(Finding("registry", "broken", "the disk is full", "free some space"))
        'the disk is full; fix: free some space'
    """

    name: str
    state: Literal["ok", "hint", "broken"]
    text: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.text}; fix: {self.fix}" if self.fix else self.text

    @classmethod
    def of_error(cls, name: str, error: Exception) -> Finding:
        """Say that something is broken, as the error says it."""
        return cls(name, "broken", str(error), error.fix if isinstance(error, errors.LnJupyterError) else "")
