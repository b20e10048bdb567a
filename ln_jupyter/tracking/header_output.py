"""What `header()` and `publish()` display: the picture, and the identity that the editor's own save carries to the file."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ln_jupyter import humanize, sanitize, settings
from ln_jupyter.db import error_translation
from ln_jupyter.display import html, text
from ln_jupyter.display.card import Card, Fold, Part, Row, joined
from ln_jupyter.environment import distributions, kernel, packages
from ln_jupyter.locate import jupyter_server
from ln_jupyter.notebook import identity, imports
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import sqlalchemy as sa

    from ln_jupyter.display.card import Line
    from ln_jupyter.errors import DatabaseError
    from ln_jupyter.tracking.register import Registration
    from ln_jupyter.tracking.request import Request

_PACKAGES = 12  # are named; of more, only the number is
_PARAMETERS = 6
_LONGEST = 40  # characters of one parameter

_LOST = 'put it back, or ln.header(filepath="...") says where it is now; ln.publish() needs it'

_KEPT = {
    True: "saving keeps the id in the file",
    False: "saving does not keep the id in the file: this server runs without ln_jupyter; "
    "the registry knows it by its path",
}


def show(
    registration: Registration,
    request: Request,
    *,
    problem: DatabaseError | None = None,
    ran_before: Sequence[int] = (),
) -> None:
    """Display one bundle in a notebook; print its text in a script.

    Args:
        registration: What is shown.
        request: The notebook, as it is now.
        problem: Why the registry could not be reached; what is shown was registered before.
        ran_before: The notebook's cells that ran in the run before this one.
    """
    used = (registration.run_row["imports"] or {}) | _imported(request)
    view = _view(registration, request, used, problem, ran_before)
    if kernel.shell() is None:
        sanitize.write_line(text.render(view))  # in a script, this is the display
        return
    from IPython.display import display  # here for cost: only where IPython runs

    carried = _identity(registration, request, used)
    bundle = {"text/plain": text.render(view), "text/html": html.render(view), identity.MIME: carried}
    display(bundle, raw=True)  # type: ignore[no-untyped-call]


def _view(
    registration: Registration,
    request: Request,
    used: dict[str, Any],
    problem: DatabaseError | None,
    ran_before: Sequence[int],
) -> Card:
    notebook = registration.notebook_row
    name = request.location.path.name if request.location is not None else ""
    published = f"published {humanize.moment(notebook['published_at'])}" if notebook["published_at"] else "draft"
    by = f" by {registration.publisher}" if registration.publisher else ""
    title = sanitize.shortened(notebook["title"] or notebook["name"] or notebook["id"], 300)
    version = f"version {notebook['v']} {published}{by}"
    file = f"{name}, " if name not in ("", title) else ""
    lines = [
        joined(Part(title, "b"), Part(f"{file}{version}")),
        _run(registration),
        *((Part(each),) for each in _remarks(registration, request, ran_before)),
        (Part(f"registry {error_translation.describe(registration.origin.url)}", "small"),),
    ]
    if problem is not None:
        lines.append((Part("problem", "bad"), Part(f" {problem} · {problem.fix}; this run goes on")))
    rows = tuple(Row(label, value=value) for label, value in _facts(registration, request, used))
    return Card(tuple(lines), folds=(Fold((Part("Where this is kept, and what is recorded"),), rows),))


def _run(registration: Registration) -> Line:
    """Name the run, whose it is, when it began and with what."""
    run = registration.run_row
    on = f" on {run['host']}" if run["host"] else ""
    began = f"began {humanize.moment(run['started_at'])}" if run["started_at"] else ""
    follows = f"goes on from {humanize.short_id(run['continues_id'])} in this process" if run["continues_id"] else ""
    said = f"by {settings.current().user}{on}", began, registration.why_new, follows, _parameters(run["parameters"])
    name = Part("run "), Part(humanize.short_id(run["id"]), "b", run["id"])
    return *name, Part(f" {' · '.join(filter(None, said))}", "small")


def _parameters(given: dict[str, Any] | None) -> str:
    """Write parameters in a few words; those named like a password were hidden before they were kept."""
    shown = [f"{name} {sanitize.shortened(str(value), _LONGEST)}" for name, value in (given or {}).items()]
    more = [f"{len(shown) - _PARAMETERS} more"] if len(shown) > _PARAMETERS else []
    return ", ".join([*shown[:_PARAMETERS], *more])


def _remarks(registration: Registration, request: Request, ran_before: Sequence[int]) -> Iterator[str]:
    """Say what somebody has to know, and what to do about it."""
    notebook = registration.notebook_row
    if notebook["parent_id"] not in (None, notebook["id"]):
        yield f"copy of {_parent(notebook, registration.why_copy)}"
    location = request.location
    if location is None and request.lost is not None:
        yield f"file {request.lost.path} is gone · {_LOST}"
    if location is not None and location.confidence == "guess":
        yield f"file {location.path} is a guess: ln.header(filepath=...) says it for sure"
    if location is not None and jupyter_server.keeps_identity(location) is False:
        yield _KEPT[False]
    if ran_before:
        cells = f"cell{'s' * (len(ran_before) > 1)} {', '.join(map(str, ran_before))}"
        continued = registration.run_row["continues_id"]
        before = f"run {humanize.short_id(continued)}" if continued else "the run before"
        yield f"{cells} ran in {before}, before this run began"
    if settings.current().ignored:
        yield f"ignored: {settings.current().ignored} · LN_JUPYTER_USER"


def _facts(registration: Registration, request: Request, used: dict[str, Any]) -> Iterator[tuple[str, str]]:
    notebook, location = registration.notebook_row, request.location
    kept = location is not None and jupyter_server.keeps_identity(location)
    yield "notebook", f"{notebook['id']}{f' · {_KEPT[True]}' if kept else ''}"
    yield "run", registration.run_row["id"]
    if location is not None:
        yield "file", f"{location.path} · found by {location.via}"
    if used:
        names = (f"{name} {version}".rstrip() for name, version in sorted(used.items())[:_PACKAGES])
        more = f" and {len(used) - _PACKAGES} more" if len(used) > _PACKAGES else ""
        yield "packages", ", ".join(names) + more
    yield "registry", f"chosen by {_chosen(registration.origin)}"


def _parent(notebook: dict[str, Any], why_copy: str) -> str:
    parent_id = notebook["parent_id"]
    why = f' · {why_copy}, so this id is new: ln.header(id="{parent_id}") goes on with the original' if why_copy else ""
    return f"{parent_id} · version {notebook['parent_v']}{why}"


def _imported(request: Request) -> dict[str, str]:
    return (
        {}
        if request.document is None
        else _packages(imports.imported_modules(request.document.cells), distributions.state())
    )


@functools.lru_cache(maxsize=8)  # a header that is run again shows what it showed, as long as nothing is installed
def _packages(modules: frozenset[str], _installed: object) -> dict[str, str]:
    return packages.find_versions(modules)


def _chosen(engine: sa.Engine) -> str:
    """Say what chose the registry."""
    chosen = settings.current()
    return chosen.origins["url"] if engine.url == chosen.registry.asked else "ln.connect()"


def _identity(registration: Registration, request: Request, used: dict[str, Any]) -> dict[str, Any]:
    notebook, stated = registration.notebook_row, request.stated
    made_at = stated.time_init if stated is not None and stated.id == notebook["id"] else None
    return identity.bundle(
        identity.nbproject_metadata(
            identity.Identity(notebook["id"], notebook["v"], made_at or notebook["created_at"]),
            time_run=utcnow(),
            pypackage=used or None,
            parent=notebook["parent_id"] if notebook["parent_id"] != notebook["id"] else None,
            user_handle=settings.current().user,
            user_id=registration.user_id,
        )
    )
