"""What `header()` displays: the picture, and the identity that the editor's own save carries to the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ln_jupyter import settings
from ln_jupyter.db import engine as engines
from ln_jupyter.db import faults
from ln_jupyter.display import header as picture
from ln_jupyter.notebook import identity, kernel
from ln_jupyter.schema.declarative import utcnow

if TYPE_CHECKING:
    from ln_jupyter.tracking.request import Request
    from ln_jupyter.tracking.rows import Registration


def show(registration: Registration, request: Request) -> None:
    """Display one bundle in a notebook; print its text in a script."""
    view = _view(registration, request)
    if kernel.shell() is None:
        print(picture.text(view))  # noqa: T201 - in a script, this is the display
        return
    from IPython.display import display  # here for cost: only where IPython runs

    display({**picture.bundle(view), identity.MIME: _identity(registration)}, raw=True)  # type: ignore[no-untyped-call]


def _view(registration: Registration, request: Request) -> picture.HeaderView:
    notebook, run = registration.notebook, registration.run
    rows = [("id", notebook.id), ("version", notebook.v if notebook.published_at else f"{notebook.v} · draft")]
    if request.location is not None:
        guess = " · a guess: header(filepath=...) says it for sure" if request.location.confidence == "guess" else ""
        rows.append(("file", f"{request.path} · found by {request.location.via}{guess}"))
    started = f" · started {run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else ""
    rows += [
        ("run", f"{run.id}{started}"),
        ("user", settings.current().user),
        ("registry", _registry()),
    ]
    return picture.HeaderView(notebook.title or notebook.name or notebook.id, tuple(rows))


def _registry() -> str:
    """Name the registry, without a password, and what chose it."""
    engine, chosen = engines.of_registry(), settings.current()
    origin = chosen.origins["url"] if engine.url == engines.parse(chosen.url) else "ln.connect()"
    return f"{faults.describe(engine.url)} · {origin}"


def _identity(registration: Registration) -> dict[str, Any]:
    notebook = registration.notebook
    return identity.bundle(
        identity.nbproject_metadata(
            identity.Identity(notebook.id, notebook.v, notebook.created_at),
            time_run=utcnow(),
            pypackage=registration.run.imports,
            user_handle=settings.current().user,
            user_id=registration.user_id,
        )
    )
