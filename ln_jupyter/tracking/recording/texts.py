"""A text as it is stored: once for each content, and without known forms of passwords."""

from __future__ import annotations

import hashlib
import zlib
from typing import NamedTuple

LONGEST = 1_000_000
"""Bytes of a text; of a longer one only the hash is kept."""

_ID_DIGITS = 15  # 60 bits, which every database has an integer for


class Text(NamedTuple):
    """What is stored of a text.

    Attributes:
        hash: SHA-256 of it, hexadecimal.
        content: Compressed by zlib; None where only its hash is to be kept.
    """

    hash: str
    content: bytes | None

    @property
    def id(self) -> int | None:
        """Its key; None where only its hash is kept."""
        return None if self.content is None else id_of(self.hash)


def of_bytes(raw: bytes, *, is_kept: bool = True) -> Text:
    """Make the text of what has no passwords any more.

    Example:
        >>> of_bytes(b"x = 1").id
        648311010806223144
    """
    content = zlib.compress(raw, 9) if is_kept and len(raw) <= LONGEST else None
    return Text(hashlib.sha256(raw).hexdigest(), content)


def id_of(sha256: str) -> int:
    """Return the key of the text with this hash; whoever reads it compares the whole hash."""
    return int(sha256[:_ID_DIGITS], 16)
