"""What is shown below the results of a cell: profile, dry run, advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Executed, Kernel

MANY = "for i in range(10): ln.add(lns.Run(name={name!r}, pipeline=lns.Pipeline(name=str(i))))"
LOOP = "for run in ln.select(lns.Run, name={name!r}).all(): run.pipeline.name"
ADVICE = '10 lazy loads of Run.pipeline at line {line}: {loop} · .load("pipeline") on the select makes it one query'


def shown(executed: Executed) -> list[str]:
    """The texts of what was displayed beside the cell's value."""
    return [content["data"]["text/plain"] for kind, content in executed.outputs if kind == "display_data"]


def test_profile(kernel: Kernel, name: str) -> None:
    """`--profile` shows below the cell what was sent, what loaded lazily on which line, and what saves it."""
    kernel.run(MANY.format(name=name))

    executed = kernel.run(f"%%ln_session --profile\n{LOOP.format(name=name)}\n'value'")

    (profile,) = shown(executed)
    assert ("ok", "'value'") == (executed.status, executed.value)
    assert profile.startswith("11 statements · ")
    assert "10 \N{MULTIPLICATION SIGN} Run.pipeline  loaded when it was read at line 2" in profile
    assert '.load("pipeline") on the select at line 2' in profile


def test_profile_of_a_cell_that_fails(kernel: Kernel) -> None:
    """A cell that fails shows its profile after its error."""
    executed = kernel.run("%%ln_session --profile\nln.select(lns.Run).first()\n1/0")

    assert ["error", "display_data"] == [kind for kind, _ in executed.outputs]


def test_profile_across_cells(kernel: Kernel) -> None:
    """A session that is open across cells shows its profile once, when it closes."""
    opened = kernel.run("%ln_session open --profile\n_ = ln.select(lns.Run).first()")
    used = kernel.run("_ = ln.select(lns.Run).first()")
    closed = kernel.run("%ln_session close")

    assert ([], []) == (shown(opened), shown(used))
    assert shown(closed)[0].startswith("2 statements · ")


def test_profile_is_on_the_variable(kernel: Kernel) -> None:
    """The profile can be read while the cell runs, and afterwards."""
    kernel.run("%%ln_session --profile --as ss\nbefore = ss.profile.statements\nln.select(lns.Run).first()")

    assert (0, 1) == kernel.read("before, ss.profile.statements")


@pytest.mark.parametrize(
    ("opening", "line"), [("%%ln_session\n", 2), ("with ln.Session():\n    ", 2), ("ss = ln.Session()\n", 2)]
)
def test_advice(kernel: Kernel, name: str, opening: str, line: int) -> None:
    """Ten lazy loads of one relationship are told in one quiet line, in any kind of session."""
    kernel.run(MANY.format(name=name))
    loop = LOOP.format(name=name).replace("ln.select", "ss.select" if opening.startswith("ss") else "ln.select")

    executed = kernel.run(opening + loop)

    assert [ADVICE.format(line=line, loop=loop)] == shown(executed)
    assert "" == executed.stderr


def test_no_advice_beside_a_profile(kernel: Kernel, name: str) -> None:
    """A profile tells it all; nothing is told twice."""
    kernel.run(MANY.format(name=name))

    executed = kernel.run(f"%%ln_session --profile\n{LOOP.format(name=name)}")

    assert 1 == len(shown(executed))


def test_advice_is_of_its_cell(kernel: Kernel, name: str) -> None:
    """The next cell is told nothing."""
    kernel.run(MANY.format(name=name))
    kernel.run(f"%%ln_session\n{LOOP.format(name=name)}")

    executed = kernel.run("1")

    assert [] == shown(executed)


def test_advice_can_be_turned_off(kernel: Kernel, name: str) -> None:
    """`LN_JUPYTER_ADVICE=off` tells nothing."""
    kernel.run(MANY.format(name=name))
    kernel.run("os.environ['LN_JUPYTER_ADVICE'] = 'off'\nln.settings.forget()")

    executed = kernel.run(f"%%ln_session\n{LOOP.format(name=name)}")

    kernel.run("del os.environ['LN_JUPYTER_ADVICE']\nln.settings.forget()")
    assert [] == shown(executed)


def test_a_publisher_that_fails(kernel: Kernel) -> None:
    """Where what is shown below cannot be published, the cell keeps its own outcome."""
    kernel.run("def fail(*_, **__): raise LookupError\npublish = get_ipython().display_pub.publish")
    source = "%%ln_session --profile\nget_ipython().display_pub.publish = fail"

    executed = kernel.run(source)

    kernel.run("get_ipython().display_pub.publish = publish")
    assert ("ok", []) == (executed.status, executed.errors)


def test_what_is_shown_counts_as_read(kernel: Kernel, name: str) -> None:
    """A relationship that was loaded to be looked at is not called needless."""
    kernel.run(MANY.format(name=name))

    executed = kernel.run(f"%%ln_session --profile\nln.select(lns.Run, name={name!r}).load('pipeline').first()")

    assert ["1 statement"] == [text.partition(" · ")[0] for text in shown(executed)]
    assert "not read" not in shown(executed)[0]
