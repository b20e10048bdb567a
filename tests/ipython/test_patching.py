from __future__ import annotations

import pytest

from ln_jupyter.ipython.patching import replace


class Greeter:
    """Whose method is replaced."""

    def greet(self) -> str:
        """Greet."""
        return "hello"


@pytest.fixture
def greeter() -> Greeter:
    return Greeter()


def louder(earlier):
    return lambda: f"{earlier()()}!"


def test_replace(greeter: Greeter) -> None:
    """Only this object changes, not its class."""
    replace(greeter, "greet", louder)

    assert ("hello!", "hello") == (greeter.greet(), Greeter().greet())


def test_give_back(greeter: Greeter) -> None:
    """What is given back leaves no trace on the object."""
    replace(greeter, "greet", louder).give_back()

    assert {} == vars(greeter)


def test_give_back_to_another(greeter: Greeter) -> None:
    """What somebody else had put there before comes back."""
    earlier = replace(greeter, "greet", louder)

    replace(greeter, "greet", louder).give_back()

    assert {"greet": earlier.method} == vars(greeter)


def test_wrapped_since(greeter: Greeter) -> None:
    """What somebody else has put over ours since stays."""
    ours = replace(greeter, "greet", louder)
    theirs = replace(greeter, "greet", louder)

    ours.give_back()

    assert {"greet": theirs.method} == vars(greeter)
