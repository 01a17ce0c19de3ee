"""HTML as a browser builds its tree (lexbor, through selectolax), but shown by nobody: no script runs, nothing that the
page refers to is fetched, and what it hides from people is not read.

The walk keeps its own stack: a page nested a million deep costs memory, not a crash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from pipelines.domain.documents import BlockKind, ParsedDocument
from pipelines.domain.errors import LimitExceeded, UnreadableFile
from pipelines.ingest.parse.characters import decoded
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.flow import Flow
from pipelines.ingest.parse.grid import Span, spread
from pipelines.ingest.parse.words import clean

MOST_BYTES = 32 * 1024 * 1024  # its tree takes some forty times as much memory


def _tags(*names: str) -> frozenset[str]:
    return frozenset(" ".join(names).split())


_HEADINGS: Mapping[str, int] = {f"h{level}": level for level in range(1, 7)}
_UNREAD = _tags(
    "script style template noscript head nav iframe object embed applet canvas audio video svg button select datalist",
    "input textarea rt rp frameset dialog",
)
_BLOCKS = _tags(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form",
    "header hgroup hr html legend li main menu ol p pre section summary table tbody td tfoot th thead tr ul",
    *_HEADINGS,
)
_ITEMS = ("li", "dt", "dd")
_HIDING = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_CHARSET_HEAD = 1024  # where a page says its encoding (HTML Standard, 13.2.3.2)

_NOTES = ", ".join(
    [f'{tag}[id^="{kind}-"]' for tag in ("li", "aside", "div", "p") for kind in ("footnote", "endnote")]
    + ['[role="doc-footnote"]', '[role="doc-endnote"]']
)


def page_count(path: Path) -> int:
    if path.stat().st_size > MOST_BYTES:
        raise LimitExceeded(f"A page of HTML may have {MOST_BYTES:,} bytes at most.")
    return 1


def parse(path: Path, _pages: PageRange) -> ParsedDocument:
    page_count(path)
    data = path.read_bytes()
    flow, title = read(decoded(data, declared_encoding(data)))
    if not flow.blocks:
        raise UnreadableFile("The page shows no text.")
    return ParsedDocument((flow.page,), flow.blocks, title, paper=False)


def declared_encoding(data: bytes) -> str | None:
    found = _CHARSET.search(data[:_CHARSET_HEAD])
    return found[1].decode("ascii") if found else None


def read(markup: str, page: int = 1, flow: Flow | None = None) -> tuple[Flow, str | None]:
    """The blocks, added to `flow` where one is given, and the page's title."""
    try:
        tree = LexborHTMLParser(markup)
    except SelectolaxError as error:  # there is no markup that it refuses
        raise MemoryError from error
    reader = _Reader(Flow(page) if flow is None else flow, _notes(tree), _layout_tables(tree))
    if tree.body is not None:
        reader.walk(tree.body)
    title = tree.css_first("head > title")
    return reader.flow, (clean(title.text()) or None) if title is not None else None


def _notes(tree: LexborHTMLParser) -> dict[str, LexborNode]:
    """Foot- and endnotes by their id."""
    return {name: node for node in tree.css(_NOTES) if (name := node.attributes.get("id"))}


def _layout_tables(tree: LexborHTMLParser) -> frozenset[int]:
    """Tables that hold tables or headings, found in one walk: pages are nested as deep as their authors like."""
    if tree.body is None or tree.body.css_first(", ".join(f"table {tag}" for tag in ("table", *_HEADINGS))) is None:
        return frozenset()
    found: set[int] = set()
    around: list[int] = []
    stack = [(tree.body, False)]
    while stack:
        node, leaving = stack.pop()
        if leaving:
            around.pop()
            continue
        if around and (node.tag == "table" or node.tag in _HEADINGS):
            found.add(around[-1])  # those further out hold this one
        if node.tag == "table":
            around.append(node.mem_id)
            stack.append((node, True))
        stack.extend((child, False) for child in _children(node))
    return frozenset(found)


class _Reader:
    """One walk over a page. What is not yet a block waits in `_text`."""

    def __init__(self, flow: Flow, notes: Mapping[str, LexborNode], layout_tables: frozenset[int]) -> None:
        self.flow = flow
        self._notes = notes
        self._layout_tables = layout_tables
        self._cited: list[str] = []  # notes that the waiting text refers to
        self._told: set[int] = set()  # notes that were read after the text that refers to them
        self._text: list[str] = []
        self._items = 0  # lists around this place
        self._figures = 0

    def walk(self, root: LexborNode) -> None:
        stack = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
            elif self._enter(node):
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(_children(node)))
        self._flush()

    def _enter(self, node: LexborNode) -> bool:
        """Whether what is inside is to be walked."""
        tag = node.tag or ""
        if tag == "-text":
            self._text.append(node.text_content or "")
            return False
        if _unread(node) or node.mem_id in self._told:
            return False
        match tag:
            case "br":
                self._text.append("\n")
            case "img":
                self._text.append(f" {node.attributes.get('alt') or ''} ")
            case "a" if (note := (node.attributes.get("href") or "").removeprefix("#")) in self._notes:
                self._cited.append(note)
                return False
            case "pre":
                self._flush()
                self.flow.add(BlockKind.CODE, "".join(_texts(node)))
                return False
            case "table" if node.mem_id not in self._layout_tables and (rows := _data_rows(node)) is not None:
                self._flush()
                self._table(node, rows)
                return False
            case _ if tag in _BLOCKS:
                self._flush()
                self._items += tag in _ITEMS
                self._figures += tag == "figcaption"
        return True

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in _HEADINGS:
            title = tag == "h1" and "title" in (node.attributes.get("class") or "").split()
            self._flush(BlockKind.HEADING, 0 if title else _HEADINGS[tag])
        elif tag in _BLOCKS:
            self._flush()
            self._items -= tag in _ITEMS
            self._figures -= tag == "figcaption"

    def _flush(self, kind: BlockKind | None = None, level: int | None = None) -> None:
        if kind is None:
            kind = BlockKind.LIST if self._items else BlockKind.FIGURE if self._figures else BlockKind.PARAGRAPH
        self.flow.add(kind, "".join(self._text), level)
        self._text.clear()
        self._tell_notes()

    def _table(self, table: LexborNode, rows: list[LexborNode]) -> None:
        caption = next((child for child in _children(table) if child.tag == "caption"), None)
        if caption is not None:
            self.flow.add(BlockKind.FIGURE, "".join(_texts(caption)))
        self.flow.add_table(spread([[_cell(cell) for cell in _cells(row)] for row in rows]))
        for link in table.css('a[href^="#"]'):
            self._cited += [name for name in [(link.attributes.get("href") or "")[1:]] if name in self._notes]
        self._tell_notes()

    def _tell_notes(self) -> None:
        """Notes stand after the text that refers to them, under the headings that it stands under."""
        for name in self._cited:
            node = self._notes[name]
            if node.mem_id not in self._told:
                self._told.add(node.mem_id)
                self.flow.add(BlockKind.PARAGRAPH, "".join(_texts(node)))
        self._cited.clear()


def _data_rows(table: LexborNode) -> list[LexborNode] | None:
    """The rows of a table of data; None of one that lays out a page, as those of one row or column do."""
    if table.attributes.get("role") in ("presentation", "none"):
        return None
    rows = [row for row in table.css("tr") if not _unread(row)]
    widest = max((len(_cells(row)) for row in rows), default=0)
    return rows if len(rows) > 1 and widest > 1 else None


def _cells(row: LexborNode) -> list[LexborNode]:
    return [child for child in _children(row) if child.tag in ("td", "th")]


def _cell(node: LexborNode) -> Span:
    return Span("".join(_texts(node)), _number(node, "colspan"), _number(node, "rowspan"))


def _number(node: LexborNode, name: str) -> int:
    value = (node.attributes.get(name) or "").strip()
    return int(value) if value.isdecimal() and len(value) < 5 else 1


def _texts(root: LexborNode) -> Iterator[str]:
    """The words inside, and a line's end wherever a block begins or ends."""
    stack = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        tag = node.tag or ""
        if tag == "-text":
            yield node.text_content or ""
        elif tag == "br" or leaving:
            yield "\n"
        elif tag == "img":
            yield node.attributes.get("alt") or ""
        elif not _unread(node) and not _leads_back(node):
            if tag in _BLOCKS and node.mem_id != root.mem_id:
                yield "\n"
                stack.append((node, True))
            stack.extend((child, False) for child in reversed(_children(node)))


def _children(node: LexborNode) -> list[LexborNode]:
    found = []
    child = node.first_child
    while child is not None:
        found.append(child)
        child = child.next
    return found


def _unread(node: LexborNode) -> bool:
    """What a browser does not show, or that is no text of the document's."""
    tag = node.tag or ""
    if tag.startswith(("-", "!")) or tag in _UNREAD:
        return True
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDING.search(attributes.get("style") or ""))


def _leads_back(node: LexborNode) -> bool:
    """A note's reference, and the arrow from a note back to it."""
    if node.tag != "a":
        return False
    target = node.attributes.get("href") or ""
    return target.startswith(("#footnote-", "#endnote-")) or node.attributes.get("role") == "doc-backlink"
