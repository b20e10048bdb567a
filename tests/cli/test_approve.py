import os

import pytest

from ln_jupyter import settings

SERVER = "postgresql://ann@db.example.org/lab"


@pytest.fixture(autouse=True)
def clone(folder, approvals):
    """A project that names a server, to work in."""
    (folder / "pyproject.toml").write_text(f'[tool.ln_jupyter]\nurl = "{SERVER}"\n')
    return folder


def test_approve_a_project(command, data, approvals):
    """What the project here names is approved, and the list says so."""
    done = command("approve")

    assert (0, f"{SERVER} is approved, in {approvals}\n") == (done.exit_code, done.output)
    assert [{"url": SERVER, "file": str(approvals)}] == data("approve", "--list")
    assert SERVER in command("approve", "--list").stdout


def test_all_of_a_url_is_listed(clone, command):
    """However long a URL is, the list shows all of it: what leads elsewhere may stand in the middle."""
    url = f"{SERVER}?application_name={'a' * 400}&hostaddr=10.0.0.1&options={'b' * 400}"

    command("approve", url)

    assert url in command("approve", "--list").stdout


@pytest.mark.parametrize("target", [".", "notebooks", "pyproject.toml", "no such.ipynb"])
def test_a_path_is_of_its_project(clone, data, approvals, target):
    """A folder or a file of a project means the project."""
    (clone / "notebooks").mkdir()

    assert {"url": SERVER, "approved": True, "file": str(approvals)} == data("approve", target)


def test_approve_a_url(clone, data, approvals):
    """A URL is approved for every project, without the password; a file is one where it really is."""
    (clone / "link").symlink_to(clone)

    assert SERVER == data("approve", "postgresql+psycopg://ann:s3cret@db.example.org/lab")["url"]
    assert f"sqlite:///{clone}/lab.db" == data("approve", "sqlite:///link/lab.db")["url"]
    assert "s3cret" not in approvals.read_text()


def test_remove(command, data):
    """An approval is taken back, once."""
    command("approve")

    assert f"{SERVER} is no longer approved\n" == command("approve", "--remove").output
    assert f"{SERVER} was not approved\n" == command("approve", "--remove", SERVER).output
    assert [] == data("approve", "--list")
    assert "nothing is approved\n" == command("approve", "--list").stderr


def test_nothing_to_approve(clone, command, data):
    """A registry that stays in its project needs no approval."""
    (clone / "pyproject.toml").write_text('[tool.ln_jupyter]\nurl = "sqlite:///lab.db"\n')

    assert "nothing to approve: the registry of . stays in its project\n" == command("approve").output
    assert {"url": None, "approved": False, "file": None} == data("approve")


def test_no_project(clone, command):
    """Where no project names a registry, the fix says what to write."""
    (clone / "pyproject.toml").unlink()

    done = command("approve")

    assert (1, True) == (done.exit_code, f"no project at or above {clone} names a registry" in done.output)
    assert "fix: name the folder of one, or a URL: ln-jupyter approve URL" in done.output


def test_a_url_that_is_none(command):
    """What cannot be a registry is not approved, and not repeated."""
    done = command("approve", "mysql://ann:s3cret@db.example.org/lab")

    assert (1, False) == (done.exit_code, "s3cret" in done.output)


def test_init_with_a_url(clone, command, data, approvals):
    """`init --db` writes the URL into the project's file, below what is there, and approves what the user typed."""
    (clone / "pyproject.toml").write_text('[project]\nname = "lab"\n')

    done = command("init", "--db", SERVER)

    assert (0, True) == (done.exit_code, done.stdout.startswith(f"notebooks below {clone} register in {SERVER}"))
    assert f'[project]\nname = "lab"\n\n[tool.ln_jupyter]\nurl = "{SERVER}"\n' == (clone / "pyproject.toml").read_text()
    assert SERVER == settings.resolve(clone).url
    assert [SERVER] == [each["url"] for each in data("approve", "--list")]


def test_init_with_a_file(clone, command, approvals):
    """A file in the project's folder is named, in a new pyproject.toml, and needs no approval."""
    done = command("init", "new", "--db", "sqlite:///lab.db")

    assert (0, f"sqlite:///{clone}/new/lab.db") == (done.exit_code, settings.resolve(clone / "new").url)
    assert not approvals.exists()


@pytest.mark.parametrize("url", ["postgresql://ann:s3cret@db.example.org/lab", SERVER, "mysql://db.example.org/lab"])
def test_init_that_writes_nothing(clone, command, approvals, url):
    """A password, a second table, and what is no registry, are not written, and approve nothing."""
    before = (clone / "pyproject.toml").read_text()

    done = command("init", "--db", url)

    assert (1, False, False) == (done.exit_code, "s3cret" in done.output, approvals.exists())
    assert before == (clone / "pyproject.toml").read_text()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe"])
def test_init_that_leads_elsewhere(clone, command, approvals, tmp_path, kind):
    """`init --db` writes to no file that the project's is a link to, and waits for no pipe."""
    file, other = clone / "pyproject.toml", tmp_path / "other.toml"
    file.unlink()
    if kind == "link":
        other.touch()
    os.mkfifo(file) if kind == "pipe" else file.symlink_to(other)

    done = command("init", "--db", SERVER)

    assert (1, True, False) == (done.exit_code, "is not written to" in done.output, approvals.exists())
    assert not other.exists() or not other.read_text()
