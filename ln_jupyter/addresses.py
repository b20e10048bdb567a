"""URLs without what lets somebody in."""

from __future__ import annotations

import re

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?.*")
_HOST = re.compile(r"(?:\[[\da-fA-F:.]+\]|[^:@]*)(?::\d*)?", re.ASCII)
# They tell nothing, and are needed to get the same again: the user of every Git host, and names of variables.
_HARMLESS = re.compile(r"git|\$\{[\w-]+\}(?::\$\{[\w-]+\})?", re.ASCII)


def without_credentials(url: str) -> str:
    """Leave out of a URL its user, password and fragment, and what its query says: each of them may be a key.

    Returns:
        The rest; empty where the text is no URL that names a host, or ``file://``.

    Example:
        >>> without_credentials("https://ann:s3cret@host/my_lab.whl?token=s3cret&raw=1#sha256=12")
        'https://host/my_lab.whl?token=***&raw=***'
        >>> without_credentials("ssh://git@host/my_lab.git")
        'ssh://git@host/my_lab.git'
    """
    match = _URL.fullmatch(url)
    if match is None or not url.isprintable():
        return ""
    user, _, host = match["host"].rpartition("@")
    if not _HOST.fullmatch(host):
        return ""
    if _HARMLESS.fullmatch(user):
        host = match["host"]
    query = "&".join(_without_value(each) for each in (match["query"] or "").split("&") if each)
    return f"{match['scheme']}://{host}{match['path']}{query and f'?{query}'}"


def of_data(address: str) -> str:
    """Do the same with the address of data, which may be one in another, as fsspec writes them.

    Returns:
        The rest; of what names no host no more than how it is reached.

    Example:
        >>> of_data("simplecache::s3://ann:s3cret@lab/a.csv?versionId=7")
        'simplecache::s3://lab/a.csv?versionId=***'
        >>> of_data("https://lab:s3cret:2/a.csv")
        'https://'
    """
    parts = address.split("::")
    return "::".join(without_credentials(each) or "".join(each.partition("://")[:2]) for each in parts)


def _without_value(field: str) -> str:
    name, is_given, _ = field.partition("=")
    return f"{name}=***" if is_given else "***"
