"""A title and facts about it: a header, a profile, a session, a statement, a result; in a few lines."""

from __future__ import annotations

from dataclasses import dataclass

from ln_jupyter import sanitize
from ln_jupyter.display import html

_ROW = '<tr align="left">'  # where every style is stripped, `align` speaks


@dataclass(frozen=True, slots=True)
class Card:
    """A thing's name, its state, and facts about it.

    Attributes:
        title: What it is.
        state: In which state, in words.
        facts: Label and value of each fact, in order.
        code: SQL, in lines.
        hint: What to type to go on.
    """

    title: str
    state: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    code: str = ""
    hint: str = ""


def text(card: Card) -> str:
    """Write the card as lines of text.

    Example:
        >>> print(text(Card("Session", "open", (("new", "2"), ("loaded", "7")))))
        Session · open
          new     2
          loaded  7
    """
    width = max((len(label) for label, _ in card.facts), default=0)
    lines = [" · ".join(filter(None, (card.title, card.state)))]
    lines += [f"  {label:<{width}}  {value}" for label, value in card.facts]
    lines += [f"  {each}" for each in card.code.splitlines()]
    lines += [f"  → {card.hint}"] if card.hint else []
    return "\n".join(map(sanitize.plain, lines))


def render(card: Card) -> str:
    """Write the card as HTML that reads right with every style stripped.

    Example:
        >>> "<pre>SELECT 1 &lt; 2</pre>" in render(Card("Select", code="SELECT 1 < 2"))
        True
    """
    state = f" · {sanitize.escaped(card.state)}" if card.state else ""
    rows = "".join(
        f'{_ROW}<th scope="row">{sanitize.escaped(label)}</th><td {html.LEFT}>{sanitize.escaped(value)}</td></tr>'
        for label, value in card.facts
    )
    parts = [
        f"<div><b>{sanitize.escaped(card.title)}</b>{state}</div>",
        f"<table><tbody>{rows}</tbody></table>" if rows else "",
        f"<pre>{'<br>'.join(map(sanitize.escaped, card.code.splitlines()))}</pre>" if card.code else "",
        f"<div><small>→ {sanitize.escaped(card.hint)}</small></div>" if card.hint else "",
    ]
    return html.framed("".join(parts))


def bundle(card: Card) -> dict[str, str]:
    """Write the card in both forms, each under its MIME type."""
    return {"text/plain": text(card), "text/html": render(card)}
