"""What is said of where a file came from: one sentence, who and when, how it is on disk, and what belongs to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter import humanize
from ln_jupyter.answers import uses
from ln_jupyter.display.card import SEPARATOR, Card, Part, Row, joined
from ln_jupyter.files import hashing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from ln_jupyter.answers.provenance import Origin, Place, Where
    from ln_jupyter.answers.uses import Use
    from ln_jupyter.display.card import Line


def _in_a_list(time: dt.datetime) -> str:
    return humanize.moment(time, year=False)


class Form(NamedTuple):
    """How ids, hashes and times are written.

    Attributes:
        id: Writes an id.
        hash: Writes a hash.
        moment: Writes a time in a sentence.
        time: Writes a time in a list.
    """

    id: Callable[[str], str] = humanize.short_id
    hash: Callable[[str], str] = humanize.short_hash
    moment: Callable[[dt.datetime], str] = humanize.moment
    time: Callable[[dt.datetime], str] = _in_a_list


CARD = Form()
"""Of what is saved: it stays true."""


class Group(NamedTuple):
    """What belongs to a file, under one name.

    Attributes:
        name: What it is.
        rows: Each in columns.
        more: How many there are besides.
    """

    name: str
    rows: list[tuple[str, ...]]
    more: int


def card(answer: Where) -> Card:
    """Return what there is to show in a notebook."""
    return Card(tuple(_lines(answer)), tuple(_rows(answer)), hint=hint(answer))


def _lines(answer: Where) -> Iterator[Line]:
    subject, said = sentence(answer)
    yield (Part(subject, "b", answer.path), Part(said))
    if small := SEPARATOR.join(who_and_when(answer)):
        yield (Part(small, "small"),)
    word, tone, more = state(answer)
    looked = [] if answer.state == "named" else [f"looked at {humanize.moment(answer.looked_at)}"]
    if told := SEPARATOR.join([*more, *looked]):
        yield joined(Part(word, tone), Part(told, "small"))


def _rows(answer: Where) -> Iterator[Row]:
    for group in groups(answer):
        values = [f"{first} {', '.join(filter(None, others))}".rstrip() for first, *others in group.rows]
        more = [f"… {group.more:,} more"] if group.more else []
        for number, value in enumerate([*values, *more]):
            yield Row(group.name if not number else "", value=value)


def sentence(answer: Where, form: Form = CARD) -> tuple[str, str]:
    """Say the answer in a sentence: what was asked about, and what is known of it."""
    use = _told(answer)
    if use is None:
        return name_of(answer.path), ": the registry knows no run that wrote or read it"
    did = "written" if answer.written is not None else "read"
    run = _run(use, form)
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


def who_and_when(answer: Where, form: Form = CARD) -> list[str]:
    """Say who wrote or read it, when, how large it was, and how that was seen."""
    use = _told(answer)
    if use is None:
        size = "" if answer.size is None else humanize.size(answer.size)
        reason = "not on disk" if answer.reason == hashing.MISSING else answer.reason
        parts = [size, form.hash(answer.hash or ""), reason or ""]
    else:
        size = "" if use.size is None else humanize.size(use.size)
        who = ", ".join(filter(None, (use.by, form.moment(use.at))))
        parts = [who, size, form.hash(use.hash or ""), use.seen]
    return list(filter(None, parts))


def state(answer: Where, form: Form = CARD) -> tuple[str, str, list[str]]:
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
        more.append(f"now {form.hash(answer.hash)}, {humanize.size(answer.size)}")
    if answer.is_by_state:
        more.append("told by path, size and time")
    if answer.reason and answer.size is not None and answer.state != "unknown":
        more.append(f"not hashed: {answer.reason}")
    return *word, more


def hint(answer: Where, lineage: Callable[[str], str] = "ln.lineage({!r})".format) -> str:
    """Say what to type to go on.

    Args:
        answer: What is known.
        lineage: Writes how the lineage of something is asked for.
    """
    use = _told(answer)
    if use is not None:
        return lineage(humanize.short_id(use.run_id))
    if answer.path.endswith(".ipynb"):
        return f"of its own runs: {lineage(name_of(answer.path))}"
    return "ln.track_input(...) and ln.track_output(...) tell a run of what it does not see by itself"


def groups(answer: Where, form: Form = CARD) -> list[Group]:
    """Return what belongs to a file: who else wrote it, what it was made from, who read it, and other contents."""
    folder = _folder(answer)
    others = [
        (form.hash(each.hash) if each.hash else "not hashed", f"by {_reader(each, form)}") for each in answer.earlier
    ]
    found: list[tuple[str, list[tuple[str, ...]], int]] = [
        ("also written by", [(_run(each, form),) for each in answer.also_written], answer.also_written_count),
        ("made from", [_origin(each, folder, form) for each in answer.made_from], answer.made_from_count),
        ("read by", [(_reader(each, form),) for each in answer.read_by], answer.read_by_count),
        (
            "same content",
            [(_place_of(each, answer, folder),) for each in answer.same_content],
            answer.same_content_count,
        ),
        ("other contents", [*others], answer.earlier_count),
    ]
    return [Group(name, rows, max(total - len(rows), 0)) for name, rows, total in found if rows]


def _origin(origin: Origin, folder: str, form: Form) -> tuple[str, ...]:
    """Say what a file was made from: its name, its content, and who wrote that."""
    file, by = origin.file, origin.by
    if by is not None:
        who = ", ".join(filter(None, (f"by {_run(by, form)}", by.by)))
    elif origin.is_known:
        who = "a source"
    elif file.kind in uses.NAMED:
        who = uses.NAMED[file.kind]
    else:
        who = f"content not known: {file.reason}" if file.reason else "content not known"
    return humanize.near(file.path, folder), form.hash(file.hash or ""), who


def _place_of(place: Place, answer: Where, folder: str) -> str:
    on = f" on {place.host}" if place.host and place.host != answer.host else ""
    return f"{humanize.near(place.path, folder)}{on}"


def _run(use: Use, form: Form) -> str:
    return ", ".join(filter(None, (use.run, f"run {form.id(use.run_id)}")))


def _reader(use: Use, form: Form) -> str:
    return ", ".join(filter(None, (_run(use, form), use.by, form.time(use.at))))


def _told(answer: Where) -> Use | None:
    return answer.written or (answer.read_by[0] if answer.read_by else None)


def _folder(answer: Where) -> str:
    return os.path.dirname(answer.path)  # noqa: PTH120 - or a URL


def _place(use: Use, answer: Where) -> str:
    on = f" on {use.host}" if use.host and use.host != answer.host else ""
    return f"{humanize.near(use.path, _folder(answer))}{on}"


def name_of(path: str) -> str:
    """Name a file; a URL or table by all of it."""
    return path if "://" in path else os.path.basename(path) or path  # noqa: PTH119 - or a record's name
