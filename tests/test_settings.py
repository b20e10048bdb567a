import os
from pathlib import Path

import pytest

from ln_jupyter import errors, settings
from ln_jupyter.approval import urls
from ln_jupyter.db import engines
from ln_jupyter.registry import choose


@pytest.fixture(autouse=True)
def undecided(monkeypatch):
    """An environment without our variables, and a process that has decided nothing."""
    for name in settings.NAMES:
        monkeypatch.delenv(f"LN_JUPYTER_{name.upper()}", raising=False)
    settings.forget()
    yield
    settings.forget()


@pytest.fixture
def pyproject(tmp_path):
    """Write the table of a project."""

    def write(text, table="[tool.ln_jupyter]"):
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "lab"\n\n{table}\n{text}\n')
        return tmp_path

    return write


@pytest.fixture
def project(tmp_path):
    """A folder with a registry of its own."""
    (tmp_path / ".ln_jupyter").mkdir()
    return tmp_path


def test_the_default_is_in_the_users_data_folder(tmp_path, monkeypatch):
    """Without any source, the registry is in the user's data folder, tracking and advice are on, the login name writes."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOGNAME", "ann")

    found = settings.resolve(tmp_path)

    assert f"sqlite:///{settings.data_folder() / 'registry.db'}" == found.url
    assert ("on", "on", "ann") == (found.mode, found.advice, found.user)
    assert "default: your data folder" == found.origins["url"]


def test_the_environment_wins_over_the_project(pyproject, monkeypatch):
    """A variable decides over the nearest project, for each setting by itself."""
    folder = pyproject('url = "sqlite:////project.db"\nadvice = "off"')
    monkeypatch.setenv("LN_JUPYTER_URL", "sqlite:////environment.db")

    found = settings.resolve(folder)

    assert ("sqlite:////environment.db", "off") == (found.url, found.advice)
    assert "environment variable LN_JUPYTER_URL" == found.origins["url"]
    assert str(folder / "pyproject.toml") == found.origins["advice"]


def test_a_project_does_not_say_who_the_user_is(pyproject, monkeypatch):
    """The user that a project's file names is not obeyed, and one line says so, unless the user has said it."""
    folder = pyproject('user = "eve"')
    monkeypatch.setenv("LOGNAME", "ann")

    found = settings.resolve(folder)
    monkeypatch.setenv("LN_JUPYTER_USER", "ben")

    assert ("ann", "default: your login name") == (found.user, found.origins["user"])
    assert f"the user that {folder / 'pyproject.toml'} names: who you are is yours to say" == found.ignored
    assert ("ben", "") == (settings.resolve(folder).user, settings.resolve(folder).ignored)


def test_the_argument_wins_over_the_environment(tmp_path, monkeypatch):
    """`connect(url)` decides over everything, until it is taken back."""
    monkeypatch.setenv("LN_JUPYTER_URL", f"sqlite:///{tmp_path}/environment.db")

    assert engines.connect("sqlite://").url.database is None
    assert str(tmp_path / "environment.db") == engines.connect().url.database


def test_an_empty_variable_says_nothing(project, monkeypatch):
    """A variable that is set to nothing is as one that is not set."""
    monkeypatch.setenv("LN_JUPYTER_URL", "")

    assert str(project / ".ln_jupyter") == settings.resolve(project).origins["url"]


def test_the_nearest_project_decides(project):
    """The first folder upwards with a project is taken, and no other one."""
    inner = project / "inner"
    (inner / ".ln_jupyter").mkdir(parents=True)
    (inner / "notebooks" / "deep").mkdir(parents=True)

    found = settings.resolve(inner / "notebooks" / "deep")

    assert f"sqlite:///{inner}/.ln_jupyter/registry.db" == found.url


def test_a_pyproject_without_our_table_is_no_project(project):
    """Somebody's package inside of a project belongs to it, whatever state its file is in."""
    for name, text in (("plain", "[project]\n"), ("broken", "[project\n"), ("binary", "\0")):
        (project / name).mkdir()
        (project / name / "pyproject.toml").write_text(text)

        assert str(project / ".ln_jupyter") == settings.resolve(project / name).origins["url"]


def test_a_table_may_leave_the_url_to_the_folder(project, pyproject):
    """With both in one folder, the folder says where the registry is and the table says the rest."""
    pyproject('advice = "off"')

    found = settings.resolve(project)

    assert (f"sqlite:///{project}/.ln_jupyter/registry.db", "off") == (found.url, found.advice)


def test_a_relative_folder_is_one_of_the_working_folder(project, monkeypatch):
    """Projects above the working folder are found from a relative path too."""
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")

    assert str(project / ".ln_jupyter") == settings.resolve(Path()).origins["url"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///data/r.db", "sqlite:///{}/data/r.db"),
        ("sqlite+pysqlite:///r.db?mode=ro", "sqlite:///{}/r.db?mode=ro"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///", "sqlite:///"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
    ],
)
def test_a_relative_url_is_read_from_the_project(pyproject, written, read):
    """A relative SQLite path is one of the file that names it, not of the working folder."""
    folder = pyproject(f'url = "{written}"')

    assert read.format(folder) == settings.resolve(folder).url


@pytest.mark.parametrize(
    ("table", "text", "message", "fix"),
    [
        ("[tool.ln_jupyter]", 'ulr = "x"', "unknown setting 'ulr'", "did you mean 'url'?"),
        (
            "[tool.ln_jupyter]",
            'colour = "x"',
            "unknown setting 'colour'",
            "it has: advice, executed_text, files, ignored_files, mode, url, user",
        ),
        ("[tool.ln_jupyter]", "user = 1", "sets user .* of type int", 'write it as text: user = "..."'),
        ("[tool.ln_jupyter]", 'mode = "maybe"', "mode is 'maybe' .*pyproject.toml", 'set it to "on" or "off"'),
        ("[tool.ln_jupyter]", 'advice = "no"', "advice is 'no' .*pyproject.toml", 'set it to "on" or "off"'),
        ("[tool]", "ln_jupyter = 1", "to no table", "write [tool.ln_jupyter]"),
        ("[tool.ln-jupyter]", 'url = "x"', "which nothing reads", "write it with an underscore: [tool.ln_jupyter]"),
        ("[tool.ln_jupyter]", "url =", "not valid TOML", "correct the file"),
    ],
)
def test_a_table_that_cannot_be_used(pyproject, table, text, message, fix):
    """A mistake in the table is an error that names the file and the key, and its fix."""
    folder = pyproject(text, table)

    with pytest.raises(errors.SettingsError, match=message) as raised:
        settings.resolve(folder)

    assert fix == raised.value.fix
    assert str(folder / "pyproject.toml") in str(raised.value)


def test_a_mode_of_the_environment_that_cannot_be_used(tmp_path, monkeypatch):
    """A mode that is none names the variable."""
    monkeypatch.setenv("LN_JUPYTER_MODE", "maybe")

    with pytest.raises(errors.SettingsError, match="environment variable LN_JUPYTER_MODE"):
        settings.resolve(tmp_path)


def test_a_password_is_not_repeated(pyproject):
    """A URL of the wrong type is not shown, and neither is one that is right."""
    folder = pyproject('url = ["postgresql://ann:top-secret@host/lab"]')
    with pytest.raises(errors.SettingsError) as raised:
        settings.resolve(folder)
    right = settings.resolve(pyproject('url = "postgresql://ann:top-secret@host/lab"'))

    assert "top-secret" not in f"{raised.value} {raised.value.fix} {right!r}"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner here")
@pytest.mark.parametrize("kind", ["folder", "table"])
def test_a_project_of_somebody_else_is_refused(tmp_path, pyproject, monkeypatch, kind):
    """The nearest project of another user is an error, not a reason to look further up."""
    inner = tmp_path / "inner"
    (tmp_path / ".ln_jupyter").mkdir()
    inner.mkdir()
    if kind == "folder":
        (inner / ".ln_jupyter").mkdir()
    else:
        (inner / "pyproject.toml").write_text('[tool.ln_jupyter]\nulr = "sqlite:////theirs.db"\n')
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)

    with pytest.raises(errors.UntrustedProjectError, match=rf"inner.* belongs to another user \(uid {me}\)") as raised:
        settings.resolve(inner)

    assert "set LN_JUPYTER_URL" in raised.value.fix


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner here")
def test_somebody_elses_package_is_not_refused(project, monkeypatch):
    """A pyproject of another user that only mentions the package says nothing, and is nobody's project."""
    (project / "theirs").mkdir()
    (project / "theirs" / "pyproject.toml").write_text('[project]\ndependencies = ["ln_jupyter"]\n')
    owner = {project / ".ln_jupyter": os.getuid()}
    stat = Path.stat

    def of_two_users(path, **options):
        found = list(stat(path, **options))
        found[4] = owner.get(path, os.getuid() + 1)
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", of_two_users)

    assert str(project / ".ln_jupyter") == settings.resolve(project / "theirs").origins["url"]


@pytest.mark.parametrize("name", ["why?", "100%", "a%20b", "a b", "#1", "é"])
def test_any_folder_can_be_a_project(tmp_path, name):
    """What a URL has a meaning of its own for is quoted, and the registry is in that very folder."""
    folder = tmp_path / name / ".ln_jupyter"
    folder.mkdir(parents=True)

    url = urls.parse(settings.resolve(tmp_path / name).url)

    assert (str(folder / "registry.db"), {}) == (url.database, dict(url.query))


def test_it_is_decided_once(project, tmp_path_factory):
    """The first call decides for the process, wherever later ones look from."""
    first = settings.current(project)

    assert settings.current(tmp_path_factory.mktemp("elsewhere")) is first


def test_forgetting_decides_anew(project, tmp_path_factory):
    """A test, or a moved project, can have it decided again."""
    first = settings.current(project)

    settings.forget()

    assert first != settings.current(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture
def gone(tmp_path, monkeypatch):
    """Work in a folder that is deleted."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()


def test_a_deleted_working_folder_is_no_project(gone, monkeypatch):
    """Where the environment names the registry, nothing depends on the working folder."""
    monkeypatch.setenv("LN_JUPYTER_URL", "sqlite:///named.db")

    assert ("sqlite:///named.db", "on") == (settings.current().url, settings.current().mode)


def test_a_deleted_working_folder_chooses_no_registry(gone):
    """The project that it was in is not known, and no other registry takes its place."""
    with pytest.raises(errors.SettingsError, match="the working folder was deleted") as raised:
        settings.current()

    assert "change to a folder that is there, or set LN_JUPYTER_URL" == raised.value.fix


def test_the_default_folder_is_private(tmp_path, monkeypatch):
    """The data folder is made when the registry is first used, for its owner only."""
    monkeypatch.setattr(settings, "data_folder", lambda: tmp_path / "share" / "ln_jupyter")
    monkeypatch.chdir(tmp_path)

    made = choose.of_registry()

    folder = tmp_path / "share" / "ln_jupyter"
    assert (0o700, 0o600) == (folder.stat().st_mode & 0o777, (folder / "registry.db").stat().st_mode & 0o777)
    engines.dispose(made.url)


@pytest.mark.parametrize(
    "text",
    [
        f"{'.'.join('a' * 20_000)} = 1",
        f"[{'.'.join('a' * 20_000)}]",
        f"a = {{{'.'.join('a' * 20_000)} = 1}}",
        "#" * (1 << 20),
    ],
)
def test_a_file_that_takes_for_ever(pyproject, text):
    """A project's file whose keys are so deep, or that is so long, that its reading would take hours, is an error."""
    folder = pyproject(f'url = "sqlite:///lab.db"\n{text}')

    with pytest.raises(errors.SettingsError, match="longer, or deeper, than the file of any project") as raised:
        settings.resolve(folder)

    assert str(folder / "pyproject.toml") in str(raised.value)


def test_a_user_without_a_name(tmp_path, monkeypatch):
    """In a container, whose user may have no name, the rows carry the number."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 123456)

    assert "uid-123456" == settings._login_name()


@pytest.mark.parametrize("source", ["default", "environment", "project", "decided"])
def test_advice_can_be_turned_off(pyproject, monkeypatch, source):
    """Advice is on unless the environment, the nearest project or what was decided says otherwise."""
    folder = pyproject('advice = "off"' if source in ("project", "decided") else "")
    monkeypatch.chdir(folder)
    if source == "environment":
        monkeypatch.setenv("LN_JUPYTER_ADVICE", "off")
    if source == "decided":
        settings.current(folder)
        monkeypatch.chdir("/")

    assert (source == "default") == settings.gives_advice()


def test_asking_for_advice_decides_nothing(project, monkeypatch, tmp_path_factory):
    """The registry's folder is still to be chosen afterwards."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    settings.gives_advice()

    assert str(project / ".ln_jupyter") == settings.current(project).origins["url"]


def test_settings_that_cannot_be_read_give_no_advice(pyproject, monkeypatch, tmp_path):
    """A remark is never the place where a mistake in the settings, or a folder that is gone, comes up."""
    monkeypatch.chdir(pyproject("url ="))
    broken = settings.gives_advice()
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    assert (False, False) == (broken, settings.gives_advice())
