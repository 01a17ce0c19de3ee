"""Documents made up from a seed: HTML to be printed, and what a reader should find in the print.

Nothing here is drawn from a real document; the seed chooses columns, type, numbering, rules of tables and what comes
where. `Item.text` is as a person would write it down: no soft hyphens, ligatures or running lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from random import Random

SHY = "\u00ad"
WORDS = [
    "account", "across", "after", "agreement", "air", "also", "amount", "annual", "another", "any", "apparent",
    "area", "asset", "balance", "bank", "before", "benefit", "between", "board", "both", "bridge", "building",
    "business", "capital", "care", "case", "cash", "certain", "change", "charge", "city", "claim", "close",
    "common", "company", "contract", "control", "cost", "could", "credit", "current", "customer", "data", "date",
    "day", "debt", "decision", "demand", "design", "different", "direct", "district", "early", "effect",
    "efficient", "effort", "energy", "equipment", "every", "evidence", "fair", "field", "fifth", "figure", "file",
    "final", "financial", "firm", "first", "flow", "follow", "force", "form", "found", "fund", "further", "gain",
    "general", "goods", "group", "growth", "half", "harbour", "health", "high", "holder", "house", "however",
    "important", "income", "increase", "industry", "interest", "island", "item", "labour", "land", "large", "later",
    "law", "level", "limit", "line", "loan", "local", "loss", "machine", "main", "major", "management", "market",
    "matter", "measure", "member", "method", "million", "month", "most", "motor", "nature", "need", "network",
    "never", "number", "office", "offer", "often", "old", "open", "operation", "order", "other", "output", "owner",
    "paper", "part", "party", "past", "pattern", "payment", "people", "period", "person", "place", "plan", "plant",
    "point", "policy", "power", "present", "price", "problem", "process", "product", "profit", "programme",
    "project", "property", "public", "purpose", "quality", "question", "range", "rate", "reason", "record",
    "reduction", "reflect", "region", "report", "request", "research", "result", "return", "review", "risk",
    "river", "road", "rule", "safety", "sale", "sample", "schedule", "season", "second", "section", "service",
    "share", "short", "similar", "site", "small", "source", "south", "staff", "standard", "state", "station",
    "steel", "stock", "strong", "study", "supply", "support", "surface", "system", "table", "term", "test", "third",
    "time", "total", "town", "trade", "traffic", "training", "transfer", "transport", "trust", "under", "union",
    "unit", "value", "vessel", "village", "volume", "water", "week", "weight", "whole", "winter", "within",
    "without", "work", "world", "year", "yield", "zone",
]  # fmt: skip
LONG = [
    "administration", "classification", "communication", "consideration", "documentation", "environmental",
    "implementation", "infrastructure", "international", "manufacturing", "organisation", "representation",
    "responsibility", "understanding",
]  # fmt: skip
COMPOUNDS = ["long-term", "cost-effective", "well-known", "year-end", "non-refundable", "state-of-the-art"]
UNITS = ["(in millions of dollars)", "(EUR thousand)", "(tonnes a year)", "(number of persons)"]


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be found. A table's `rows` hold its cells; `text` is then empty."""

    kind: str  # heading paragraph list table code caption footnote aside figure
    text: str = ""
    level: int = 0
    rows: tuple[tuple[Cell, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Printed:
    name: str
    html: str
    items: tuple[Item, ...]
    traits: tuple[str, ...]


class Writer:
    """One document. `html` and `items` grow together."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.html: list[str] = []
        self.items: list[Item] = []
        self.tables = self.figures = 0
        choose = self.random.choice
        self.columns = [1, 1, 2, 1, 2, 3][seed % 6]
        self.numbered = choose([True, True, False])
        self.sizes = choose(["sizes", "sizes", "weights"])
        self.rules = choose(["grid", "rules", "zebra", "none", "grid"])
        self.caption_above = choose([True, False])
        self.long_tables = self.columns == 1 and seed % 4 == 1

    def sentence(self, least: int = 6, most: int = 18) -> str:
        count = self.random.randint(least, most)
        words = [self.word() for _ in range(count)]
        if self.random.random() < 0.3:
            words[count // 2] = f"{self.random.randint(2, 9800):,}"
        words[0] = words[0].capitalize()
        if count > 10:
            words[count // 3] += ","
        return " ".join(words) + "."

    def word(self) -> str:
        draw = self.random.random()
        return self.random.choice(LONG if draw < 0.08 else COMPOUNDS if draw < 0.11 else WORDS)

    def phrase(self, least: int = 1, most: int = 3) -> str:
        return " ".join(self.word() for _ in range(self.random.randint(least, most))).capitalize()

    def put(self, html: str, item: Item) -> None:
        self.html.append(html)
        self.items.append(item)

    def heading(self, level: int, number: str) -> None:
        text = (f"{number} " if self.numbered and level > 1 else "") + self.phrase(1, 5)
        self.put(f"<h{level}>{soft(text)}</h{level}>", Item("heading", text, level))

    def paragraph(self) -> None:
        text = " ".join(self.sentence() for _ in range(self.random.randint(2, 7)))
        self.put(f"<p>{soft(text)}</p>", Item("paragraph", text))

    def list(self) -> None:
        tag = self.random.choice(["ul", "ol"])
        texts = [self.sentence(3, 16) for _ in range(self.random.randint(2, 6))]
        self.html.append(f"<{tag}>" + "".join(f"<li>{soft(text)}</li>" for text in texts) + f"</{tag}>")
        marks = (f"{number}. " if tag == "ol" else "" for number in range(1, 99))
        self.items += [Item("list", mark + text) for mark, text in zip(marks, texts, strict=False)]

    def code(self) -> None:
        names = [self.random.choice(WORDS) for _ in range(4)]
        lines = [
            f"def {names[0]}({names[1]}):",
            f"    {names[2]} = {names[1]} + {self.random.randint(1, 99)}",
            f"    if {names[2]} > 10:",
            f"        return {names[3]}({names[2]})",
            f"    return {names[1]}",
        ]
        self.put(f"<pre>{escape(chr(10).join(lines))}</pre>", Item("code", "\n".join(lines)))

    def aside(self) -> None:
        text = f"{self.sentence(5, 9)} {self.sentence(5, 9)}"
        self.put(f"<aside>{soft(text)}</aside>", Item("aside", text))

    def footnote(self) -> None:
        self.items.append(Item("footnote", text := f"{self.random.randint(1, 9)} {self.sentence(8, 20)}"))
        self.html.append(f"<div class=footnote><sup>{text[0]}</sup>{soft(text[1:])}</div>")

    def figure(self) -> None:
        self.figures += 1
        heights = [self.random.randint(15, 80) for _ in range(6)]
        bars = "".join(
            f"<rect x={10 + 30 * at} y={90 - height} width=20 height={height} fill=#47a />"
            for at, height in enumerate(heights)
        )
        text = f"Figure {self.figures}: {self.sentence(4, 9)}"
        self.html.append(
            f"<figure><svg width=200 height=100>{bars}<path d='M5 90H195' stroke=black /></svg>"
            f"<figcaption>{soft(text)}</figcaption></figure>"
        )
        self.items.append(Item("caption", text))

    def table(self, *, long: bool = False) -> None:
        self.tables += 1
        rows, spans = self.rows(long)
        caption = Item("caption", f"Table {self.tables}: {self.phrase(2, 6)} {self.random.choice(UNITS)}")
        head = "".join(f"<tr>{''.join(cell_html(cell, 'th') for cell in row)}</tr>" for row in rows[:spans])
        body = "".join(f"<tr>{''.join(cell_html(cell, 'td') for cell in row)}</tr>" for row in rows[spans:])
        grid = (
            f"<table class='{self.rules}{' long' if long else ''}'><thead>{head}</thead><tbody>{body}</tbody></table>"
        )
        words = f"<div class=caption>{soft(caption.text)}</div>"
        table = Item("table", rows=rows)
        self.html.append(words + grid if self.caption_above else grid + words)
        self.items += [caption, table] if self.caption_above else [table, caption]

    def rows(self, long: bool) -> tuple[tuple[tuple[Cell, ...], ...], int]:
        """The rows, and how many of them are the head."""
        count = (
            self.random.randint(3, 6) if self.columns == 1 else self.random.randint(2, 3 if self.columns == 2 else 2)
        )
        length = self.random.randint(45, 60) if long else self.random.randint(3, 10)
        wordy = self.random.random() < 0.3  # cells of several lines
        head = [tuple(Cell(self.phrase(1, 2)) for _ in range(count))]
        if count >= 4 and self.random.random() < 0.5:
            half = (count - 1) // 2
            head.insert(0, (Cell(""), Cell(self.phrase(2, 3), half), Cell(self.phrase(2, 3), count - 1 - half)))
        body = [self.row(count, wordy) for _ in range(length)]
        if self.rules == "grid" and not long and self.random.random() < 0.4 and length > 3:
            first, *rest = body[1]
            body[1] = (Cell(first.text, rows=2), *rest)
            body[2] = body[2][1:]
        return (*head, *body), len(head)

    def row(self, count: int, wordy: bool) -> tuple[Cell, ...]:
        label = Cell(self.phrase(1, 4))
        if wordy:
            return (label, *(Cell(self.sentence(4, 9)) for _ in range(count - 1)))
        return (label, *(Cell(self.figures_of()) for _ in range(count - 1)))

    def figures_of(self) -> str:
        draw = self.random.random()
        number = f"{self.random.randint(1, 99999):,}"
        return (
            f"({number})"
            if draw < 0.15
            else f"{self.random.randint(1, 99)}.{self.random.randint(0, 9)}%"
            if draw < 0.3
            else "–"
            if draw < 0.36
            else number
        )


def cell_html(cell: Cell, tag: str) -> str:
    spans = (f" colspan={cell.columns}" if cell.columns > 1 else "") + (
        f" rowspan={cell.rows}" if cell.rows > 1 else ""
    )
    return f"<{tag}{spans}>{soft(cell.text)}</{tag}>"


def soft(text: str) -> str:
    """Long words may be broken, with a hyphen that only the break shows."""
    return " ".join(
        f"{word[:5]}{SHY}{word[5:]}" if word.isalpha() and len(word) > 10 else escape(word) for word in text.split(" ")
    )


def style(writer: Writer) -> str:
    choose = writer.random.choice
    body = choose([9, 10, 11, 12])
    sizes = {"sizes": (body * 2, body * 1.5, body * 1.2), "weights": (body * 1.6, body, body)}[writer.sizes]
    slant = "italic" if writer.sizes == "weights" and not writer.numbered else "normal"
    family = choose(["Liberation Serif", "Liberation Sans", "DejaVu Serif", "DejaVu Sans"])
    rules = {
        "grid": "td,th{border:.7pt solid #444}",
        "rules": "thead{border-top:1pt solid;border-bottom:.6pt solid}tbody{border-bottom:1pt solid}",
        "zebra": "tbody tr:nth-child(odd){background:#e8eef4}thead{background:#cdd8e4}",
        "none": "",
    }[writer.rules]
    running = choose(["margin", "margin", "none"])
    margins = (
        '@top-left{content:"Annual survey";font-size:8pt}@bottom-right{content:"Page " counter(page);font-size:8pt}'
    )
    return (
        f"@page{{size:{choose(['A4', 'Letter'])};margin:22mm 18mm;{margins if running == 'margin' else ''}}}"
        f"body{{font:{body}pt '{family}';line-height:{choose([1.2, 1.35, 1.5])};margin:0;"
        f"text-align:{choose(['left', 'justify'])}}}.flow{{column-count:{writer.columns};column-gap:{choose([14, 20, 28])}pt}}"
        f"h1{{font-size:{sizes[0]}pt}}h2{{font-size:{sizes[1]}pt}}h3{{font-size:{sizes[2]}pt;font-style:{slant}}}"
        "h1,h2,h3{break-after:avoid;margin:1em 0 .5em;text-align:left;line-height:1.15}"
        + choose(["p{margin:0 0 .7em}", "p{margin:0;text-indent:1.2em}h2+p,h3+p{text-indent:0}"])
        + f"table{{border-collapse:collapse;margin:.6em 0;font-size:.92em;text-align:left;{choose(['width:100%', ''])}}}"
        "td,th{padding:2pt 6pt;vertical-align:top}td:not(:first-child),th:not(:first-child){text-align:"
        + choose(["right", "left", "center"])
        + f"}}thead{{display:table-header-group}}tr{{break-inside:avoid}}table:not(.long){{break-inside:avoid}}{rules}"
        "pre{font:.85em 'DejaVu Sans Mono';background:#f3f3f3;padding:4pt;break-inside:avoid}figure{margin:1em 0;"
        "break-inside:avoid}.caption,figcaption{font-size:.85em;margin:.5em 0;text-align:left}"
        "aside{border:1pt solid #888;background:#fafae8;padding:6pt;margin:1em 0;font-size:.9em;break-inside:avoid}"
        ".footnote{font-size:.8em;border-top:.5pt solid #888;padding-top:3pt;margin-top:1em;break-inside:avoid}"
    )


def document(seed: int) -> Printed:
    writer = Writer(seed)
    look = style(writer)
    writer.heading(1, "")
    if writer.random.random() < 0.5:
        writer.paragraph()
    writer.html.append("<div class=flow>")
    for section in range(1, writer.random.randint(3, 5)):
        writer.heading(2, f"{section}")
        writer.paragraph()
        for part in range(1, writer.random.randint(2, 4)):
            if writer.random.random() < 0.6:
                writer.heading(3, f"{section}.{part}")
            writer.paragraph()
            for make in writer.random.sample(
                [writer.table, writer.table, writer.list, writer.code, writer.aside, writer.figure, writer.paragraph], 2
            ):
                make()
        if writer.long_tables and section == 1:
            writer.table(long=True)
        if writer.random.random() < 0.4:
            writer.footnote()
    writer.html.append("</div>")
    page = f"<!doctype html><html lang=en><meta charset=utf-8><style>{look}</style>"
    traits = (
        f"columns={writer.columns}",
        f"rules={writer.rules}",
        f"headings={writer.sizes}",
        "numbered" if writer.numbered else "unnumbered",
        *(["long tables"] if writer.long_tables else []),
    )
    return Printed(f"document-{seed:03}", page + "".join(writer.html), tuple(writer.items), traits)


def documents(count: int, seed: int) -> Sequence[Printed]:
    return [document(seed * 1000 + number) for number in range(count)]
