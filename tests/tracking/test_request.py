from importlib import metadata

import pytest

from ln_jupyter.locate.location import Location
from ln_jupyter.notebook.identity import Identity
from ln_jupyter.tracking import request as requests
from tests.tracking import notebooks


@pytest.fixture
def stated(tmp_path):
    """A notebook that says who it is."""
    return Location(notebooks.write(tmp_path / "a.ipynb", nbproject={"id": "Rx2s9cPTMQLY", "version": "2"}), "test")


def test_the_file_says_who_it_is(stated):
    """Without arguments, id and version are the file's."""
    assert requests.look_at(stated).stated == Identity("Rx2s9cPTMQLY", "2")


def test_a_version_alone_keeps_the_id(stated):
    """A version by argument goes with the file's id."""
    request = requests.look_at(stated, version="3")

    assert request.stated is not None
    assert ("Rx2s9cPTMQLY", "3") == (request.stated.id, request.version)


def test_another_id_does_not_take_the_version_along(stated):
    """The file's version and times belong to the file's id, and are not mixed with another one."""
    assert requests.look_at(stated, notebook_id="other").stated == Identity("other")


def test_the_same_id_keeps_the_version(stated):
    """An id that the file has already changes nothing."""
    assert requests.look_at(stated, notebook_id="Rx2s9cPTMQLY").stated == Identity("Rx2s9cPTMQLY", "2")


def test_without_a_file_the_arguments_are_all_there_is():
    """An id and a name are enough to be registered."""
    request = requests.look_at(None, notebook_id="other", name="Solve Problem X")

    assert (Identity("other"), {"name": "Solve Problem X"}) == (request.stated, request.names)
    assert (None, []) == (request.path, request.cell_ids)


def test_packages_have_their_versions(stated):
    """A package is noted with its version, one that nobody knows without; no name is no package."""
    imports = requests.look_at(stated, packages=["pytest", "no-such-package", ""]).imports

    assert {"pytest": metadata.version("pytest"), "no-such-package": ""} == imports


def test_one_package_is_a_name(stated):
    """A single package may be given as text."""
    assert {"pytest": metadata.version("pytest")} == requests.look_at(stated, packages="pytest").imports


def test_the_runner_can_be_said(stated):
    """What the call says of the runner wins over what was found."""
    assert "colab" == requests.look_at(stated, runner="co\0lab").runner
