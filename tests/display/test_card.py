import pytest

from ln_jupyter.display import html, text
from ln_jupyter.display.card import Card, Fold, Part, Row, joined, of_facts
from ln_jupyter.display.fixes import Fix
from tests.display.html_reader import Reader

FACTS = of_facts("Growth of E. coli", facts=(("id", "Rx2s9cPTMQLY"), ("registry", "/data/registry.db")))
WHOLE = Card(
    (joined(Part("✗ failed", "bad"), Part("Run Kd81mT", "b", "Kd81mTqZ2xVYc0RuW5bN")), (Part("by ann", "small"),)),
    (Row("parameters", value="alpha 0.2"),),
    (
        Fold((Part("2 not loaded"),), (Row("not loaded", names=("a", "b")),), Fix("To load them", 'ln.load(run, "a")')),
        Fold((Part("2 columns"),), (Row("id", value="Kd81"), Row("host", value="wren")), name="columns"),
    ),
    hint="go on",
)


def test_the_text_is_aligned():
    """Values begin in one column, under the title."""
    expected = "Growth of E. coli\n  id        Rx2s9cPTMQLY\n  registry  /data/registry.db"

    assert expected == text.render(FACTS)


def test_a_text_has_what_html_folds():
    """Nothing folds in a text: rows follow, of many columns the first whole, and what to type comes last."""
    expected = """\
✗ failed · Run Kd81mT
by ann
  parameters  alpha 0.2
  not loaded  a, b
  columns     id Kd81 · host
To load them: ln.load(run, "a")
  → go on"""

    assert expected == text.render(WHOLE)


def test_html_folds_what_few_want_to_see():
    """What is folded has a summary that says how much is inside, and the whole of a short id is shown under the mouse."""
    markup = html.render(WHOLE)

    assert "<details><summary>2 columns</summary><dl><dt>id</dt><dd>Kd81</dd>" in markup
    assert '<b title="Kd81mTqZ2xVYc0RuW5bN">Run Kd81mT</b>' in markup
    assert '<span class="bad">✗ failed</span>' in markup


def test_text_and_html_say_the_same():
    """Stripped of its tags, the HTML has every word of the text, in order."""
    assert text.render(FACTS).split() == Reader(html.render(FACTS)).words


def test_what_to_type_has_a_line_of_its_own():
    """Where it does not fit beside what it is for, or has several lines, it stands below, as it is to be pasted."""
    short, long, two = (
        text.fix_lines(Fix("To load it", code)) for code in ("x", "x" * 80, "import ln_jupyter as ln\nln.load(run)")
    )

    assert ["To load it: x"] == short
    assert ["To load it:", f"  {'x' * 80}"] == long
    assert ["To load it:", "  import ln_jupyter as ln", "  ln.load(run)"] == two
    assert "<code>a</code><br><code>b</code>" in html.of_fix(Fix("To load it", "a\nb"))


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</table></div><b>", "&lt;"]
)
def test_no_value_is_markup(hostile):
    """Whatever title, label or value is, it adds no tag and no attribute, and is read as it was written."""

    def reader(word):
        part = Part(word, "b", word)
        fold = Fold((part,), (Row(word, value=word, members=(word,)),), Fix(word, word), word)
        return Reader(html.render(Card(((part,),), fold.rows, (fold,), fold.fix, word, word)))

    tame, seen = reader("t"), reader(hostile)

    assert (tame.tags, len(tame.attributes)) == (seen.tags, len(seen.attributes))
    assert seen.words.count(hostile.split()[0]) >= 8


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\n", "\r", "\t", "\u202e", "\u2066", "\udce9"])
def test_no_value_is_a_command(hostile):
    """What clears a terminal, breaks a line, turns the direction or is no character is shown as unreadable."""
    hostile_card = of_facts(f"a{hostile[0]}b", facts=(("file", f"a{hostile[0]}b"),))

    assert text.render(hostile_card) == "a\ufffdb\n  file  a\ufffdb"
    assert hostile[0] not in html.render(hostile_card)


def test_every_script_can_be_read():
    """Letters of any language, and emoji that are joined of several, stay as they are."""
    title = "Größe · 成長 · نمو · می‌خواهم · 👩‍🔬"

    assert title == text.render(of_facts(title))
