import pytest

from ln_jupyter.characters import escaped, plain


@pytest.mark.parametrize("text", ["", "plain", "Zoë 东京 a_1", "👩‍🔬", "a\u00a0b", "e\u0301"])
def test_text_stays(text):
    """Letters of any script, joined emoji and hard spaces are left as they are."""
    assert text == plain(text)


@pytest.mark.parametrize(
    "command",
    ["\x00", "\x1b", "\n", "\r", "\t", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\u061c", "\u2028", "\u2029"],
)
def test_commands_are_shown(command):
    """What moves a cursor, ends a line or turns the reading direction is shown as unreadable."""
    assert "a\ufffdb" == plain(f"a{command}b")


def test_half_characters_are_shown():
    """A lone surrogate, which no encoder takes, is replaced, so that the output can be sent."""
    assert "a\ufffdb" == plain("a\udce9b").encode().decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>", "&lt;script&gt;"),
        ("&lt;", "&amp;lt;"),
        ('" onload="', "&quot; onload=&quot;"),
        ("it's", "it's"),
        ("\x1b<", "\ufffd&lt;"),
    ],
)
def test_markup_is_text(text, expected):
    """Nothing in text opens a tag, an entity or an attribute in double quotes."""
    assert expected == escaped(text)
