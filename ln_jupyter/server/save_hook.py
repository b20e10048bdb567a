"""The pre-save hook: the editor's own save carries the identity from a header's output to the metadata."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import ApiPath, to_os_path

from ln_jupyter import errors, reading, sanitize
from ln_jupyter.notebook import document, identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jupyter_server.services.contents.manager import ContentsManager

_KEY = "nbproject"


def register(contents_manager: ContentsManager) -> None:
    """Have `keep_identity` run before every save, and the hooks of others after it.

    The documented use of the configured hook is to clear the outputs, and the identity is in one.
    """
    configured = contents_manager.pre_save_hook
    if configured is None:
        contents_manager.register_pre_save_hook(keep_identity)  # type: ignore[no-untyped-call]
        return

    @functools.wraps(configured)
    def keep_identity_first(**save: Any) -> None:
        keep_identity(**save)
        configured(**save)

    with contents_manager.cross_validation_lock:  # which would warn that one hook replaces another
        contents_manager.pre_save_hook = keep_identity_first


def keep_identity(*, model: dict[str, Any], path: str, contents_manager: ContentsManager, **_: Any) -> None:
    """Write who the notebook is into its metadata, in what is about to be saved.

    What goes wrong costs a line in the log, never the save.

    Args:
        model: Of the contents API; its notebook is changed in place.
        path: Where it is saved, as the server names it.
        contents_manager: Saves it.
    """
    notebook = model.get("content")
    if model.get("type") != "notebook" or not isinstance(notebook, dict):
        return
    try:
        promote(notebook, saved=lambda: _saved(path, contents_manager))
    except Exception as error:  # noqa: BLE001 - whatever a stranger's notebook holds, it is saved
        why = sanitize.plain(f"{path} is saved with the metadata it came with: {error!r}")
        contents_manager.log.warning("ln_jupyter: %s", why)


def promote(notebook: dict[str, Any], *, saved: Callable[[], document.Document | None]) -> None:
    """Return a notebook the newest of the identities that it, or its file, states.

    Newer is the later ``time_run``; of two equally new ones the metadata that was sent wins, as
    for `identity.stated`. Statements about the same id complete each other, so that keys nobody
    here knows survive; those about another id are dropped whole.

    Args:
        notebook: As the editor sent it; changed in place.
        saved: Reads the file that will be replaced. Asked only where no output carries an
            identity: outputs were cleared, and what the editor has as metadata may be older
            than the file, because a save does not tell it what was added.

    Example:
        >>> notebook = {"metadata": {"nbproject": {"id": "Rx2s9cPTMQLY", "mine": 1}}, "cells": [{"outputs": [
        ...     {"data": {identity.MIME: {"nbproject": {"id": "Rx2s9cPTMQLY", "time_run": "2026-01-02"}}}}]}]}
        >>> promote(notebook, saved=lambda: None)
        >>> notebook["metadata"]
        {'nbproject': {'id': 'Rx2s9cPTMQLY', 'mine': 1, 'time_run': '2026-01-02'}}
    """
    metadata = notebook.setdefault("metadata", {})
    sent = metadata.get(_KEY)
    sent = sent if isinstance(sent, dict) else {}
    statements = [*_carried(notebook), sent]
    if len(statements) == 1:
        before = saved()
        if before is not None and _may_be_same(before, notebook):
            statements = [*before.carried, before.metadata, sent]
    found = _merge(statements)
    if found and found != sent:
        metadata[_KEY] = found


def _merge(statements: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Take the newest statement, completed by the others about the same id."""
    named = sorted((each for each in statements if _names(each)), key=document.ran_at)
    if not named:
        return {}
    nameless = [each for each in statements if not _names(each)]
    same = [each for each in named if each["id"] == named[-1]["id"]]
    return {key: value for each in (*nameless, *same) for key, value in each.items()}


def _names(statement: Mapping[str, Any]) -> bool:
    """Tell whether a statement has an id that can name a notebook."""
    try:
        identity.check(statement["id"])
    except (KeyError, errors.InvalidIdentityError):
        return False
    return statement["id"] is not None


def _may_be_same(before: document.Document, notebook: Mapping[str, Any]) -> bool:
    """Tell whether a file and what will replace it can be one notebook: another inherits nothing."""
    ids = {cell.get("id") for cell in notebook["cells"]} - {None}
    ids_before = {cell.id for cell in before.cells} - {None}
    return not (ids and ids_before) or not ids.isdisjoint(ids_before)


def _saved(path: str, contents_manager: ContentsManager) -> document.Document | None:
    """Read the notebook that is there now; None where there is none, none of ours, or no file at all."""
    if not isinstance(contents_manager, FileManagerMixin):
        return None
    file = Path(to_os_path(ApiPath(path), contents_manager.root_dir))
    try:
        if f'"{_KEY}"'.encode() not in reading.whole(file):  # most notebooks: not worth a parse
            return None
        return document.read(file)
    except (OSError, errors.NotebookUnreadableError):
        return None


def _carried(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Find the identities in the outputs of headers, in the order of the cells."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs") or ():
            header = (output.get("data") or {}).get(identity.MIME)
            if isinstance(header, dict) and isinstance(header.get(_KEY), dict):
                yield header[_KEY]
