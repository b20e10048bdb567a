import pytest

from ln_jupyter.display import card
from ln_jupyter.display.card import Card
from tests.display.html_reader import Reader

CARD = Card("Growth of E. coli", facts=(("id", "Rx2s9cPTMQLY"), ("registry", "/data/registry.db")))


def test_the_text_is_aligned():
    """Values begin in one column, under the title."""
    expected = "Growth of E. coli\n  id        Rx2s9cPTMQLY\n  registry  /data/registry.db"

    assert expected == card.text(CARD)


def test_text_and_html_say_the_same():
    """Stripped of its tags, the HTML has every word of the text, in order."""
    texts = Reader(card.render(CARD)).words

    assert card.text(CARD).split() == texts


def test_the_bundle_has_both():
    """Front ends choose between text and HTML by their MIME types."""
    assert {"text/plain": card.text(CARD), "text/html": card.render(CARD)} == card.bundle(CARD)


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</table></div><b>", "&lt;"]
)
def test_no_value_is_markup(hostile):
    """Whatever title, label or value is, it adds no tag, and is read as it was written."""
    tame = Reader(card.render(Card("t", facts=(("l", "v"),)))).tags

    reader = Reader(card.render(Card(hostile, facts=((hostile, hostile),))))

    assert (tame, [hostile] * 3) == (reader.tags, reader.texts)


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\n", "\r", "\t", "\u202e", "\u2066", "\udce9"])
def test_no_value_is_a_command(hostile):
    """What clears a terminal, breaks a line, turns the direction or is no character is shown as unreadable."""
    hostile_card = Card(f"a{hostile[0]}b", facts=(("file", f"a{hostile[0]}b"),))

    assert card.text(hostile_card) == "a\ufffdb\n  file  a\ufffdb"
    assert hostile[0] not in card.render(hostile_card)


def test_every_script_can_be_read():
    """Letters of any language, and emoji that are joined of several, stay as they are."""
    title = "Größe · 成長 · نمو · می‌خواهم · 👩‍🔬"

    assert title == card.text(Card(title))
