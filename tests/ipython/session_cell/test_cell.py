"""What a session cell is: a native cell, inside `with ln.Session():`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Kernel

OUTSIDE = {
    "thread": "seen = []\nt = threading.Thread(target=lambda: seen.append(in_session()))\nt.start()\nt.join()\nseen[0]",
    "executor": "with concurrent.futures.ThreadPoolExecutor() as pool:\n    seen = pool.submit(in_session).result()\nseen",
    "to_thread": "await asyncio.to_thread(in_session)",
    "fork": "pid = os.fork()\nif not pid:\n    os._exit(in_session())\nbool(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
}


def test_commit(kernel: Kernel, name: str) -> None:
    """At the end of the cell everything is saved, and the session is closed."""
    kernel.run(f"%%ln_session --as ss\npipeline = pipeline_of({name!r})\nopen_inside = in_session()")

    assert (1, (True, False), name) == (
        kernel.count(name),
        kernel.read("(open_inside, in_session())"),
        kernel.read("pipeline.name"),
    )


def test_out(kernel: Kernel) -> None:
    """The last expression is shown once, kept in `_` and `Out`, and counted as in any cell."""
    executed = kernel.run("%%ln_session\nx = 20\nx + 22")
    count = executed.reply["execution_count"]

    assert ("42", (42, 42)) == (executed.value, kernel.read(f"(_{count}, Out[{count}])"))
    assert ["execute_result"] == [kind for kind, _ in executed.outputs]


def test_display_in_session(kernel: Kernel, name: str) -> None:
    """What the cell shows is shown while the session is open."""
    kernel.run("class Lazy:\n    def __repr__(self):\n        return f'in session: {in_session()}'")

    executed = kernel.run("%%ln_session\nLazy()")

    assert "in session: True" == executed.value


def test_order_of_outputs(kernel: Kernel) -> None:
    """Outputs come in the order of the code."""
    executed = kernel.run("%%ln_session\nprint(1)\ndisplay(2)\nprint(3)\n4")

    assert ["stream", "display_data", "stream", "execute_result"] == [kind for kind, _ in executed.outputs]


def test_semicolon(kernel: Kernel) -> None:
    """A semicolon at the end hides the value."""
    executed = kernel.run("%%ln_session\n42;")

    assert [] == executed.outputs


@pytest.mark.parametrize(
    ("mode", "expected"), [("all", ["1", "3"]), ("last_expr_or_assign", ["3"]), ("last", ["3"]), ("none", [])]
)
def test_interactivity(kernel: Kernel, mode: str, expected: list[str]) -> None:
    """Every mode of display shows what it shows in any cell."""
    kernel.run(f"get_ipython().ast_node_interactivity = {mode!r}")

    executed = kernel.run("%%ln_session\n1\nx = 2\n3")

    kernel.run("get_ipython().ast_node_interactivity = 'last_expr'")
    assert expected == [content["data"]["text/plain"] for _, content in executed.outputs]


@pytest.mark.parametrize(
    "source",
    [
        "await in_session_later()",
        "async with asyncio.timeout(30):\n    seen = await in_session_later()\nseen",
        "all(await asyncio.gather(in_session_later(), in_session_later()))",
        "await asyncio.create_task(in_session_later())",
        "async for _ in (n async for n in aiter(agen())):\n    seen = in_session()\nseen",
    ],
)
def test_await(kernel: Kernel, source: str) -> None:
    """What the cell awaits uses its session."""
    kernel.run("async def agen():\n    yield await in_session_later()")

    executed = kernel.run(f"%%ln_session\n{source}")

    assert "True" == executed.value


def test_await_commits(kernel: Kernel, name: str) -> None:
    """A cell with `await` commits at its end."""
    kernel.run(f"%%ln_session\nawait asyncio.sleep(0)\npipeline_of({name!r})\nawait asyncio.sleep(0)")

    assert 1 == kernel.count(name)


@pytest.mark.parametrize("source", OUTSIDE.values(), ids=OUTSIDE)
def test_elsewhere(kernel: Kernel, source: str) -> None:
    """Other threads and processes do not see the session."""
    executed = kernel.run(f"%%ln_session\n{source}")

    assert "False" == executed.value


def test_task_outlives(kernel: Kernel) -> None:
    """A task that outlives the cell does not see the session, nor the next cell's."""
    kernel.run(
        "%%ln_session\n"
        "go = asyncio.Event()\n"
        "async def wait():\n"
        "    await go.wait()\n"
        "    return in_session()\n"
        "task = asyncio.create_task(wait())\n"
        "await asyncio.sleep(0)"
    )

    executed = kernel.run("%%ln_session\ngo.set()\nawait task, in_session()")

    assert "(False, True)" == executed.value


def test_other_task(kernel: Kernel) -> None:
    """What else runs while the cell awaits, like a widget's callback, does not see the session."""
    kernel.run(
        "asked, answered = asyncio.Event(), asyncio.Event()\n"
        "async def answer():\n"
        "    global answer_was\n"
        "    await asked.wait()\n"
        "    answer_was = in_session()\n"
        "    answered.set()\n"
        "callback = asyncio.create_task(answer())"
    )

    executed = kernel.run("%%ln_session\nasked.set()\nawait answered.wait()\nanswer_was")

    assert "False" == executed.value


@pytest.mark.parametrize(
    "call",
    [
        "await asyncio.to_thread(open_session)",
        "go = asyncio.Event()\ntask = asyncio.create_task(open_later(go))\nawait asyncio.sleep(0)",
    ],
    ids=["thread", "task"],
)
def test_open_elsewhere(kernel: Kernel, call: str) -> None:
    """Another thread, or a task that outlives the cell, cannot open a session for it."""
    kernel.run(
        "def open_session():\n"
        "    try:\n"
        "        get_ipython().run_line_magic('ln_session', 'cell')\n"
        "    except ln.errors.MagicError as error:\n"
        "        return 'refused'\n"
        "async def open_later(go):\n"
        "    await go.wait()\n"
        "    return open_session()\n"
    )
    first = kernel.run(f"%%ln_session\n{call}")

    executed = first if first.value else kernel.run("go.set()\nawait task")

    assert "'refused'" == executed.value


def test_generator_outlives(kernel: Kernel) -> None:
    """A generator that is read after its cell does not see the session."""
    kernel.run("%%ln_session\ngenerator = (in_session() for _ in range(2))\nfirst = next(generator)")

    executed = kernel.run("first, next(generator)")

    assert "(True, False)" == executed.value


def test_with_inside(kernel: Kernel) -> None:
    """A block inside the cell has its own session, and gives back the cell's."""
    executed = kernel.run(
        "%%ln_session\n"
        "outer = ln.current_session()\n"
        "with ln.Session():\n"
        "    inner = ln.current_session()\n"
        "inner is not outer, ln.current_session() is outer"
    )

    assert "(True, True)" == executed.value


@pytest.mark.parametrize("source", ["_ = get_ipython().run_cell('found = ln.current_session()')", "%run -i found.py"])
def test_code_run_inside(kernel: Kernel, source: str) -> None:
    """Code that the cell runs uses the cell's session, which stays open after it."""
    kernel.run("%%writefile found.py\nfound = ln.current_session()")

    executed = kernel.run(f"%%ln_session\n{source}\nfound is not None, found is ln.current_session()")

    assert "(True, True)" == executed.value


def test_session_cell_inside(kernel: Kernel, name: str) -> None:
    """A session cell that the cell runs has its own session, and ends alone."""
    inner = f"%%ln_session\n_ = pipeline_of({name!r})"
    executed = kernel.run(
        "%%ln_session\n"
        "outer = ln.current_session()\n"
        f"_ = get_ipython().run_cell({inner!r})\n"
        "with concurrent.futures.ThreadPoolExecutor() as pool:\n"
        f"    count = pool.submit(lambda: ln.select(lns.Pipeline, name={name!r}).count()).result()\n"
        "count, ln.current_session() is outer"
    )

    assert "(1, True)" == executed.value


def test_silent(kernel: Kernel, name: str) -> None:
    """A silent cell commits and closes as well."""
    kernel.run(f"%%ln_session\npipeline_of({name!r})", silent=True)

    assert (1, False) == (kernel.count(name), kernel.read("in_session()"))


@pytest.mark.parametrize(
    "source",
    [
        "%%ln_session",
        "\n\n# why\n%%ln_session\nseen = in_session()",
        "    %%ln_session\n    seen = in_session()",
        "%%ln_session\r\nseen = in_session()\r\n",
        "%%ln_session\n\n# only a comment",
        "%%ln_session\nfrom __future__ import annotations\nseen = in_session()",
    ],
)
def test_shapes(kernel: Kernel, source: str) -> None:
    """Blank lines, comments, indentation, line ends and an empty body are as in any cell."""
    kernel.run("seen = True")

    executed = kernel.run(source)

    assert ("ok", True) == (executed.status, kernel.read("seen"))


def test_text(kernel: Kernel, name: str) -> None:
    """The magic's name in a string or a written file is only text."""
    executed = kernel.run(f"%%writefile {name}.py\n%%ln_session\nx = 1\n")
    text = kernel.run(f"text = '''\n%%ln_session\n'''\ntext, in_session(), open('{name}.py').read()")

    assert "ok" == executed.status
    assert r"('\n%%ln_session\n', False, '%%ln_session\nx = 1\n')" == text.value


def test_history(kernel: Kernel) -> None:
    """History keeps the cell as it was typed."""
    source = "%%ln_session\nx = 'history'"
    count = kernel.run(source).reply["execution_count"]

    assert source == kernel.read(f"_i{count}")
    assert source == kernel.run(f"%history {count}").stdout.strip()


def test_rerun(kernel: Kernel, name: str) -> None:
    """`%rerun` runs the cell in a session again."""
    kernel.run(f"%%ln_session\npipeline_of({name!r});")

    kernel.run("%rerun")

    assert 2 == kernel.count(name)


def test_source(kernel: Kernel) -> None:
    """The source of a function is its own, now and in later tracebacks."""
    kernel.run("%%ln_session\n\ndef fail():\n    return 1 / 0")

    executed = kernel.run("print(inspect.getsource(fail))\nfail()")

    assert "def fail():\n    return 1 / 0" == executed.stdout.strip()
    assert "----> 4     return 1 / 0" in executed.traceback


def test_breakpoints(kernel: Kernel) -> None:
    """The debugger finds the cell under the name it expects, so that breakpoints hold."""
    source = "%%ln_session\ndef f():\n    pass"
    kernel.run(source)

    kernel.run("from ipykernel.compiler import get_file_name")
    executed = kernel.run(f"f.__code__.co_filename == get_file_name({source!r}), f.__code__.co_firstlineno")

    assert "(True, 2)" == executed.value


@pytest.mark.parametrize(
    "magics",
    [
        *("%%ln_session\n%%time", "%%time\n%%ln_session", "%%ln_session\n%%capture", "%%capture\n%%ln_session"),
        *("%%ln_session\n%%prun -q", "%%prun -q\n%%ln_session"),
    ],
)
def test_stacked(kernel: Kernel, name: str, magics: str) -> None:
    """Other cell magics go above or below."""
    executed = kernel.run(f"{magics}\nseen = in_session()\n_ = pipeline_of({name!r})")

    assert ("ok", (True, False), 1) == (executed.status, kernel.read("(seen, in_session())"), kernel.count(name))


@pytest.mark.parametrize("magic", ["%%bash\ntest 1 = 1", "%%html\n<b>bold</b>", "%%script cat\n1 = not Python"])
def test_other_language_below(kernel: Kernel, magic: str) -> None:
    """A body in another language runs below."""
    executed = kernel.run(f"%%ln_session\n{magic}")

    assert "ok" == executed.status


def test_unknown_magic_below(kernel: Kernel) -> None:
    """A magic that does not exist is an error, as in any cell."""
    executed = kernel.run("%%ln_session\n%%nosuchmagic\nx = 1")

    assert ("error", "UsageError") == (executed.status, executed.reply["ename"])


def test_twice(kernel: Kernel, name: str) -> None:
    """The magic below itself is one session."""
    executed = kernel.run(f"%%ln_session\n%%ln_session --as ss\n_ = pipeline_of({name!r})\nin_session()")

    assert ("True", 1) == (executed.value, kernel.count(name))


def test_second_session(kernel: Kernel, name: str) -> None:
    """A second session in a cell ends the first, which stays saved whatever becomes of the second."""
    kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\n%ln_session cell\n_ = pipeline_of('{name} second')\n1 / 0")

    assert (1, 0) == (kernel.count(name), kernel.count(f"{name} second"))


def test_macro(kernel: Kernel, name: str) -> None:
    """A macro of a session cell is one."""
    kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})")

    kernel.run("%macro -q again {len(In) - 2}")
    kernel.run("again")

    assert 2 == kernel.count(name)


def test_saved_cells(kernel: Kernel, name: str) -> None:
    """A cell that `%save` wrote to a file runs from there."""
    kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})")

    kernel.run(f"%save -f {name}.ipy _i")
    kernel.run(f"%run -i {name}.ipy")

    assert 2 == kernel.count(name)


@pytest.mark.parametrize("first", ["", "%%ln_session\n"])
def test_run_notebook(kernel: Kernel, name: str, first: str) -> None:
    """A notebook under `%run` runs each of its session cells in its own session."""
    cells = [f"%%ln_session\n_ = pipeline_of({name!r})"] * 2
    kernel.run(
        "import json\n"
        "def cell(source):\n"
        "    return {'cell_type': 'code', 'id': 'c', 'source': source, 'metadata': {}, 'outputs': [],"
        " 'execution_count': None}\n"
        f"cells = [cell(source) for source in {cells!r}]\n"
        "notebook = {'nbformat': 4, 'nbformat_minor': 5, 'metadata': {}, 'cells': cells}\n"
        f"with open('{name}.ipynb', 'w') as file:\n    json.dump(notebook, file)"
    )

    executed = kernel.run(f"{first}%run -i {name}.ipynb\nin_session()")

    assert (str(bool(first)), 2) == (executed.value, kernel.count(name))


@pytest.mark.parametrize("position", ["insert(0, theirs)", "append(theirs)"])
def test_other_transformers(kernel: Kernel, position: str) -> None:
    """Input transformers of others work in the body, wherever they stand."""
    kernel.run("def theirs(lines):\n    return [line.replace('OPEN', 'in_session()') for line in lines]")
    kernel.run(f"get_ipython().input_transformers_cleanup.{position}")

    executed = kernel.run("%%ln_session\nOPEN")

    kernel.run("get_ipython().input_transformers_cleanup.remove(theirs)")
    assert "True" == executed.value


def test_syntax_trees(kernel: Kernel) -> None:
    """AST transformers of others see the body."""
    kernel.run(
        "import ast\n"
        "class Negate(ast.NodeTransformer):\n"
        "    def visit_Constant(self, node):\n"
        "        return ast.copy_location(ast.Constant(-node.value), node) if node.value == 5 else node\n"
        "get_ipython().ast_transformers.append(Negate())"
    )

    executed = kernel.run("%%ln_session\n5, in_session()")

    kernel.run("get_ipython().ast_transformers.clear()")
    assert "(-5, True)" == executed.value


def test_without_autoawait(kernel: Kernel, name: str) -> None:
    """Under `%autoawait False` a cell works, and `await` is the syntax error that it is in any cell."""
    kernel.run("%autoawait False")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\nin_session()")
    awaiting = kernel.run("%%ln_session\nawait in_session_later()")

    kernel.run("%autoawait True")
    assert ("True", 1, ["SyntaxError"]) == (executed.value, kernel.count(name), awaiting.errors)


def test_events(kernel: Kernel) -> None:
    """Callbacks around the cell find no session, and learn of a commit that failed."""
    kernel.run(
        "heard = []\n"
        "def before(info):\n    heard.append(in_session())\n"
        "def after(result):\n    heard.append((in_session(), type(result.error_in_exec).__name__))\n"
        "ip = get_ipython()\nip.events.register('pre_run_cell', before)"
    )
    kernel.run("ip.events.register('post_run_cell', after)\nheard.clear()")
    kernel.run("heard.clear()")

    kernel.run("%%ln_session\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))")

    kernel.run("ip.events.unregister('pre_run_cell', before)\nip.events.unregister('post_run_cell', after)")
    assert "[(False, 'NoneType'), False, (False, 'IntegrityError'), False]" == str(kernel.read("heard"))


def test_reloaded_models(kernel: Kernel) -> None:
    """Under `%autoreload 2` a module that maps classes can be changed between session cells."""
    kernel.run(
        "%%writefile lab_models.py\nfrom sqlalchemy import orm\n"
        "class Base(orm.DeclarativeBase): pass\n"
        "class Sample(Base):\n    __tablename__ = 'sample'\n"
        "    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)\n"
    )
    kernel.run("%load_ext autoreload\n%autoreload 2\nimport lab_models, sqlalchemy as sa")
    kernel.run("engine = sa.create_engine('sqlite:///lab.db')\nlab_models.Base.metadata.create_all(engine)")
    kernel.run("%%ln_session --db engine\n_ = ln.add(lab_models.Sample())")
    kernel.run("with open('lab_models.py', 'a') as file:\n    _ = file.write('def added():\\n    return 42\\n')")
    kernel.run("os.utime('lab_models.py', (0, 2**31))")

    executed = kernel.run(
        "%%ln_session --db engine\n_ = ln.add(lab_models.Sample())\n"
        "lab_models.added(), ln.select(lab_models.Sample).count()"
    )

    kernel.run("%autoreload 0\nengine.dispose()")
    assert "(42, 2)" == executed.value


def test_timeit_below(kernel: Kernel, name: str) -> None:
    """`%%timeit` below measures its body inside one session."""
    kernel.run("sessions = set()")

    kernel.run("%%ln_session\n%%timeit -n 3 -r 1\nsessions.add(ln.current_session())")

    assert (1, False) == (kernel.read("len(sessions)"), kernel.read("None in sessions"))


def test_timeit_above(kernel: Kernel, name: str) -> None:
    """`%%timeit` above measures whole sessions: each turn commits before the next begins."""
    kernel.run("sessions = []")

    kernel.run(f"%%timeit -n 3 -r 1\n%%ln_session\nsessions.append(ln.current_session())\npipeline_of({name!r})")

    turns = kernel.read("len(sessions)")
    assert (turns, turns) == (kernel.read("len(set(sessions))"), kernel.count(name))


def test_locks_nothing(kernel: Kernel, name: str) -> None:
    """A cell that has not written yet lets others write."""
    executed = kernel.run(
        "%%ln_session\n"
        "_ = ln.select(lns.Pipeline).all()\n"
        "with concurrent.futures.ThreadPoolExecutor() as pool:\n"
        f"    written = pool.submit(pipeline_of, {name!r}).result()\n"
        "written.name"
    )

    assert repr(name) == executed.value


@pytest.mark.newest
@pytest.mark.parametrize("body", ["1 / 0", "Undisplayable()", "print(in_session())"])
def test_subshell(kernel: Kernel, name: str, body: str) -> None:
    """A subshell that works or fails meanwhile neither sees the cell's session nor disturbs it."""
    subshell = kernel.create_subshell()
    kernel.run("done, seen_beside = threading.Event(), None")
    main = kernel.begin(f"%%ln_session\n_ = pipeline_of({name!r})\nprint('in session')\ndone.wait(60)\nin_session()")
    kernel.wait_for_output(main)

    kernel.finish(kernel.begin("seen_beside = in_session()", subshell=subshell))
    beside = kernel.finish(kernel.begin(f"%%ln_session\n{body}", subshell=subshell))
    kernel.finish(kernel.begin("done.set()", subshell=subshell))
    executed = kernel.finish(main)

    assert ("error" if "print" not in body else "ok") == beside.status
    assert ("ok", 1, False) == (executed.status, kernel.count(name), kernel.read("seen_beside"))


@pytest.mark.newest
def test_failure_beside_subshell(kernel: Kernel, name: str) -> None:
    """A session of a subshell commits although the cell beside it fails."""
    subshell = kernel.create_subshell()
    kernel.run("go = threading.Event()")
    beside = kernel.begin(
        f"%%ln_session\nprint('in session')\ngo.wait(60)\n_ = pipeline_of({name!r})", subshell=subshell
    )
    kernel.wait_for_output(beside)

    failed = kernel.run("%%ln_session\n1 / 0")
    kernel.run("go.set()")
    executed = kernel.finish(beside)

    assert ("error", "ok", 1) == (failed.status, executed.status, kernel.count(name))
