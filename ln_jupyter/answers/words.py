"""What is said of where a file came from: one sentence, who and when, how it is on disk, and what belongs to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ln_jupyter import humanize
from ln_jupyter.answers import uses
from ln_jupyter.answers.uses import near
from ln_jupyter.display.card import SEPARATOR, Card, Part, Row, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ln_jupyter.answers.provenance import Origin, Place, Where
    from ln_jupyter.answers.uses import Use
    from ln_jupyter.display.card import Line


def card(answer: Where) -> Card:
    """Return what there is to show."""
    return Card(tuple(_lines(answer)), tuple(_rows(answer, _folder(answer))), hint=hint(answer))


def _lines(answer: Where) -> Iterator[Line]:
    subject, said = sentence(answer)
    yield (Part(subject, "b", answer.path), Part(said))
    if small := small_print(answer):
        yield (Part(small, "small"),)
    word, tone, more = state_in_words(answer)
    looked = "" if answer.state == "named" else f"looked at {humanize.moment(answer.looked_at)}"
    if said := SEPARATOR.join(filter(None, (more, looked))):
        yield joined(Part(word, tone), Part(said, "small"))


def sentence(answer: Where) -> tuple[str, str]:
    """Say the answer in a sentence: what was asked about, and what is known of it."""
    use = answer.written or (answer.read_by[0] if answer.read_by else None)
    if use is None:
        return name_of(answer.path), ": the registry knows no run that wrote or read it"
    did = "written" if answer.written is not None else "read"
    run = uses.named_run(use.run, use.run_id)
    by, where = ", ".join(filter(None, (run, use.place))), " ".join(filter(None, (_place(use, answer), use.place)))
    match answer.state, did:
        case _ if answer.folder is not None:
            said = f" is in {name_of(answer.folder)}/, which was {did} as a whole by {by}"
        case "changed", "written":
            said = f": no run wrote what is in it now; it was last written by {by}"
        case "changed", _:
            said = f": no run wrote or read what is in it now; it was last read by {by}"
        case "missing", _:
            said = f" is not on disk; it was last {did} by {by}"
        case "copy", "written":
            said = f" holds what {run}, wrote to {where}"
        case "copy", _:
            said = f" holds what {run}, read from {where}, and no run wrote"
        case _, "written":
            said = f" was written by {by}"
        case _:
            said = f" is a source: no run wrote it, and {humanize.count(answer.read_by_count, 'run')} read it"
    return name_of(answer.path), said


def small_print(answer: Where) -> str:
    """Say who wrote or read it, when, how large it was, and how that was seen."""
    use = answer.written or (answer.read_by[0] if answer.read_by else None)
    if use is None:
        if answer.size is None:
            return answer.reason or ""
        return SEPARATOR.join(filter(None, (humanize.size(answer.size), humanize.short_hash(answer.hash or ""))))
    who = ", ".join(filter(None, (use.by, humanize.moment(use.at))))
    size = "" if use.size is None else humanize.size(use.size)
    return SEPARATOR.join(filter(None, (who, size, humanize.short_hash(use.hash or ""), use.seen)))


def state_in_words(answer: Where) -> tuple[str, str, str]:
    """Say how it is on disk: a word with its sign, its tone, and more."""
    more: list[str] = []
    word = {"changed": ("≠ changed", "wait"), "missing": ("✗ missing", "bad")}.get(answer.state, ("", ""))
    if answer.folder is not None:
        word = ("", "")
        more.append("whether it is as it was then is not known")
    elif answer.state in ("as written", "as read"):
        more.append(f"on disk {answer.state}")
    elif answer.state == "copy":
        more.append("found by its content")
    elif answer.state == "changed" and answer.hash is not None and answer.size is not None:
        more.append(f"now {humanize.short_hash(answer.hash)}, {humanize.size(answer.size)}")
    if answer.is_by_state:
        more.append("told by path, size and time")
    if answer.reason and answer.size is not None:
        more.append(f"not hashed: {answer.reason}")
    return *word, SEPARATOR.join(more)


def hint(answer: Where) -> str:
    """Say what to type to go on."""
    if answer.state == "unknown":
        return "ln.track_input(...) and ln.track_output(...) tell a run of what it does not see by itself"
    use = answer.written or (answer.read_by[0] if answer.read_by else None)
    return "" if use is None else f"ln.lineage({humanize.short_id(use.run_id)!r})"


def _rows(answer: Where, folder: str) -> Iterator[Row]:
    also = [uses.named_run(each.run, each.run_id) for each in answer.also_written]
    said = [
        ("also written by", also, answer.also_written_count),
        ("made from", [origin_in_words(each, folder) for each in answer.made_from], answer.made_from_count),
        ("read by", [_reader(each) for each in answer.read_by], answer.read_by_count),
        (
            "same content",
            [place_in_words(each, answer, folder) for each in answer.same_content],
            answer.same_content_count,
        ),
        ("other contents", [_earlier(each) for each in answer.earlier], answer.earlier_count),
    ]
    for name, values, total in said:
        more = [f"… {total - len(values):,} more"] if total > len(values) else []
        for number, value in enumerate([*values, *more]):
            yield Row(name if not number else "", value=value)


def origin_in_words(origin: Origin, folder: str) -> str:
    """Say what a file was made from: its name, its content, and who wrote that."""
    name = near(origin.file.path, folder)
    what = humanize.short_hash(origin.file.hash) if origin.file.hash else ""
    return f"{name} {', '.join(filter(None, (what, *who_made(origin))))}".rstrip()


def who_made(origin: Origin) -> list[str]:
    """Say who wrote what a file was made from."""
    if origin.by is not None:
        return [f"by {uses.named_run(origin.by.run, origin.by.run_id)}", origin.by.by or ""]
    if origin.is_known:
        return ["a source"]
    if origin.file.kind in ("url", "table"):
        return [f"a {'URL' if origin.file.kind == 'url' else 'table'}"]
    return [f"content not known: {origin.file.reason}" if origin.file.reason else "content not known"]


def place_in_words(place: Place, answer: Where, folder: str) -> str:
    """Say where a content was seen, too."""
    on = f" on {place.host}" if place.host and place.host != answer.host else ""
    return f"{near(place.path, folder)}{on}"


def _reader(use: Use) -> str:
    return ", ".join(filter(None, (uses.named_run(use.run, use.run_id), use.by, humanize.moment(use.at, year=False))))


def _earlier(use: Use) -> str:
    return f"{humanize.short_hash(use.hash) if use.hash else 'not hashed'} by {_reader(use)}"


def _folder(answer: Where) -> str:
    return os.path.dirname(answer.path)  # noqa: PTH120 - or a URL


def _place(use: Use, answer: Where) -> str:
    on = f" on {use.host}" if use.host and use.host != answer.host else ""
    return f"{near(use.path, _folder(answer))}{on}"


def name_of(path: str) -> str:
    """Name a file; a URL or table by all of it."""
    return path if "://" in path else os.path.basename(path) or path  # noqa: PTH119 - or a record's name
