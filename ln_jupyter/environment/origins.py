"""Where installed distributions came from that came from no index: a folder, an archive, a repository (PEP 610)."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from ln_jupyter import addresses, reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ln_jupyter.environment.distributions import Distribution

_MOST_BYTES = 65_536  # of one file
_MOST = 500  # distributions that are named
_LONGEST_URL = 2_000
_LONGEST = 200  # of any other text
_MOST_HASHES = 8


def origins(distributions: Iterable[Distribution]) -> dict[str, dict[str, Any]]:
    """Read where distributions came from; those that came from an index, or say nothing, are left out.

    What is damaged is passed over. A folder where conda built a package is no origin, and is gone.

    Args:
        distributions: Of two of a name, the first counts, as for an import.

    Returns:
        By name: ``url``, without what lets somebody in, and what else is known of ``vcs``, ``commit_id`` and
        ``requested_revision`` of a repository, ``editable`` of a folder, ``hashes`` of an archive, and ``subdirectory``.

    Example:
        >>> from ln_jupyter.environment.distributions import Distribution
        >>> origins([Distribution("my-lab", "1.0", "/site-packages", "/site-packages/my_lab-1.0.dist-info")])
        {}
    """
    found: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    for each in distributions:
        if each.name not in seen and len(found) < _MOST:
            seen.add(each.name)
            origin = _origin(direct_url(each))
            if origin and not (_is_built_folder(origin) and _installer(each) == "conda"):
                found[each.name] = origin
    return found


def direct_url(distribution: Distribution) -> Mapping[str, Any]:
    """Read what the installer wrote of a distribution's origin; empty where it wrote nothing that can be read."""
    try:
        stated = json.loads(_read(distribution, "direct_url.json") or b"null")
    except (ValueError, RecursionError):
        return {}
    return stated if isinstance(stated, dict) else {}


def _origin(stated: Mapping[str, Any]) -> dict[str, Any]:
    url = addresses.without_credentials(_text(stated.get("url"), _LONGEST_URL))
    if not url:
        return {}
    found: dict[str, Any] = {"url": url}
    of_repository, of_archive, of_folder = (_part(stated, name) for name in ("vcs_info", "archive_info", "dir_info"))
    for name in ("vcs", "commit_id", "requested_revision"):
        if text := _text(of_repository.get(name)):
            found[name] = text
    if "dir_info" in stated:
        found["editable"] = of_folder.get("editable") is True
    if hashes := _hashes(of_archive):
        found["hashes"] = hashes
    if text := _text(stated.get("subdirectory")):
        found["subdirectory"] = text
    return found


def _hashes(archive: Mapping[str, Any]) -> dict[str, str]:
    stated = _part(archive, "hashes")
    if not stated:  # as it was written before there could be several
        name, _, value = _text(archive.get("hash")).partition("=")
        stated = {name: value}
    texts = [(_text(name), _text(value)) for name, value in stated.items()]
    return dict([(name, value) for name, value in texts if name and value][:_MOST_HASHES])


def _part(stated: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = stated.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object, longest: int = _LONGEST) -> str:
    """Return a text as it is stated; empty where it is none, and where it is one that no database may take."""
    return value if isinstance(value, str) and len(value) <= longest and value.isprintable() else ""


def _is_built_folder(origin: Mapping[str, Any]) -> bool:
    return origin["url"].startswith("file:") and "vcs" not in origin and not origin.get("editable")


def _installer(distribution: Distribution) -> str:
    return _read(distribution, "INSTALLER").decode(errors="replace").strip()


def _read(distribution: Distribution, name: str) -> bytes:
    # a Path of each of hundreds of files would cost more than to ask for them
    file = os.path.join(distribution.metadata, name)  # noqa: PTH118
    try:
        return reading.whole(file) if os.stat(file).st_size <= _MOST_BYTES else b""  # noqa: PTH116
    except OSError:
        return b""
