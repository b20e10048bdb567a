"""What the Tab key offers for an id: of the registry that the command would use."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    import click

_MOST = 50

_log = logging.getLogger(__name__)


def notebooks(context: click.Context, _parameter: click.Parameter, name: str) -> list[CompletionItem]:
    """Offer notebooks, each with its title."""
    return _offer(context, name, "Notebook")


def runs(context: click.Context, _parameter: click.Parameter, name: str) -> list[CompletionItem]:
    """Offer runs, each with the title of what ran."""
    return _offer(context, name, "Run")


def notebooks_and_runs(context: click.Context, _parameter: click.Parameter, name: str) -> list[CompletionItem]:
    """Offer both."""
    return _offer(context, name, "Notebook", "Run")


def _offer(context: click.Context, name: str, *models: str) -> list[CompletionItem]:
    """Offer what begins so; nothing where no registry answers: the command itself says why."""
    from ln_jupyter import schema  # here for cost: only the Tab key asks
    from ln_jupyter.queries import ids
    from ln_jupyter.registry import look

    found: dict[str, str] = {}
    try:
        with look.connect(context.params.get("url")).connect() as connection:
            for model in models:
                found |= ids.beginning_with(connection, name, getattr(schema, model), limit=_MOST)
        return [CompletionItem(each, help=plain(title)) for each, title in found.items()]
    except Exception:  # noqa: BLE001 - whatever a registry holds, the Tab key writes nothing into somebody's line
        _log.debug("nothing is offered", exc_info=True)
        return []
