"""Whatever a notebook's metadata holds: a save keeps it, and adds nothing but the identity."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jupyter_server.services.contents.filemanager import FileContentsManager

from ln_jupyter.notebook import document, identity
from ln_jupyter.notebook.document import MIME
from ln_jupyter.server import save_hook
from tests.faults import fuzzing


def promoted(notebook: Any, *, saved: document.Document | None = None) -> Any:
    """Give what is saved in the place of a notebook that an editor sends."""
    result = copy.deepcopy(notebook)
    save_hook.promote(result, saved=lambda: saved)
    return result


def without_identity(notebook: dict[str, Any]) -> dict[str, Any]:
    """Give all of a notebook but what stands under ``nbproject``."""
    metadata = {key: value for key, value in notebook["metadata"].items() if key != "nbproject"}
    return notebook | {"metadata": metadata}


def document_of(notebook: dict[str, Any], folder: Path) -> document.Document:
    file = folder / "before.ipynb"
    file.write_bytes(fuzzing.written(notebook))
    return document.read(file)


def saying(*headers: dict[str, Any], metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make a valid notebook whose cells carry these statements."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "source": "",
            "execution_count": None,
            "outputs": [{"output_type": "display_data", "metadata": {}, "data": {MIME: {"nbproject": header}}}],
        }
        for number, header in enumerate(headers)
    ]
    stated = {} if metadata is None else {"nbproject": metadata}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": stated, "cells": cells}


@st.composite
def valid_notebooks(draw: st.DrawFn) -> dict[str, Any]:
    """Make notebooks that nbformat calls valid, whatever the values are where any value may stand."""
    anything = st.dictionaries(st.text(max_size=8), fuzzing.values, max_size=3)
    data = anything.map(lambda found: {f"application/x-{key}+json": value for key, value in found.items()})
    carried = st.fixed_dictionaries({MIME: fuzzing.values | st.fixed_dictionaries({"nbproject": fuzzing.statements})})
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": draw(anything),
            "source": draw(st.text(max_size=10)),
            "execution_count": None,
            "outputs": [
                {"output_type": "display_data", "metadata": {}, "data": draw(data | carried)}
                for _ in range(draw(st.integers(0, 2)))
            ],
        }
        for number in range(draw(st.integers(0, 3)))
    ]
    metadata = draw(anything) | draw(
        st.fixed_dictionaries({}, optional={"nbproject": fuzzing.statements | fuzzing.values})
    )
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


@given(valid_notebooks())
def test_nothing_else_changes(notebook: dict[str, Any]) -> None:
    """A save changes no key and no value but the notebook's own ``nbproject``."""
    result = promoted(notebook)

    assert fuzzing.written(without_identity(notebook)) == fuzzing.written(without_identity(result))


@given(valid_notebooks())
def test_a_save_of_what_was_saved_changes_nothing(notebook: dict[str, Any]) -> None:
    """What was saved once is saved again as it is."""
    once = promoted(notebook)

    assert fuzzing.written(once) == fuzzing.written(promoted(once))


@given(valid_notebooks())
def test_what_was_valid_stays_valid(notebook: dict[str, Any]) -> None:
    """A notebook that nbformat calls valid is valid after the hook."""
    assume(nbformat.validator.isvalid(nbformat.from_dict(notebook)))

    result = promoted(notebook)

    nbformat.validate(nbformat.from_dict(result))


@given(valid_notebooks())
@example(saying({"id": "Rx2s9cPTMQLY", "time_run": "2026-01-02"}, metadata={"id": "Rx2s9cPTMQLY", "theirs": 1}))
def test_no_key_about_the_same_notebook_is_lost(notebook: dict[str, Any]) -> None:
    """Keys that somebody else put beside an id survive, unless another notebook's id is newer."""
    before = notebook["metadata"].get("nbproject")
    assume(isinstance(before, dict))

    after = promoted(notebook)["metadata"]["nbproject"]

    if after.get("id") == before.get("id"):
        assert before.keys() <= after.keys()


@given(valid_notebooks())
@example(saying({"id": "Rx2s9cPTMQLY"}, {"time_run": "2026-01-02"}))
@example(saying({"id": "Rx2s9cPTMQLY"}, {"id": "no id", "time_run": "2026-01-02"}))
@example(saying({"id": "Rx2s9cPTMQLY"}, {"id": "Other2cPTMQL"}, metadata={}))
def test_what_is_saved_is_what_the_notebook_says(tmp_path: Path, notebook: dict[str, Any]) -> None:
    """Who a notebook is, its file says after the save as it did with its outputs."""
    before = identity.stated(document_of(notebook, tmp_path))

    result = promoted(notebook)
    after = identity.stated(document_of(result, tmp_path))

    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert before.id == after.id


@given(valid_notebooks(), valid_notebooks())
def test_the_file_that_is_replaced_completes_it(tmp_path: Path, sent: dict[str, Any], before: dict[str, Any]) -> None:
    """Whatever the file said before, what is not the identity comes from the editor alone."""
    result = promoted(sent, saved=document_of(before, tmp_path))

    assert fuzzing.written(without_identity(sent)) == fuzzing.written(without_identity(result))


@pytest.fixture
def manager(tmp_path: Path) -> FileContentsManager:
    manager = FileContentsManager(root_dir=str(tmp_path))
    manager.log = logging.getLogger("test")
    return manager


@given(
    notebook=fuzzing.notebooks | fuzzing.values, before=st.binary(max_size=80) | fuzzing.notebooks.map(fuzzing.written)
)
@example(notebook={"cells": None}, before=b"{}")
@example(notebook={"metadata": None, "cells": []}, before=b'"nbproject"')
@example(notebook={"metadata": {}, "cells": []}, before=b'{"nbproject": ' + b"[" * 100_000)
def test_a_save_always_goes_on(manager: FileContentsManager, notebook: Any, before: bytes) -> None:
    """Whatever an editor sends, and whatever is in the file, the hook raises nothing and is through."""
    Path(manager.root_dir, "n.ipynb").write_bytes(before)
    sent = copy.deepcopy(notebook)

    save_hook.keep_identity(model={"type": "notebook", "content": notebook}, path="n.ipynb", contents_manager=manager)

    if isinstance(sent, dict) and isinstance(sent.get("metadata"), dict):
        assert fuzzing.written(without_identity(sent)) == fuzzing.written(without_identity(notebook))


@given(valid_notebooks())
def test_valid_notebooks_are_no_news(notebook: dict[str, Any]) -> None:
    """Of a notebook that nbformat calls valid, nothing has to be logged."""
    said: list[object] = []
    manager = SimpleNamespace(log=SimpleNamespace(warning=lambda *words: said.append(words)))

    save_hook.keep_identity(
        model={"type": "notebook", "content": notebook},
        path="n.ipynb",
        contents_manager=manager,  # type: ignore[arg-type]
    )

    assert [] == said


@given(
    st.fixed_dictionaries(
        {"id": st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), "time_init": st.datetimes().map(str)},
        optional={
            "version": st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3})?", fullmatch=True),
            "time_run": st.datetimes().map(str),
            "pypackage": st.dictionaries(st.text("abc", min_size=1), st.just("1.0")) | st.none(),
            "parent": st.none() | st.text("abc") | st.lists(st.text("abc")),
        },
    )
)
@settings(max_examples=30)
def test_nbproject_reads_what_is_saved(tmp_path: Path, statement: dict[str, Any]) -> None:
    """What the hook saves of a header is what nbproject's own reader and container find in the file."""
    from nbproject.dev._meta_store import MetaContainer
    from nbproject.dev._notebook import read_notebook

    file = tmp_path / "n.ipynb"
    file.write_bytes(fuzzing.written(promoted(saying(statement))))

    found = read_notebook(str(file)).metadata["nbproject"]

    assert statement == found
    assert statement["id"] == MetaContainer(**found).id
