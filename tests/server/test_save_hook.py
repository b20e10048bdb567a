import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from importlib.metadata import files
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import nbformat
import pytest
from jupyter_server.auth import passwd
from jupyter_server.services.contents.filemanager import FileContentsManager
from tornado.web import HTTPError

from ln_jupyter import sanitize
from ln_jupyter.notebook import document
from ln_jupyter.server import save_hook
from tests.server.conftest import JupyterServer, header, notebook

# of Jupyter Server's own schema, before 2.12
pytestmark = pytest.mark.filterwarnings("ignore:The `version` property of an event schema")

JANUARY, FEBRUARY, MARCH = (f"2026-0{month}-01T00:00:00+00:00" for month in (1, 2, 3))
FOREIGN = sorted(Path(str(file.locate())) for file in files("papermill") or () if file.suffix == ".ipynb")
ANOTHER = "aN0therN0teb"


@pytest.fixture
def contents_manager(tmp_path):
    """What saves files in a Jupyter server, with the hook registered."""
    contents_manager = FileContentsManager(root_dir=str(tmp_path))
    save_hook.register(contents_manager)
    yield contents_manager
    contents_manager.notary.store.close()


@pytest.fixture
def save(contents_manager, tmp_path):
    """Save a notebook, and give the `nbproject` metadata that the file has then."""

    def save(content, path="n.ipynb"):
        contents_manager.save({"type": "notebook", "format": "json", "content": content}, path)
        return json.loads((tmp_path / path).read_bytes())["metadata"].get("nbproject")

    return save


def cleared(content):
    """Give the notebook as an editor has it after clearing all outputs."""
    return content | {"cells": [cell | {"outputs": []} for cell in content["cells"]]}


def test_header_reaches_the_metadata(save):
    """What the header displays is in the file's metadata after the editor's own save."""
    assert header(JANUARY) == save(notebook(header(JANUARY)))


@pytest.mark.parametrize(
    "headers",
    [(header(MARCH, version="2"), header(JANUARY)), (header(JANUARY), header(MARCH, version="2"))],
    ids=["first cell", "last cell"],
)
def test_newest_header_wins(save, headers):
    """Of two headers the one that ran later counts, wherever its cell stands."""
    assert header(MARCH, version="2") == save(notebook(*headers))


def test_newer_metadata_wins(save):
    """An old output, such as one of a cell pasted from elsewhere, does not override newer metadata."""
    assert header(MARCH) == save(notebook(header(JANUARY, ANOTHER), metadata=header(MARCH)))


def test_metadata_wins_a_tie(save):
    """What somebody wrote into the metadata by hand stays, until the header runs again."""
    by_hand = header(JANUARY, version="1.2")

    assert by_hand == save(notebook(header(JANUARY), metadata=by_hand))


def test_ids_are_not_mixed(save):
    """A new identity takes no field from the old one."""
    old = header(JANUARY, ANOTHER, parent="Par3nt0fThem", mine="of the old one")

    assert header(MARCH) == save(notebook(header(MARCH), metadata=old))


def test_unknown_keys_survive(save):
    """What another program keeps under `nbproject` stays there."""
    assert header(MARCH, mine=[1]) == save(notebook(header(MARCH), metadata=header(JANUARY, mine=[1])))


def test_identity_survives_cleared_outputs(save):
    """The editor never learns of the metadata; clearing all outputs and saving keeps them."""
    before = save(notebook(header(JANUARY)))

    assert before == save(notebook())


def test_identity_survives_with_all_else(save):
    """Saved again and again, with and without outputs, the identity is as it was."""
    content = notebook(header(JANUARY, mine=1))
    steps = [content, content, cleared(content), notebook(header(FEBRUARY)), cleared(content), notebook()]

    found = [save(step)["time_run"] for step in steps]

    assert [JANUARY] * 3 + [FEBRUARY] * 3 == found


def test_editor_with_older_metadata(save):
    """A copy got its own id; the editor, which still has the original's, clears the outputs and saves."""
    as_loaded = header(JANUARY)
    save(notebook(header(MARCH, ANOTHER), metadata=as_loaded))

    assert header(MARCH, ANOTHER) == save(notebook(metadata=as_loaded))


def test_identity_in_saved_outputs_only(save, tmp_path):
    """A headless run left the header in the outputs; clearing them in an editor loses nothing."""
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook(header(JANUARY))))

    assert header(JANUARY) == save(notebook())


def test_cells_without_ids(save, tmp_path):
    """Before nbformat 4.5 cells have no ids; the identity of the file is kept all the same."""
    old = notebook(header(JANUARY)) | {"nbformat_minor": 4}
    for cell in old["cells"]:
        del cell["id"]
    (tmp_path / "n.ipynb").write_text(json.dumps(old))

    assert header(JANUARY) == save(cleared(old))


def test_another_notebook_at_the_path(save):
    """A notebook that replaces another one inherits nothing."""
    save(notebook(header(JANUARY)))

    assert save(notebook(cell_ids="xyz")) is None


def test_file_is_read_only_where_needed():
    """Where an output carries the identity, the file that is replaced is not read."""
    content = notebook(header(JANUARY))

    save_hook.promote(content, saved=lambda: pytest.fail("was read"))

    assert header(JANUARY) == content["metadata"]["nbproject"]


@pytest.mark.parametrize(
    "corrupt", [b"", b'{"nbproject"', b'["nbproject"]', b'\xff"nbproject"', b'{"nbformat": "nbproject"}']
)
def test_corrupt_file_never_blocks_a_save(save, tmp_path, caplog, corrupt):
    """Whatever is in the file, the editor's version replaces it, and that is not worth a word."""
    (tmp_path / "n.ipynb").write_bytes(corrupt)

    assert save(notebook()) is None
    assert not [record for record in caplog.records if "ln_jupyter" in record.getMessage()]


@pytest.mark.parametrize("odd", ["text", 5, [], ["x"], None, {}, {"id": 5}, {"id": ""}, {"id": "<b>"}, {"mine": 1}])
def test_odd_metadata_is_left_alone(save, odd):
    """Metadata that name nobody are nobody's, and are saved as they are."""
    content = notebook()
    content["metadata"]["nbproject"] = odd

    assert odd == save(content)


def test_odd_metadata_give_way_to_a_header(save):
    """A header that ran says who it is; keys it does not know stay."""
    assert header(JANUARY, mine=1) == save(notebook(header(JANUARY), metadata={"id": "<b>", "mine": 1}))


@pytest.mark.parametrize(
    "odd", [[], ["x"], "text", {"nbproject": []}, {"nbproject": {"id": "<script>"}}, {"nbproject": {}}]
)
def test_odd_header_is_no_header(save, odd):
    """An output of our type that holds something else changes nothing."""
    content = notebook(header(JANUARY))
    content["cells"][0]["outputs"][0]["data"][document.MIME] = odd

    assert save(content) is None


@pytest.mark.parametrize("name", ["n.ipynb", "n\x1b[2J\n\u202e.ipynb"])
def test_failing_hook_never_fails_a_save(contents_manager, tmp_path, caplog, name):
    """Where the hook cannot do its work, the notebook is saved as it came, and the log has one line, which is text."""
    content = notebook(header(JANUARY))
    content["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [], "data": "no mapping"}]

    contents_manager.save({"type": "notebook", "format": "json", "content": content}, name)

    assert content == json.loads((tmp_path / name).read_bytes())
    (line,) = [record.getMessage() for record in caplog.records if "ln_jupyter" in record.getMessage()]
    assert line.startswith(
        f"ln_jupyter: {sanitize.plain(name)} is saved with the metadata it came with: AttributeError"
    )


def test_configured_hook_runs_after_ours(tmp_path):
    """A hook that clears the outputs, as Jupyter's documentation has it, does not take the identity with them."""

    def scrub(model, **_):
        model["content"] = cleared(model["content"])

    contents_manager = FileContentsManager(root_dir=str(tmp_path))
    contents_manager.pre_save_hook = scrub
    save_hook.register(contents_manager)

    contents_manager.save({"type": "notebook", "format": "json", "content": notebook(header(JANUARY))}, "n.ipynb")

    contents_manager.notary.store.close()
    assert notebook(metadata=header(JANUARY)) == json.loads((tmp_path / "n.ipynb").read_bytes())


def test_configured_hook_keeps_its_name(tmp_path):
    """Whoever asks which hook is configured, as a log line does, is told the user's."""

    def scrub(**_):
        """Clear the outputs."""

    contents_manager = FileContentsManager(root_dir=str(tmp_path))
    contents_manager.pre_save_hook = scrub

    save_hook.register(contents_manager)

    hook = contents_manager.pre_save_hook
    contents_manager.notary.store.close()
    assert ("scrub", "Clear the outputs.") == (hook.__name__, hook.__doc__)


def test_configured_hook_may_refuse(tmp_path):
    """A hook of the user's that refuses a save still does."""

    def refuse(**_):
        raise HTTPError(400, "not on a Sunday")

    contents_manager = FileContentsManager(root_dir=str(tmp_path))
    contents_manager.pre_save_hook = refuse
    save_hook.register(contents_manager)

    with pytest.raises(HTTPError, match="Sunday"):
        contents_manager.save({"type": "notebook", "format": "json", "content": notebook()}, "n.ipynb")

    contents_manager.notary.store.close()


def test_registered_hooks_run(contents_manager, save):
    """Hooks of other extensions run beside ours."""
    seen = []
    contents_manager.register_pre_save_hook(lambda model, **_: seen.append(model["content"]["metadata"]))

    save(notebook(header(JANUARY)))

    assert [{"nbproject": header(JANUARY)}] == seen


def test_text_is_saved_as_it_is(contents_manager, tmp_path):
    """A notebook that another extension writes as text, as jupytext does, is a file like any other."""
    text = "# %%\nimport ln_jupyter as ln\nln.header()\n"

    contents_manager.save({"type": "file", "format": "text", "content": text}, "n.py")

    assert text == (tmp_path / "n.py").read_text()


META_STORE = """
import sys
import nbproject._header as header  # where its own header() leaves what it found
header._filepath, header._env = sys.argv[1], "jupyterlab"
from nbproject import meta
print(meta.store.id, meta.store.version, meta.store.pypackage)
"""


def test_nbproject_reads_ours(save, tmp_path):
    """The real nbproject's `meta.store` shows our id, version and packages."""
    save(notebook(header(JANUARY, version="1.2", pypackage={"pandas": "2.2.3"})))

    found = subprocess.run(
        [sys.executable, "-c", META_STORE, str(tmp_path / "n.ipynb")], capture_output=True, text=True, check=True
    )

    assert "Rx2s9cPTMQLY 1.2 {'pandas': '2.2.3'}" == found.stdout.strip()


def test_saved_through_the_server(server):
    """A server with the extension keeps the identity at whatever base URL, and in names of whatever letters."""
    (server.folder / "Ä b").mkdir()

    saved = server.save("Ä b/größe 1.ipynb", notebook(header(JANUARY)))

    assert notebook(header(JANUARY), metadata=header(JANUARY)) == saved


def test_saved_by_somebody_who_logged_in(server_environment, tmp_path):
    """A server that knows only a password keeps the identity like any other."""
    hashed = f"--PasswordIdentityProvider.hashed_password={passwd('open sesame', algorithm='sha1')}"
    server = JupyterServer(tmp_path / "root", server_environment | {"JUPYTER_TOKEN": ""}, hashed)
    cookies = CookieJar()
    browser = build_opener(HTTPCookieProcessor(cookies))
    browser.open(f"{server.url}login").close()
    (xsrf,) = [str(cookie.value) for cookie in cookies if cookie.name == "_xsrf"]
    browser.open(f"{server.url}login", urlencode({"password": "open sesame", "_xsrf": xsrf}).encode()).close()
    (xsrf,) = [str(cookie.value) for cookie in cookies if cookie.name == "_xsrf"]  # another one for a user

    body = json.dumps({"type": "notebook", "format": "json", "content": notebook(header(JANUARY))}).encode()
    headers = {"Content-Type": "application/json", "X-XSRFToken": xsrf}
    browser.open(Request(f"{server.url}api/contents/n.ipynb", body, headers, method="PUT")).close()

    server.stop()
    assert header(JANUARY) == server.read("n.ipynb")["metadata"]["nbproject"]


def test_checkpoint_is_restored(server):
    """Reverting to a checkpoint brings back the identity it had."""
    server.save("checkpoint.ipynb", notebook(header(JANUARY)))
    checkpoint = server.send("POST", "api/contents/checkpoint.ipynb/checkpoints")
    server.save("checkpoint.ipynb", notebook(header(MARCH)))

    server.send("POST", f"api/contents/checkpoint.ipynb/checkpoints/{checkpoint['id']}")

    assert header(JANUARY) == server.read("checkpoint.ipynb")["metadata"]["nbproject"]


def test_concurrent_saves(server):
    """Many editors that save at once, with outputs and without, each keep their own identity."""

    def edit(number):
        ours = notebook(header(JANUARY, f"notebook{number}"))
        for content in (ours, cleared(ours), notebook()):
            saved = server.save(f"{number}.ipynb", content)
        return saved["metadata"]["nbproject"]["id"]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(edit, range(16)))

    assert [f"notebook{number}" for number in range(16)] == found


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.name)
def test_foreign_notebooks(server, path):
    """Notebooks of other people's making come out of a save as valid as they were, and lose nothing."""
    (server.folder / path.name).write_bytes(path.read_bytes())

    server.save(path.name, server.get(f"api/contents/{path.name}")["content"])

    after = nbformat.read(server.folder / path.name, as_version=nbformat.NO_CONVERT)
    assert nbformat.read(path, as_version=nbformat.NO_CONVERT) == after
    nbformat.validate(after)


def test_there_are_many_foreign_notebooks():
    """The test before this one has something to prove."""
    assert len(FOREIGN) >= 20
