"""What is neither shown nor stored: values by the name of their column, and known forms of secrets in texts."""

from __future__ import annotations

import bisect
import re
import string
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HIDDEN = "••• redacted"
"""What is shown instead."""

NAMES = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "credential",
    "token",
    "access token",
    "api token",
    "auth token",
    "refresh token",
    "access key",
    "account key",
    "api key",
    "encryption key",
    "private key",
    "secret key",
    "session key",
    "signing key",
    "ssh key",
    "connection string",
    "cvv",
    "otp",
)
"""What the name of a column ends in where its values are secrets."""

_COUNTED = ("token",)  # tokens are counted by whoever works with language models
_FORMS = frozenset({"hash", "hashed", "digest", "salt", "encrypted", "cipher", "plain", "raw", "value", "pem"})
_AGES = frozenset({"old", "new", "current", "previous", "confirm", "confirmation"})
_QUESTIONS = frozenset({"is", "has", "needs", "requires"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_NOTHING: Mapping[Any, Any] = MappingProxyType({})

# What stands for a password that is filled in elsewhere, as in an f-string.
_BLANK = r"(?:\$?\{[^{}@]*\}|%s|%\(\w+\)s|<[\w -]+>|\*+)@"
# Of a web address, a slash ends the part where a password may be: `http://localhost:8888/@me` has none.
# Bounded, so that no text takes long.
_URL_PASSWORD = re.compile(
    rf"""((?<!http)(?<!https)://[^\s:/@'"]{{0,99}}:)(?!{_BLANK})[^\s'"]{{1,300}}(?=@)"""
    rf"""|(://[^\s:/@'"]{{0,99}}:)(?!{_BLANK})[^\s/'"]{{1,300}}(?=@)"""
    rf"""|([?&;]\w{{0,30}}(?:pass(?!file)|pwd|secret|token)\w{{0,30}}=)(?!{_BLANK[:-1]})[^\s&;'"]{{1,300}}""",
    re.IGNORECASE,
)

_STARS = "***"
_WORDS = tuple(sorted({name.split()[-1] for name in NAMES} | {"authorization"}))
_NAME_CHARACTERS = f"{string.ascii_letters}{string.digits}_-"
_NO_ASCII = re.compile(r"[^\x00-\x7f]")
_BREAK = re.compile(r"\\?\r?\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SCHEME = r"(?:(?:bearer|basic|digest|token|bot|apikey)[ \t]+)"

# A name's last word has been found; these are the rest of it, and what may stand between it and its value.
# Each repetition is bounded, or takes what no other one can, so that no text takes long.
_REST = re.compile(r"[\w-]{0,40}")
_STRING_NEXT = r"""(?:[\s(]++|\\\r?\n|\#[^\n]{0,200}\n){0,20}+(?=[rbuft]{0,2}["'])"""
_ASSIGNED = re.compile(
    rf"""(?:
        [ \t]*+ (?::[ \t]*+[\w.| ]{{1,60}}(?:\[[^=\n'"]{{0,60}}\][\w.| \]]{{0,30}})?)? (?:(?P<compared>[!=]=)|:?=|<-)  # a: str = "b"
      | ["'][ \t]*+ (?: : | \][ \t]*+[!=]?= | [\])][ \t]*+or\b )                     # {{"a": "b"}}, x["a"] = "b"
      | (?P<default>["'][ \t]*+,)                                                    # get("a", "b")
    ){_STRING_NEXT}""",
    re.VERBOSE | re.IGNORECASE,
)
_CALL = re.compile(r"""\b(?:get|getenv|pop|setdefault|setenv|putenv|setattr|setitem)\((?:[\w.]{1,60},\s{0,9})?["']\Z""")
_LONG = re.compile(r"""[rbuft]{0,2}["'][^"'\n]{8}""", re.IGNORECASE)  # no service's token is shorter
_RETURNED = re.compile(r"""->[ \t]*["'][\w.]{0,60}\Z""")
_BASIC = re.compile(
    rf"""(?:\bauth[ \t]{{0,9}}=[ \t]{{0,9}}\(|BasicAuth\()\s{{0,99}}
    (?:"[^"\n]{{0,99}}"|'[^'\n]{{0,99}}'|[\w.]{{1,99}})\s{{0,99}},{_STRING_NEXT}""",
    re.VERBOSE | re.IGNORECASE,
)

# Before a plus or a comma, a quote is the end of a string that speaks of the name: "password=" + password.
_OPENING = re.compile(
    r"""(?P<prefix>[rbuft]{0,2})(?P<quote>"{3}|'{3}|["'])(?!\s{1,9}[+%]\s|,\s|["']\s{0,9}[+%,.)\]}])""", re.IGNORECASE
)
_UNFINISHED = re.compile(r"[^\"'\n]++(?=\n|\Z)")
_BODIES = {
    **{q: re.compile(rf"(?:[^\\{q}\n]|\\.)*+(?={q})", re.DOTALL) for q in "\"'"},
    **{3 * q: re.compile(rf"(?:[^\\{q}]|\\.|{q}(?!{q}{q}))*+(?={q}{q}{q})", re.DOTALL) for q in "\"'"},
    # The braces of an f-string may hold any quotes.
    **{f"f{q}": re.compile(rf"(?:\{{[^{{}}\n]{{0,300}}\}}|[^\\{q}\n]|\\.)*+(?={q})", re.DOTALL) for q in "\"'"},
}
# On the next line goes on what is no documentation of an attribute.
_CONCATENATED = re.compile(
    r"""(?:(?:[ \t]*+(?:\\|\#[^\n]{0,200})?\r?\n){1,20}+[ \t]*+(?![rbu]?(?:"{3}|'{3}))|[ \t]*+)(?=[rbuft]{0,2}["'])""",
    re.IGNORECASE,
)
_KEPT = re.compile(
    rf"{_SCHEME}?(?:[\W_]{{0,3}}|\s*|(?:\$?\{{[^{{}}@'\"]*\}}[^\w{{}}$]{{0,2}}+)++|\$[A-Z_]+|%s|%\(\w+\)s|<[\w -]+>|\*+)\Z",
    re.IGNORECASE,
)
_SCHEME_FIRST = re.compile(_SCHEME, re.IGNORECASE)

# Without quotes: in a shell, or as a part of a string.
_BARE = re.compile(
    rf"""(?P<by>=(?!=)|:[ \t]+(?P<scheme>{_SCHEME})?+|[ \t]+(?!-))(?![${{%<*])(?=[^\s'"`;&|<>(),\\])""", re.IGNORECASE
)
_BARE_VALUE = re.compile(r"""(?:[^\s'"`;&|<>(),\\]|[,|](?!\s))++""")
_SHELL_CELL = re.compile(r"\s*%%(?:(?:bash|sh|zsh|script|system|sx|cmd)\b|!|(?:write)?file\b(?![^\n]*\.py\b))")
_SHELL_LINE = re.compile(
    r"^[ \t]*+(?:[\w.,][\w., ]{0,60}=[ \t]*+)?(?:!|%(?:set_env|env|system|sx|sc)\b)[^\n]*+(?:(?<=\\)\n[^\n]*+)*+",
    re.MULTILINE,
)
_WITHIN_STRING = re.compile(r"""(?:["';?&]|\bexport[ \t]|=[^\s,'"()]{1,99}[ \t])\Z""")

_TOKEN = re.compile(
    r"""(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))(?:
        gh[pousr]_[A-Za-z0-9]{36,} | github_pat_\w{22,}
      | glpat-[\w-]{20,}
      | sk-(?:(?:ant|proj|svcacct|admin|or)-[\w-]{16,} | [A-Za-z0-9]{20,})
      | (?:AKIA|ASIA)(?=[A-Z]{0,15}[0-9])[A-Z0-9]{16}(?![A-Za-z0-9])
      | xox[abeoprs]-[\w-]{10,}
      | hf_[A-Za-z0-9]{30,}
      | pypi-AgE[\w-]{16,}
      | npm_[A-Za-z0-9]{36,}
      | AIza[\w-]{35,}
      | [rs]k_(?:live|test)_[A-Za-z0-9]{10,}
      | (?<![\w-])eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]+
    )""",
    re.VERBOSE | re.ASCII,
)
_TOKEN_WORDS = ("glpat-", "sk-", "AKIA", "ASIA", "xox", "hf_", "pypi-", "npm_", "AIza", "k_live", "k_test", "eyJ")
_GITHUB = re.compile(r"gh[pousr]_|github_pat_")
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,9}-----)(?=[^-]{0,400}?[A-Za-z0-9+/]{16})((?:[^-]|-(?!----))*+)(?=-----END [A-Z0-9 ]{0,40}PRIVATE KEY)"
)
_KEY_LINE = re.compile(r"(\\[nrt])|[A-Za-z0-9+/=]{2,}")


def is_secret(name: str, *, info: Mapping[Any, Any] = _NOTHING, names: tuple[str, ...] = NAMES) -> bool:
    """Tell whether the values of a column are secrets.

    A name is compared word by word, from its end: ``token`` hides ``api_token``, ``apiToken``
    and ``token_hash``, and shows ``token_count``.

    Args:
        name: The column's.
        info: What the model says of the column; ``{"sensitive": True}`` or False decides.
        names: What a secret's name ends in.

    Example:
        >>> [name for name in ("password_hash", "userPassword", "passport", "secretary") if is_secret(name)]
        ['password_hash', 'userPassword']
        >>> is_secret("token", info={"sensitive": False})
        False
    """
    told = info.get("sensitive")
    return _is_named_secret(name, names) if told is None else bool(told)


def without_passwords(text: str) -> str:
    """Put ``***`` in the place of each password that a URL in the text carries.

    Example:
        >>> without_passwords("ln.connect('postgresql://ann:s3cret@host/lab')")
        "ln.connect('postgresql://ann:***@host/lab')"
        >>> without_passwords("f'postgresql://{user}:{password}@host/lab'")
        "f'postgresql://{user}:{password}@host/lab'"
    """
    if "://" not in text:  # most text, at C speed
        return text
    return _URL_PASSWORD.sub(lambda match: f"{match[1] or match[2] or match[3]}***", text)


def without_secrets(source: str) -> str:
    """Put ``***`` in the place of each known form of a secret in the source of a cell, a module or a script.

    These are passwords of URLs; strings that are given to names of secrets, compared with them, or are
    their default; headers of authorization; options and variables of a shell; and the tokens of well-known
    services and private keys, wherever they stand. What has another form stays. What a name is compared
    with goes too: it is the secret, or a guess at it. Lines stay where they are, and twice is as once.

    Only patterns are used, since a cell may be unfinished or of any language, and threads must not parse.

    Example:
        >>> without_secrets("connect(user='ann', password='s3cret')  # not ghp_" + 36 * "x")
        "connect(user='ann', password='***')  # not ***"
        >>> without_secrets("password = getpass()")
        'password = getpass()'
    """
    while (text := _once(source)) != source:  # each change takes characters away that are no stars
        source = text
    return source


def quoted(word: str) -> str:
    """Write a word that cannot be used, as an error names it; what may be a URL, however broken, is not repeated.

    Example:
        >>> quoted("maybe"), quoted("ann:s3cret@host/lab")
        ("'maybe'", 'a URL')
    """
    return "a URL" if "://" in word or "@" in word else repr(word)


@lru_cache(maxsize=4096)
def _is_named_secret(name: str, names: tuple[str, ...]) -> bool:
    words = _words(name)
    while len(words) > 1 and words[-1] in _FORMS | _AGES:
        words = words[:-1]
    if not words or words[0] in _QUESTIONS:
        return False
    return any(_ends_in(words, _words(each)) for each in names)


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name))


def _ends_in(words: tuple[str, ...], name: tuple[str, ...]) -> bool:
    tail = words[-len(name) :]
    singular = (*tail[:-1], tail[-1].removesuffix("s"))
    if name and (tail == name or (singular == name != _COUNTED)):
        return True
    # Words that were written as one: apikey, dbpassword.
    return words[-1].endswith("".join(name)) and len("".join(name)) >= len("token")


def _once(text: str) -> str:
    text = without_passwords(text)
    if "uth" in text and _BASIC.search(text):
        text = _replaced(text, (each for match in _BASIC.finditer(text) for each in _strings(text, match.end())))
    text = _replaced(text, _named(text))
    if any(each in text for each in _TOKEN_WORDS) or _GITHUB.search(text):
        text = _TOKEN.sub(_STARS, text)
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(lambda key: key[1] + _KEY_LINE.sub(lambda line: line[1] or _STARS, key[2]), text)
    return text


def _replaced(text: str, values: Iterable[tuple[int, int, str]]) -> str:
    """Put each new value where an old one begins and ends."""
    pieces: list[str] = []
    done = 0
    for start, end, value in values:
        if start >= done:
            pieces += text[done:start], value
            done = end
    return "".join((*pieces, text[done:])) if pieces else text


def _named(text: str) -> Iterator[tuple[int, int, str]]:
    """Find the values that are given to names of secrets, in order."""
    shell: list[tuple[int, int]] | None = None
    done = 0
    for start, end in _names(text):
        if start < done or not (match := _ASSIGNED.match(text, end) or _BARE.match(text, end)):
            continue
        name = text[start:end]
        if not (is_secret(name) or name.lower().endswith("authorization")):
            continue
        if match.re is _ASSIGNED:
            values = list(_strings(text, match.end())) if _is_given(text, start, match) else []
        else:
            shell = _shell_parts(text) if shell is None else shell
            bare = _is_bare(text, start, match, shell) and _BARE_VALUE.match(text, match.end())
            values = [(*bare.span(), _STARS)] if bare else []
        for value in values:
            done = value[1]
            yield value


def _names(text: str) -> list[tuple[int, int]]:
    """Find where names that have a word for a secret begin and end."""
    small = (text if text.isascii() else _NO_ASCII.sub("_", text)).lower()  # as long as the text
    names = {}
    for word in _WORDS:
        at = small.find(word)
        while at >= 0:
            before = text[max(0, at - 60) : at]
            rest = _REST.match(text, at + len(word))
            if rest:
                names[rest.end()] = at - len(before) + len(before.rstrip(_NAME_CHARACTERS))
            at = small.find(word, at + len(word))
    return sorted((start, end) for end, start in names.items())


def _is_given(text: str, start: int, match: re.Match[str]) -> bool:
    """Tell whether a name is given the string after it: a parser's token is compared, and a type has a docstring."""
    before = max(0, start - 150), start
    if match["default"]:
        return bool(_CALL.search(text, *before))
    if match["compared"] and text[start : match.start()].lower() == "token":
        return bool(_LONG.match(text, match.end()))
    return not _RETURNED.search(text, *before)


def _strings(text: str, at: int) -> Iterator[tuple[int, int, str]]:
    """Find the string that begins there, and those that are one with it, and what they become."""
    while opening := _OPENING.match(text, at):
        quote = opening["quote"]
        braces = "f" if len(quote) == 1 and not {"f", "t"}.isdisjoint(opening["prefix"].lower()) else ""
        body = _BODIES[braces + quote].match(text, opening.end()) or _UNFINISHED.match(text, opening.end())
        if not body:
            return
        if not _KEPT.match(body[0]):
            scheme = _SCHEME_FIRST.match(body[0])
            yield *body.span(), f"{scheme[0] if scheme else ''}{_STARS}{''.join(_BREAK.findall(body[0]))}"
        following = _CONCATENATED.match(text, body.end() + len(quote))
        if body.re is _UNFINISHED or not following:
            return
        at = following.end()


def _is_bare(text: str, start: int, match: re.Match[str], shell: list[tuple[int, int]]) -> bool:
    """Tell whether a value without quotes is one, and no name of Python's."""
    part = bisect.bisect(shell, (start, len(text))) - 1
    is_shell = part >= 0 and start < shell[part][1]
    before = max(0, start - 150), start
    if match["by"] == "=":
        return is_shell or text.startswith("--", start) or bool(_WITHIN_STRING.search(text, *before))
    if match["by"][0] == ":":
        is_header = match["scheme"] and text[start : match.start()].lower().endswith("authorization")
        return is_shell or bool(is_header and text[match.end()].isalnum())
    return is_shell and (text[start] == "-" or text.endswith("env ", *before))


def _shell_parts(text: str) -> list[tuple[int, int]]:
    """Find where the text is of a shell: all of its cell, or its lines in another one."""
    return [(0, len(text))] if _SHELL_CELL.match(text) else [line.span() for line in _SHELL_LINE.finditer(text)]
