"""Addresses without what only their owner may know."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_SECRET = re.compile(r"sig|token|key|cred|auth|secret|pass|pwd|expires|x-(?:amz|goog|ms)-", re.IGNORECASE)


def without_credentials(address: str) -> str:
    """Return a URL without user and password, without its fragment, and without a query that may hold a secret.

    Example:
        >>> without_credentials("https://ann:pw@example.org/a.csv?year=2026#top")
        'https://example.org/a.csv?year=2026'
        >>> without_credentials("https://example.org/a.csv?X-Amz-Signature=1f3a")
        'https://example.org/a.csv'
    """
    try:
        parts = urlsplit(address)
    except ValueError:  # which nobody could open
        return address.partition("://")[0] + "://"
    query = "" if _SECRET.search(parts.query) else parts.query
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))
