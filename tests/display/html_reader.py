"""What a reader of some HTML would see."""

import html.parser

VOID = {"br", "hr", "img", "input", "link", "meta"}


class Reader(html.parser.HTMLParser):
    """What a browser would make of some HTML, or a complaint that it is not well formed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.words: list[str] = []
        self.folded: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a tag."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See that it is the innermost."""
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        """Take note of what is read."""
        if "style" not in self.open:
            self.texts.append(data)
            self.words += data.split()
        if "li" in self.open:
            self.folded.append(data)
