"""What the Tab key offers after ``%ln_session`` and ``%%ln_session``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from ln_jupyter.ipython.session_cell import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.completer import CompletionContext, MatcherAPIv2, SimpleMatcherResult

_LINE = re.compile(rf"\s*%(%?){arguments.NAME}\s+(.*)", re.DOTALL)


def matcher(namespace: Mapping[str, Any]) -> MatcherAPIv2:
    """Make a matcher for `IPCompleter.custom_matchers`.

    Args:
        namespace: The user's variables.
    """

    @context_matcher()  # type: ignore[untyped-decorator]
    def ln_session_matcher(context: CompletionContext) -> SimpleMatcherResult:
        line = _LINE.match(context.text_until_cursor)
        if line is None:
            return {"completions": []}
        words = candidates(("cell " if line[1] else "") + line[2], namespace)
        found = [SimpleCompletion(word, type="param") for word in words if word.startswith(context.token)]
        return {"completions": found, "suppress": True}

    return ln_session_matcher  # type: ignore[no-any-return]


def candidates(text: str, namespace: Mapping[str, Any]) -> list[str]:
    """Say which words could stand at the end of *text*.

    Args:
        text: What stands between ``%ln_session`` and the cursor.
        namespace: The user's variables.

    Example:
        >>> candidates("", {})
        ['cell', 'close', 'commit', 'open', 'rollback', 'status']
        >>> candidates("open --profile --", {})
        ['--as', '--db', '--readonly']
        >>> candidates("cell --db l", {"lab": "sqlite:////data/lab.db"})
        ['lab']
    """
    *before, _ = text.split(" ")
    before = [word for word in before if word]
    if not before:
        return sorted(arguments.VERBS)
    verb, *given = before
    if given and given[-1] == "--db":
        return sorted(arguments.targets_in(namespace))
    if given and given[-1] in arguments.WITH_VALUE:
        return []
    return sorted(arguments.VERBS.get(verb, frozenset()) - set(given))
