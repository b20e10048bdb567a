"""What `header()` and `publish()` display: the picture, and the identity that the editor's own save carries to the file."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ln_jupyter import sanitize, settings
from ln_jupyter.db import error_translation
from ln_jupyter.display import card
from ln_jupyter.environment import distributions, kernel, packages
from ln_jupyter.locate import jupyter_server
from ln_jupyter.notebook import identity, imports
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from ln_jupyter.errors import DatabaseError
    from ln_jupyter.locate.location import Location
    from ln_jupyter.tracking.register import Registration
    from ln_jupyter.tracking.request import Request

_PACKAGES = 12  # are named; of more, only the number is

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
        sanitize.write_line(card.text(view))  # in a script, this is the display
        return
    from IPython.display import display  # here for cost: only where IPython runs

    carried = _identity(registration, request, used)
    display({**card.bundle(view), identity.MIME: carried}, raw=True)  # type: ignore[no-untyped-call]


def _view(
    registration: Registration,
    request: Request,
    used: dict[str, Any],
    problem: DatabaseError | None,
    ran_before: Sequence[int],
) -> card.Card:
    notebook, run = registration.notebook_row, registration.run_row
    at = f"published {_time(notebook['published_at'])}" if notebook["published_at"] else "draft"
    by = f" by {registration.publisher}" if registration.publisher else ""
    rows = [("id", notebook["id"]), ("version", f"{notebook['v']} · {at}{by}")]
    if notebook["parent_id"] not in (None, notebook["id"]):
        rows.append(("copy of", _parent(notebook, registration.why_copy)))
    if request.location is not None:
        rows.append(("file", _file(request.location)))
    elif request.lost is not None:
        rows.append(("file", f"{request.lost.path} is gone · {_LOST}"))
    started = f"started {_time(run['started_at'])}" if run["started_at"] else ""
    follows = f"goes on from {run['continues_id']} in this process" if run["continues_id"] else ""
    rows += [
        ("run", " · ".join(filter(None, (run["id"], started, registration.why_new, follows)))),
        ("user", settings.current().user),
    ]
    if ran_before:
        cells = f"cell{'s' * (len(ran_before) > 1)} {', '.join(map(str, ran_before))}"
        rows.append(("earlier", f"{cells} ran in {run['continues_id'] or 'the run before'}, before this run began"))
    if settings.current().ignored:
        rows.append(("ignored", f"{settings.current().ignored} · LN_JUPYTER_USER"))
    if used:
        names = (f"{name} {version}".rstrip() for name, version in sorted(used.items())[:_PACKAGES])
        more = f" and {len(used) - _PACKAGES} more" if len(used) > _PACKAGES else ""
        rows.append(("packages", ", ".join(names) + more))
    rows.append(("registry", _registry(registration.origin)))
    if problem is not None:
        rows.append(("problem", f"{problem} · {problem.fix}; this run goes on"))
    title = notebook["title"] or notebook["name"] or notebook["id"]
    return card.Card(sanitize.shortened(title, 300), facts=tuple(rows))


def _parent(notebook: dict[str, Any], why_copy: str) -> str:
    parent_id = notebook["parent_id"]
    why = f' · {why_copy}, so this id is new: ln.header(id="{parent_id}") goes on with the original' if why_copy else ""
    return f"{parent_id} · version {notebook['parent_v']}{why}"


def _file(location: Location) -> str:
    guess = " · a guess: ln.header(filepath=...) says it for sure" if location.confidence == "guess" else ""
    keeps = jupyter_server.keeps_identity(location)
    kept = "" if keeps is None else f" · {_KEPT[keeps]}"
    return f"{location.path} · found by {location.via}{guess}{kept}"


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _imported(request: Request) -> dict[str, str]:
    return (
        {}
        if request.document is None
        else _packages(imports.imported_modules(request.document.cells), distributions.state())
    )


@functools.lru_cache(maxsize=8)  # a header that is run again shows what it showed, as long as nothing is installed
def _packages(modules: frozenset[str], _installed: object) -> dict[str, str]:
    return packages.find_versions(modules)


def _registry(engine: sa.Engine) -> str:
    """Name the registry, without a password, and what chose it."""
    chosen = settings.current()
    origin = chosen.origins["url"] if engine.url == chosen.registry.asked else "ln.connect()"
    return f"{error_translation.describe(engine.url)} · {origin}"


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
