"""Ids that any process can make by itself: base62, from the system's randomness.

No sequence and no server is asked, so an id exists before its row does, and two
machines that never met do not make the same one.
"""

from __future__ import annotations

import hashlib
import secrets
import string

ALPHABET = string.digits + string.ascii_letters

# Lengths of the original project's ids: an id of a notebook is the id nbproject writes.
USER = 8
PIPELINE = 8
NOTEBOOK = 12
RUN = 20
FILE = 20


def new(length: int) -> str:
    """Make an id of *length* characters, 5.95 bits each.

    Example:
        >>> len(new(NOTEBOOK))
        12
    """
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def of_content(sha256: str, size: int | None) -> str:
    """Return the id of the file with this content: the same for whoever meets it, so that no two rows are made.

    Example:
        >>> of_content("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0)
        'z9XsFdQrCPUwqO3Og31s'
    """
    number = int.from_bytes(hashlib.sha256(f"{sha256} {size}".encode()).digest())
    digits = []
    for _ in range(FILE):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(digits)
