"""How Hypothesis is run here, and what it makes: text, JSON and notebooks as nobody means them.

The examples are the same in every run, and nothing is written to the checkout.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, configuration, settings
from hypothesis import strategies as st

from ln_jupyter.notebook.document import MIME

configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "ln_jupyter-hypothesis")
settings.register_profile(
    "ln_jupyter",
    derandomize=True,
    database=None,
    deadline=None,  # no seconds are asserted
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("ln_jupyter")

SPECIAL = (
    "\0",
    "\x1b[2J",
    "\r\n",
    "\ufeff",
    "\u202e",
    "\u2028",
    "\udce9",
    "\ud83d",
    "<script>",
    '"',
    "{{",
    "$x$",
    "://",
)

characters = st.characters(codec=None, exclude_categories=())  # halves of a pair too
text = st.lists(st.text(characters, max_size=8) | st.sampled_from(SPECIAL), max_size=6).map("".join)
"""Any text, with what is special somewhere."""

scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=6,
)
"""Whatever JSON holds, and what only Python's JSON holds: infinities, halves of a pair, numbers of any size."""

times = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.sampled_from(["", "2026-01-02", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "now"]),
    values,
)
statements = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["Rx2s9cPTMQLY", "Other2cPTMQL", "", "a b", "x" * 65]) | values,
        "version": st.sampled_from(["1", "1.2", "", "draft"]) | values,
        "time_init": times,
        "time_run": times,
        "pypackage": values,
        "parent": values,
        "theirs": values,
    },
)
"""What may stand as ``nbproject``: sometimes an identity."""

outputs = st.fixed_dictionaries(
    {"output_type": st.just("display_data"), "metadata": st.just({})},
    optional={
        "data": values | st.fixed_dictionaries({MIME: values | st.fixed_dictionaries({"nbproject": statements})})
    },
)
cells = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw"]), "source": st.lists(text, max_size=3) | text | values},
    optional={
        "id": st.sampled_from(["a", "b", "c"]) | values,
        "metadata": st.fixed_dictionaries({"tags": st.lists(st.just("parameters") | values, max_size=2)}) | values,
        "outputs": st.lists(outputs | values, max_size=3) | values,
        "execution_count": values,
    },
)
notebooks: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"cells": st.lists(cells | values, max_size=4) | values},
    optional={
        "nbformat": st.just(4) | st.sampled_from([True, 4.0, "4", 10**30]) | values,
        "nbformat_minor": values,
        "metadata": st.fixed_dictionaries({"nbproject": statements | values}) | values,
        "theirs": values,
    },
)
"""What is nearly a notebook, or is one."""


def written(value: object) -> bytes:
    """Write JSON as Python does: what no encoding takes is escaped."""
    return json.dumps(value).encode()
