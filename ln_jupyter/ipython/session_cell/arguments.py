"""The words after ``%ln_session`` and ``%%ln_session``: a verb and its options, read and checked."""

from __future__ import annotations

import functools
import keyword
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter import errors, redaction

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "ln_session"

WITH_VALUE = {"--as": "NAME", "--db": "URL_OR_VARIABLE"}
_OF_OPEN = {*WITH_VALUE, "--readonly", "--profile"}
VERBS: Mapping[str, frozenset[str]] = {
    "cell": frozenset(_OF_OPEN | {"--write", "--rollback"}),
    "open": frozenset(_OF_OPEN),
    "close": frozenset(),
    "commit": frozenset(),
    "rollback": frozenset(),
    "status": frozenset(),
}
"""Which options each verb takes. What is open across cells neither locks nor undoes: its cells are many."""


_WITHOUT_TARGETS = (
    'give a URL, as in --db sqlite:////data/lab.db, or make the variable before: lab = "sqlite:////data/lab.db"'
)


class Options(NamedTuple):
    """What a session was asked for; each is an argument of `ln.Session`.

    Attributes:
        name: The variable that holds the `Session`; None for no variable.
        db: A URL, or the variable that holds a URL or an engine; None for the usual database.
        flags: Which of ``write``, ``readonly``, ``rollback`` and ``profile`` were given.
    """

    name: str | None = None
    db: str | None = None
    flags: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=64)
def read(line: str) -> tuple[str, Options]:
    """Read what follows ``%ln_session``.

    Raises:
        MagicError: If it cannot be understood; it names the near miss.

    Example:
        >>> read("cell --as ss --write")
        ('cell', Options(name='ss', db=None, flags=frozenset({'write'})))
    """
    verb, *words = _split(line) or [""]
    if verb not in VERBS:
        msg = f"%{NAME} has no verb {redaction.quoted(verb)}" if verb else f"%{NAME} needs a verb"
        raise errors.MagicError(msg, fix=errors.near_miss(verb, VERBS))
    return verb, _options(verb, words)


def find_target(text: str, namespace: Mapping[str, Any]) -> Any:
    """Find what ``--db`` names: a URL as it is, or the value of a variable.

    Raises:
        MagicError: If it is neither.

    Example:
        >>> find_target("lab", {"lab": "sqlite:////data/lab.db"})
        'sqlite:////data/lab.db'
    """
    if "://" in text:
        return text
    value = namespace.get(text)
    if not _is_target(value):
        targets = targets_in(namespace)
        msg = f"%%{NAME} --db {redaction.quoted(text)} is neither a URL nor a variable that holds one, or an engine"
        fix = errors.near_miss(text, targets) if targets else _WITHOUT_TARGETS
        raise errors.MagicError(msg, fix=fix)
    return value


def targets_in(namespace: Mapping[str, Any]) -> list[str]:
    """Name the variables that hold a URL or an engine, but for private ones: IPython keeps the text of cells in some."""
    return [name for name, value in namespace.items() if not name.startswith("_") and _is_target(value)]


def _is_target(value: object) -> bool:
    import sqlalchemy as sa  # here for cost

    return isinstance(value, (sa.Engine, sa.URL)) or (isinstance(value, str) and "://" in value)


def _options(verb: str, words: list[str]) -> Options:
    known = VERBS[verb]
    values: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        option, given, value = word.partition("=")
        if option not in known:
            raise _unknown(verb, option)
        if option in WITH_VALUE and not given:
            value = next(rest, "")
        if (option in WITH_VALUE) != bool(value) or value in known:
            needs = f"{option} needs {WITH_VALUE[option]}" if option in WITH_VALUE else f"{option} takes no value"
            raise errors.MagicError(f"{_spelled(verb)} {needs}", fix=f"write {_usage(verb)}")
        values[option] = value
    name = values.get("--as")
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        msg = f"{_spelled(verb)} --as {redaction.quoted(name)} is not a variable's name"
        raise errors.MagicError(msg, fix="write --as ss")
    flags = frozenset(option.removeprefix("--") for option in values if option not in WITH_VALUE)
    return Options(name=name, db=values.get("--db"), flags=flags)


def _unknown(verb: str, option: str) -> errors.MagicError:
    known = VERBS[verb]
    if not known:
        return errors.MagicError(
            f"{_spelled(verb)} takes nothing, and was given {redaction.quoted(option)}", fix=f"write {_usage(verb)}"
        )
    if option in VERBS:  # %%ln_session open
        return errors.MagicError(f"{_spelled(verb)} takes no verb", fix=f"write it with one %: %{NAME} {option}")
    if option in VERBS["cell"]:
        msg = f"{_spelled(verb)} has no option {redaction.quoted(option)}: it is for one cell"
        return errors.MagicError(msg, fix=f"write %%{NAME} {option} in the cell that needs it")
    return errors.MagicError(
        f"{_spelled(verb)} has no option {redaction.quoted(option)}", fix=errors.near_miss(option, known)
    )


def _spelled(verb: str) -> str:
    return f"%%{NAME}" if verb == "cell" else f"%{NAME} {verb}"


def _usage(verb: str) -> str:
    known = VERBS[verb]
    valued = [f"[{option} {value}]" for option, value in WITH_VALUE.items() if option in known]
    return " ".join([_spelled(verb), *valued, *(f"[{option}]" for option in sorted(known - {*WITH_VALUE}))])


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise errors.MagicError(f"%{NAME} cannot be read: {error}", fix="close the quotation mark") from None
