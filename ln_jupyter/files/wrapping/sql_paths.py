"""The files that a text of DuckDB's SQL names: what it scans, copies, exports and attaches.

The text is not parsed, only parted into words, and looked at in places where DuckDB takes a file. A name that is put
together while the query runs is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter.files.access import READ, UPDATE, WRITE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST = 200_000
"""Characters of a text that are looked at: longer ones carry data."""

_TOKEN = re.compile(
    r"""
    (?P<blank> \s+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
    | [eE]'(?P<escaped> (?:[^'\\]|''|\\.)* )'
    | '(?P<string> (?:[^']|'')* )'
    | (?P<dollar> \$\w*\$ ) (?P<quoted> .*? ) (?P=dollar)
    | "(?P<name> (?:[^"]|"")* )"
    | (?P<parameter> \?\d* | \$\w+ )
    | (?P<word> [^\W\d]\w* )
    | (?P<sign> [^\w\s]|\d+ )
    """,
    re.VERBOSE | re.DOTALL,
)

_WORDS = re.compile(r"\b(?:from|join|copy|export|import|attach|describe|summarize|u?n?pivot|table)\b", re.IGNORECASE)
"""One of these is in each text that names a file, and one of those, too. Most texts that are run in a loop have none."""
_STRINGS = re.compile(r"['\"]|\$\w*\$|(?:read_|scan|sniff|parquet_)\w*\s*\(\s*\[?\s*[?$]", re.IGNORECASE)
_READERS = re.compile(
    r"(?:read_|sniff_csv$|parquet_|st_read|sqlite_scan|sqlite_attach|delta_scan|iceberg_|lance_scan)|.*_scan$"
)
"""Functions whose first argument is a file, or a list of files."""

_SCANNED_AFTER = frozenset({"from", "join", "describe", "summarize", "pivot", "unpivot", "table"})
_NO_SCAN_IN = frozenset({"extract", "trim", "substring", "overlay", "position"})
"""Functions that have a word ``FROM`` of their own."""
_ENDS_A_LIST = frozenset(
    {"where", "group", "order", "limit", "select", "union", "having", "window", "on", "using", "to", "set"}
)
_LOOKS_LIKE_A_FILE = re.compile(r"[/\\*]|\.\w{2,8}(?:\.\w{2,4})?$")
_OTHER_DATABASES = re.compile(r":memory:|$|[a-z_]{2,}:(?!//)|.*=", re.IGNORECASE)


class _Token(NamedTuple):
    kind: str
    text: str


_NOTHING = _Token("sign", ";")
_OPENS = _Token("sign", "(")


def files_in(text: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> Iterator[tuple[str, int]]:
    """Yield each file and how it is opened; *parameters* are what stands for ``?``, ``$1`` and ``$name``.

    Example:
        >>> list(files_in("COPY (SELECT * FROM 'a.csv') TO 'b.parquet'"))
        [('a.csv', 0), ('b.parquet', 1)]
    """
    if len(text) > LONGEST or not _STRINGS.search(text) or not _WORDS.search(text):
        return
    tokens = list(_tokens(text, parameters))
    for index, is_listed, words in _places(tokens):
        token, before = tokens[index], tokens[index - 1] if index else _NOTHING
        if token == _OPENS and before.kind == "word" and _READERS.match(before.text):
            yield from ((each, READ) for each in _first_argument(tokens, index + 1))
        elif token.kind == "string" and (found := _in_statement(token.text, before, words)) is not None:
            yield from found
        elif token.kind in ("string", "name") and is_listed and _LOOKS_LIKE_A_FILE.search(token.text):
            yield token.text, READ


def _in_statement(text: str, before: _Token, words: set[str]) -> list[tuple[str, int]] | None:
    """Return the file if a string is in a statement that takes one there, as in ``COPY ... TO``."""
    if "attach" in words and before.text in ("attach", "database", "exists"):
        path = text.removeprefix("sqlite:")
        return [] if _OTHER_DATABASES.match(path) else [(path, UPDATE)]
    if before == ("word", "database") and words & {"export", "import"}:
        return [(text, WRITE if "export" in words else READ)]
    if before == ("word", "to") and words & {"copy", "export"}:
        return [(text, WRITE)]
    return None


def _places(tokens: Sequence[_Token]) -> Iterator[tuple[int, bool, set[str]]]:
    """Yield the index of each token, whether a table may stand there, and the words of its statement so far."""
    opened_by = [""]  # the words before the parentheses that are open
    listing = [False]  # whether a list of tables goes on in each of them
    words = set[str]()
    before = _NOTHING
    for index, token in enumerate(tokens):
        yield index, listing[-1] and before.text in (*_SCANNED_AFTER, ","), words
        if token == _OPENS:
            opened_by.append(before.text)
            listing.append(False)
        elif token == ("sign", ")") and len(opened_by) > 1:
            opened_by.pop()
            listing.pop()
        elif token == ("sign", ";"):
            opened_by, listing, words = [""], [False], set()
        elif token.kind == "word":
            words.add(token.text)
            if token.text in _SCANNED_AFTER:
                listing[-1] = opened_by[-1] not in _NO_SCAN_IN and before.text != "distinct"
            elif token.text in _ENDS_A_LIST:
                listing[-1] = False
        before = token


def _tokens(text: str, parameters: Sequence[object] | Mapping[str, object]) -> Iterator[_Token]:
    positional = 0
    for each in _TOKEN.finditer(text):
        if each["string"] is not None:
            yield _Token("string", each["string"].replace("''", "'"))
        elif each["escaped"] is not None:
            yield _Token("string", re.sub(r"''|\\(.)", lambda found: found[1] or "'", each["escaped"]))
        elif each["dollar"] is not None:
            yield _Token("string", each["quoted"])
        elif each["name"] is not None:
            yield _Token("name", each["name"].replace('""', '"'))
        elif each["word"]:
            yield _Token("word", each["word"].lower())
        elif each["sign"]:
            yield _Token("sign", each["sign"])
        elif each["parameter"]:
            key = each["parameter"][1:]
            positional = int(key) if key.isdigit() else positional + 1
            if isinstance(parameters, Mapping):
                yield from _of_value(parameters.get(key))
            else:
                yield from _of_value(parameters[positional - 1] if 0 < positional <= len(parameters) else None)


def _of_value(value: object) -> Iterator[_Token]:
    """Yield what a parameter would read like in the text."""
    if isinstance(value, str):
        yield _Token("string", value)
    elif isinstance(value, (list, tuple)):
        yield _Token("sign", "[")
        yield from (_Token("string", each) for each in value if isinstance(each, str))
        yield _Token("sign", "]")
    else:
        yield _Token("sign", "?")


def _first_argument(tokens: Sequence[_Token], start: int) -> Iterator[str]:
    """Yield the string at *start*, or those of the list there."""
    is_list = tokens[start : start + 1] == [("sign", "[")]
    for kind, text in tokens[start + is_list :]:
        if kind == "string":
            yield text
        if kind != "string" and not (is_list and (kind, text) == ("sign", ",")):
            return
        if not is_list:
            return
