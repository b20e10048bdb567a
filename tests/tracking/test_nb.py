import pytest

import ln_jupyter as ln


def test_before_the_header_there_is_nothing(ln_registry):
    """`ln.nb.notebook` and `ln.nb.run` are None until `header()` ran."""
    assert (None, None) == (ln.nb.notebook, ln.nb.run)


def test_after_the_header_they_are_records(ln_registry):
    """They are the notebook and its run, readable without a session."""
    ln.nb.header(id="Rx2s9cPTMQLY")

    assert "Rx2s9cPTMQLY" == ln.nb.notebook.id == ln.nb.run.notebook_id
    assert ln.nb.run.notebook is ln.nb.notebook


def test_tab_completion_offers_the_names():
    """The names are listed before they were ever used."""
    assert ["header", "notebook", "publish", "run"] == dir(ln.nb)


def test_other_names_are_not_there():
    """A misspelt name is an AttributeError that says so as Python does."""
    with pytest.raises(AttributeError, match=r"^module 'ln_jupyter.tracking.nb' has no attribute 'notebok'"):
        ln.nb.notebok  # noqa: B018  (the look-up is the test)
