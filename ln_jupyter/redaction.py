"""What is neither shown nor stored: values by the name of their column, and passwords inside of URLs."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

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
