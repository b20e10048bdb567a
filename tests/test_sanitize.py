import io

import pytest

from ln_jupyter.sanitize import escaped, plain, write_line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "Zoë 东京 a_1",
        "👩‍🔬",
        "a\u00a0b",
        "e\u0301",
        "1\ufe0f\u20e3 \u2764\ufe0f",
        "\u0645\u06cc\u200c\u062e",
        "葛\U000e0100",
    ],
)
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


@pytest.mark.parametrize(
    "unseen",
    ["\u00ad", "\u200b", "\u200d", "\u2060", "\ufeff", "\u3164", "\ufe0f", "\U000e0041", "\U000e0100", "\u180e"],
)
def test_unseen_characters_are_shown(unseen):
    """Two names that differ by what nobody sees do not look the same."""
    assert "a\ufffdb" == plain(f"a{unseen}b")


@pytest.mark.parametrize("joined", ["實\u200d", "\u200d實", "實\u200d\u200d實"])
def test_joiners_join(joined):
    """Nor does a joiner that joins nothing."""
    assert plain(joined) != joined


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


def test_line_of_another_encoding():
    """A line is written whatever the encoding of its stream lacks."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    write_line("Zoë", stream)
    stream.flush()

    assert b"Zo\\N{LATIN SMALL LETTER E WITH DIAERESIS}\n" == stream.buffer.getvalue()


def test_line_to_nowhere(monkeypatch):
    """A stream that is closed, or is not there, ends nothing."""
    closed = io.StringIO()
    closed.close()
    write_line("a", closed)
    monkeypatch.setattr("sys.stdout", None)
    write_line("a")
