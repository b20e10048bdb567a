import html.parser

import pytest

from ln_jupyter.display import header
from ln_jupyter.display.header import HeaderView

VIEW = HeaderView("Growth of E. coli", (("id", "Rx2s9cPTMQLY"), ("registry", "/data/registry.db")))


class Reader(html.parser.HTMLParser):
    """The tags and the text of some HTML."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        """Take note of a tag."""
        self.tags.append(tag)

    def handle_data(self, data):
        """Take note of text."""
        self.texts.append(data)


def test_the_text_is_aligned():
    """Values begin in one column, under the title."""
    expected = "Growth of E. coli\n  id        Rx2s9cPTMQLY\n  registry  /data/registry.db"

    assert expected == header.text(VIEW)


def test_text_and_html_say_the_same():
    """Stripped of its tags, the HTML has every word of the text, in order."""
    texts = Reader(header.to_html(VIEW)).texts

    assert header.text(VIEW).split() == " ".join(texts).split()


def test_the_bundle_has_both():
    """Front ends choose between text and HTML by their MIME types."""
    assert {"text/plain": header.text(VIEW), "text/html": header.to_html(VIEW)} == header.bundle(VIEW)


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</table></div><b>", "&lt;"]
)
def test_no_value_is_markup(hostile):
    """Whatever title, label or value is, it adds no tag, and is read as it was written."""
    tame = Reader(header.to_html(HeaderView("t", (("l", "v"),)))).tags

    reader = Reader(header.to_html(HeaderView(hostile, ((hostile, hostile),))))

    assert (tame, [hostile] * 3) == (reader.tags, reader.texts)


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\n", "\r", "\t", "\u202e", "\u2066", "\udce9"])
def test_no_value_is_a_command(hostile):
    """What clears a terminal, breaks a line, turns the direction or is no character is shown as unreadable."""
    view = HeaderView(f"a{hostile[0]}b", (("file", f"a{hostile[0]}b"),))

    assert header.text(view) == "a\ufffdb\n  file  a\ufffdb"
    assert hostile[0] not in header.to_html(view)


def test_every_script_can_be_read():
    """Letters of any language, and emoji that are joined of several, stay as they are."""
    title = "Größe · 成長 · نمو · می‌خواهم · 👩‍🔬"

    assert title == header.text(HeaderView(title, ()))
