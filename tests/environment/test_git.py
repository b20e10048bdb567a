from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from ln_jupyter.environment import git
from ln_jupyter.environment.git import Revision
from tests import waits

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture(autouse=True)
def nobodys_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither this machine's configuration nor its user's is read."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "gitconfig").write_text(
        '[user]\n name = Ada\n email = ada@example.org\n[protocol "file"]\n allow = always\n'
    )


def run(*arguments: str, cwd: Path) -> str:
    result = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return result.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, of a notebook in a folder."""
    root = tmp_path / "my lab"
    (root / "sub").mkdir(parents=True)
    run("init", "-q", cwd=root)
    commit(root, "sub/a.ipynb")
    return root


def commit(root: Path, file: str) -> str:
    (root / file).write_text("{}")
    run("add", file, cwd=root)
    run("commit", "-q", "-m", "one", cwd=root)
    return run("rev-parse", "HEAD", cwd=root)


def test_clean(repository: Path) -> None:
    """The commit is known from every folder of the repository."""
    head = run("rev-parse", "HEAD", cwd=repository)

    assert Revision(head, dirty=False) == git.revision(repository / "sub")
    assert re.fullmatch("[0-9a-f]{40}", head)


def test_modified(repository: Path) -> None:
    """A tracked file that was changed makes the folder dirty, staged or not."""
    (repository / "sub" / "a.ipynb").write_text("[]")

    modified = git.revision(repository)
    run("add", ".", cwd=repository)
    staged = git.revision(repository)

    assert modified is not None
    assert modified.dirty
    assert modified == staged


def test_untracked(repository: Path) -> None:
    """A file that git does not know changes nothing."""
    (repository / "b.ipynb").touch()

    found = git.revision(repository)

    assert found is not None
    assert not found.dirty


def test_unborn(tmp_path: Path) -> None:
    """Before the first commit there is none."""
    run("init", "-q", cwd=tmp_path)
    clean = git.revision(tmp_path)
    (tmp_path / "a.ipynb").touch()
    run("add", ".", cwd=tmp_path)

    assert Revision(None, dirty=False) == clean
    assert Revision(None, dirty=True) == git.revision(tmp_path)


def test_worktree(repository: Path, tmp_path: Path) -> None:
    """A worktree has a commit of its own."""
    run("worktree", "add", "-q", str(tmp_path / "tree"), cwd=repository)
    head = commit(tmp_path / "tree", "b.ipynb")

    assert Revision(head, dirty=False) == git.revision(tmp_path / "tree")
    assert Revision(head, dirty=False) != git.revision(repository)


def test_submodule(repository: Path, tmp_path: Path) -> None:
    """A submodule has a commit of its own, and makes the repository around it dirty as git says."""
    outer = tmp_path / "outer"
    outer.mkdir()
    run("init", "-q", cwd=outer)
    run("submodule", "--quiet", "add", str(repository), "inner", cwd=outer)
    run("commit", "-q", "-m", "one", cwd=outer)
    (outer / "inner" / "sub" / "a.ipynb").write_text("[]")

    found = git.revision(outer / "inner")

    assert Revision(run("rev-parse", "HEAD", cwd=repository), dirty=True) == found
    assert Revision(run("rev-parse", "HEAD", cwd=outer), dirty=True) == git.revision(outer)


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a repository, git is not even asked."""
    monkeypatch.setattr(subprocess, "Popen", None)

    assert git.revision(tmp_path) is None
    assert git.revision(tmp_path / "gone") is None


@pytest.mark.parametrize("content", ["", "gitdir: /nowhere"])
def test_damaged(tmp_path: Path, content: str) -> None:
    """A repository that git cannot read is none."""
    (tmp_path / ".git").write_text(content)

    assert git.revision(tmp_path) is None


def test_bare(tmp_path: Path) -> None:
    """A repository without files says nothing of the notebook."""
    run("init", "-q", "--bare", ".git", cwd=tmp_path)

    assert git.revision(tmp_path) is None


def test_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without git, nothing is known."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert git.revision(repository) is None


def test_folder_that_is_gone(repository: Path) -> None:
    """A folder that was deleted meanwhile says nothing."""
    assert git.revision(repository / "gone") is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_of_somebody_else(repository: Path) -> None:
    """A repository of another user, which git refuses, is left alone."""
    for path in (repository, repository / ".git"):
        os.chown(path, 12345, 12345)

    assert git.revision(repository) is None


def test_inside_a_hook(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What git tells its hooks of another repository is not believed here."""
    other = tmp_path / "other"
    other.mkdir()
    run("init", "-q", cwd=other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))

    found = git.revision(repository)

    assert found is not None
    assert found.commit is not None
    assert not found.dirty


def program(path: Path, *lines: str) -> str:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return str(path)


# Settings that name a program, each with its value, and whether `git status` would run it.
PROGRAMS = [
    (True, "core.fsmonitor {trap}"),
    (True, "core.hooksPath {hooks}"),
    (True, "include.path {included}"),
    (True, "filter.own.clean {trap}"),
    (True, "filter.own.process {trap}"),
    (True, "filter.own.clean {trap} filter.own.required true"),
    (True, "filter.a.b=c.clean {trap}"),
    (True, "remote.origin.url ssh://localhost/x core.sshCommand {trap} extensions.partialClone origin"),
    (True, "remote.origin.url ext::{trap} protocol.ext.allow always extensions.partialClone origin"),
    (True, "remote.origin.url {other} remote.origin.uploadpack {trap} extensions.partialClone origin"),
    (False, "core.pager {trap} pager.status true pager.config {trap} pager.rev-list {trap}"),
    (False, "core.alternateRefsCommand {trap}"),
    (False, "core.worktree {other}"),
    (False, "diff.external {trap} diff.own.command {trap} diff.own.textconv {trap}"),
    (False, "gpg.program {trap} log.showSignature true"),
    (False, "credential.helper !{trap} core.askPass {trap} core.editor {trap} core.gitProxy {trap}"),
    (False, "alias.status !{trap} alias.config !{trap} alias.rev-list !{trap}"),
]


@pytest.mark.parametrize(("is_run_by_git", "settings"), PROGRAMS)
def test_nothing_is_run(repository: Path, tmp_path: Path, settings: str, *, is_run_by_git: bool) -> None:
    """No program that a repository names is run, whatever for."""
    sprung, included, other = tmp_path / "sprung", tmp_path / "included", tmp_path / "other"
    trap = program(tmp_path / "trap", f"touch '{sprung}'")
    included.write_text(f"[core]\nfsmonitor = {trap}\n")
    (tmp_path / "hooks").mkdir()
    program(tmp_path / "hooks" / "post-index-change", trap)
    own = "a.b=c" if "a.b=c" in settings else "own"
    (repository / ".git" / "info" / "attributes").write_text(f"*.ipynb filter={own} diff=own\n")
    shutil.copytree(repository, other)
    (repository / ".git" / "objects" / "info" / "alternates").write_text(f"{other}/.git/objects\n")
    (repository / "sub" / "a.ipynb").write_text("[]")
    words = [
        word.format(trap=trap, hooks=tmp_path / "hooks", included=included, other=other) for word in settings.split()
    ]
    if "partialClone" in settings:
        tree = run("rev-parse", "HEAD^{tree}", cwd=repository)
        for each in (repository, other):
            (each / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
        words += ["core.repositoryFormatVersion", "1"]
    for name, value in zip(words[::2], words[1::2], strict=True):
        run("config", name, value, cwd=repository)

    git.revision(repository)
    git.are_one_file(repository / "sub" / "a.ipynb", other / "sub" / "a.ipynb")

    assert not sprung.exists()
    subprocess.run(["git", "status"], cwd=repository, capture_output=True, check=False)
    assert is_run_by_git == sprung.exists()


@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize("setting", ["core.fsmonitor", "filter.own.clean"])
def test_nothing_is_run_of_a_submodule(repository: Path, tmp_path: Path, setting: str, *, is_listed: bool) -> None:
    """Nor is what a repository inside of it names, as git would run it, whether or not `.gitmodules` has it."""
    inner = repository / "inner"
    run("clone", "-q", str(repository), str(inner), cwd=repository)
    (inner / ".git" / "info" / "attributes").write_text("*.ipynb filter=own\n")
    run("config", setting, program(tmp_path / "trap", f"touch '{tmp_path}/sprung'"), cwd=inner)
    if is_listed:
        (repository / ".gitmodules").write_text('[submodule "inner"]\npath = inner\nurl = ./inner\n')
    run("add", ".", cwd=repository)
    (inner / "sub" / "a.ipynb").write_text("[]")
    (tmp_path / "sprung").unlink(missing_ok=True)

    git.revision(repository)

    assert not (tmp_path / "sprung").exists()
    run("status", cwd=repository)
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("changed", "configured", "dirty"),
    [
        ("sub/a.ipynb", "--local", None),
        ("sub/a.ipynb", "--global", False),
        ("sub/b.py", "--local", True),
        ("none", "--local", False),
    ],
)
def test_what_only_a_filter_can_tell(repository: Path, changed: str, configured: str, *, dirty: bool | None) -> None:
    """A file that differs, perhaps only by what a repository's own filter takes out, is not judged; the user's is run."""
    (repository / ".gitattributes").write_text("*.ipynb filter=own\n")
    commit(repository, "sub/b.py")
    run("add", ".", cwd=repository)
    run("commit", "-q", "-m", "two", cwd=repository)
    run("config", configured, "filter.own.clean", "echo -n '{}'", cwd=repository)
    (repository / changed).write_text("[]")

    found = git.revision(repository)

    assert Revision(run("rev-parse", "HEAD", cwd=repository), dirty) == found


@pytest.mark.parametrize("path", [".", "..", "/", "../other", "gone", "sub"])
def test_submodules_that_are_none(repository: Path, tmp_path: Path, path: str) -> None:
    """A `.gitmodules` that leads elsewhere, or back, is not followed."""
    shutil.copytree(repository, tmp_path / "other")
    (tmp_path / "other" / "sub" / "a.ipynb").write_text("[]")
    (repository / ".gitmodules").write_text(f'[submodule "x"]\npath = {path}\n')

    assert Revision(run("rev-parse", "HEAD", cwd=repository), dirty=False) == git.revision(repository)


def test_index_is_not_written(repository: Path) -> None:
    """Asking leaves the repository as it was, so that it disturbs no other git."""
    index = repository / ".git" / "index"
    os.utime(repository / "sub" / "a.ipynb", (1, 1))  # git would refresh what it remembers
    before = index.read_bytes()

    git.revision(repository)

    assert before == index.read_bytes()
    assert not (repository / ".git" / "index.lock").exists()


def test_slow(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that takes too long is ended, with the program that it waits for."""
    started, alive = tmp_path / "started", tmp_path / "alive"
    os.mkfifo(alive)
    listening = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    waiting = program(tmp_path / "waiting", f"exec 3> '{alive}'", "echo 1 >&3", f"touch '{started}'", "sleep 600")
    (repository / ".gitattributes").write_text("*.ipynb filter=slow\n")
    run("config", "--global", "filter.slow.clean", waiting, cwd=repository)
    (repository / "sub" / "a.ipynb").write_text("[]")

    communicate = subprocess.Popen.communicate

    def communicate_once_started(process: subprocess.Popen[bytes], *given: Any, **options: Any) -> tuple[bytes, bytes]:
        if "status" in process.args:
            waits.until(started.exists)
        return communicate(process, *given, **options)

    monkeypatch.setattr(subprocess.Popen, "communicate", communicate_once_started)

    found = git.revision(repository, timeout=0.1)

    assert found is None
    with os.fdopen(listening, "rb") as file:
        os.set_blocking(listening, True)
        assert file.read() == b"1\n"  # to the end: nobody holds the other end any more


def test_a_folder_laid_out_as_a_bare_repository(repository: Path) -> None:
    """A folder that came with a clone is no repository of its own, whose configuration would name programs."""
    inner = repository / "sub" / "data"
    run("init", "-q", "--bare", str(inner), cwd=repository)
    run("--git-dir", str(inner), "config", "core.bare", "false", cwd=repository)
    run("--git-dir", str(inner), "config", "core.worktree", str(inner), cwd=repository)

    assert git.revision(repository) == git.revision(inner)
