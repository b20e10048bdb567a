"""Ids that any process can make by itself: base62, from the system's randomness.

No sequence and no server is asked, so an id exists before its row does, and two
machines that never met do not make the same one.
"""

from __future__ import annotations

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
