#!/usr/bin/env python
"""Reading order, tables and headings of documents whose truth is known, because we print them. JSON out.

    scripts/bench/bench_layout.py [--documents 48] [--seed 1] [--pdfs FOLDER] [--only cairn,plain,pymupdf4llm] [--worst 5]

HTML made up from a seed is printed by headless Chromium. Of each print is measured, for Cairn, PyMuPDF's plain text and
pymupdf4llm: reading order: normalised indel similarity of all text; tables: TEDS (Zhong et al. 2020), structure and content, with
merged cells laid out as the grid they cover; headings: F1 of text, kind and level. Means over documents that have the thing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from apted import APTED, Config
from rapidfuzz.distance import Indel, Levenshtein

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipelines.domain.documents import Block, BlockKind
from pipelines.ingest import parse
from pipelines.ingest.normalise import normalise
from scripts.bench.layout_documents import Item, Printed, documents

Grid = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Read:
    """What a reader made of a file: text in its order, tables as grids, headings with levels."""

    text: str
    tables: list[Grid]
    headings: list[tuple[int, str]]


def truth_of(items: Sequence[Item]) -> Read:
    text = " ".join(item.text or " ".join(cell.text for row in item.rows for cell in row) for item in items)
    tables = [grid_of(item) for item in items if item.rows]
    return Read(text, tables, [(item.level, item.text) for item in items if item.kind == "heading"])


def grid_of(item: Item) -> Grid:
    """A table's cells where they stand; what a merged cell covers besides its first place is empty."""
    taken: dict[tuple[int, int], str] = {}
    for y, row in enumerate(item.rows):
        x = 0
        for cell in row:
            while (y, x) in taken:
                x += 1
            for down in range(cell.rows):
                for right in range(cell.columns):
                    taken[y + down, x + right] = "" if down or right else cell.text
            x += cell.columns
    width = 1 + max(x for _, x in taken)
    return tuple(tuple(taken.get((y, x), "") for x in range(width)) for y in range(len(item.rows)))


def cairn(path: Path) -> Read:
    pages = parse.probe(path, parse.PDF)
    document = normalise([parse.parse_range(path, parse.PDF, each) for each in parse.plan_ranges(pages)])
    blocks = document.blocks
    return Read(
        " ".join(
            " ".join(cell for row in block.cells for cell in row) if block.cells else block.text for block in blocks
        ),
        whole_tables(blocks),
        [(block.level or 1, block.text) for block in blocks if block.kind is BlockKind.HEADING],
    )


def whole_tables(blocks: Sequence[Block]) -> list[Grid]:
    """Tables, those over several pages put together."""
    found: list[Grid] = []
    for block in blocks:
        if block.continues and block.cells and found:
            found[-1] += block.cells[1:]
        elif block.cells:
            found.append(block.cells)
    return found


def plain(path: Path) -> Read:
    from pipelines.ingest.parse.mupdf import pymupdf

    with pymupdf.open(path) as document:
        return Read(" ".join(page.get_text() for page in document), [], [])


def pymupdf4llm(path: Path) -> Read:
    import pymupdf4llm as library

    markdown = library.to_markdown(str(path), use_ocr=False, header=False, footer=False)
    tables: list[Grid] = []
    headings: list[tuple[int, str]] = []
    words: list[str] = []
    lines = markdown.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("|"):
            rows = []
            while at < len(lines) and lines[at].startswith("|"):
                rows.append([unmarked(cell) for cell in re.split(r"(?<!\\)\|", lines[at])[1:-1]])
                at += 1
            rows = [
                row
                for number, row in enumerate(rows)
                if not (number == 1 and all(set(cell) <= set("-: ") for cell in row))
            ]
            tables.append(tuple(map(tuple, rows)))
            words += [cell for row in rows for cell in row]
            continue
        if found := re.match(r"(#{1,6})\s+(.*)", line):
            headings.append((len(found[1]), unmarked(found[2])))
        words.append(unmarked(line))
        at += 1
    return Read(" ".join(words), tables, headings)


def unmarked(text: str) -> str:
    """Without Markdown's marks."""
    text = re.sub(r"<br\s*/?>", " ", text)
    text = re.sub(r"^\s*(#{1,6}|[-*+]|```\w*)\s+|^```\w*|</?\w+>", "", text)
    return re.sub(r"[*_`~]{1,3}|\\(?=\W)", "", text).strip()


READERS: dict[str, Callable[[Path], Read]] = {"cairn": cairn, "plain": plain, "pymupdf4llm": pymupdf4llm}


def squeezed(text: str) -> str:
    return "".join(re.findall(r"\w+", text.lower()))


def reading_order(truth: Read, read: Read) -> float:
    return float(Indel.normalized_similarity(squeezed(truth.text), squeezed(read.text)))


class _Tree:
    def __init__(self, name: str, children: Iterable[_Tree] = (), text: str = "") -> None:
        self.name, self.children, self.text = name, list(children), text


class _Costs(Config):  # type: ignore[misc]  # apted has no types
    def rename(self, one: _Tree, other: _Tree) -> float:
        if one.name != other.name:
            return 1.0
        return float(Levenshtein.normalized_distance(one.text, other.text)) if one.text or other.text else 0.0

    def children(self, node: _Tree) -> list[_Tree]:
        return node.children


def teds(one: Grid, other: Grid) -> float:
    trees = [
        _Tree("table", (_Tree("tr", (_Tree("td", text=squeezed_cell(cell)) for cell in row)) for row in grid))
        for grid in (one, other)
    ]
    largest = max(1 + len(grid) + sum(map(len, grid)) for grid in (one, other))
    return 1.0 - float(APTED(*trees, _Costs()).compute_edit_distance()) / largest


def squeezed_cell(text: str) -> str:
    return " ".join(text.split())


def tables(truth: Read, read: Read) -> float | None:
    """The mean over the true tables of the TEDS with the table most like each; extra tables count as 0."""
    if not truth.tables:
        return None
    left = list(read.tables)
    scores = []
    for table in truth.tables:
        words = " ".join(cell for row in table for cell in row)
        best = max(
            left,
            key=lambda each: Indel.normalized_similarity(words, " ".join(cell for row in each for cell in row)),
            default=None,
        )
        if best is None:
            scores.append(0.0)
            continue
        left.remove(best)
        scores.append(teds(table, best))
    return sum(scores) / max(len(truth.tables), len(read.tables))


def headings(truth: Read, read: Read) -> float | None:
    if not truth.headings:
        return None
    levels = {level: rank for rank, level in enumerate(sorted({level for level, _ in read.headings}), 1)}
    left = [(levels[level], squeezed(text)) for level, text in read.headings]
    found = 0
    for level, text in truth.headings:
        wanted = squeezed(text)
        match = next(
            (each for each in left if each[0] == level and Indel.normalized_similarity(each[1], wanted) >= 0.9), None
        )
        if match:
            left.remove(match)
            found += 1
    return 2 * found / (len(truth.headings) + len(read.headings))


MEASURES: dict[str, Callable[[Read, Read], float | None]] = {
    "reading_order": reading_order,
    "tables": tables,
    "headings": headings,
}


def printed(made: Sequence[Printed], folder: Path) -> list[Path]:
    """The documents as PDFs, printed where they are not there yet."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is needed to print the documents (Debian: apt install chromium).")

    def pdf(document: Printed) -> Path:
        page, target = folder / f"{document.name}.html", folder / f"{document.name}.pdf"
        if not target.exists() or not page.exists() or page.read_text("utf-8") != document.html:
            page.write_text(document.html, "utf-8")
            with tempfile.TemporaryDirectory() as profile:
                options = [
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--no-pdf-header-footer",
                    f"--user-data-dir={profile}",
                ]
                subprocess.run(
                    [chromium, *options, f"--print-to-pdf={target}", page.as_uri()],
                    check=True,
                    capture_output=True,
                    timeout=120,
                )
        return target

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(pdf, made))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pdfs", type=Path, help="keep the prints in this folder")
    parser.add_argument("--only", default=",".join(READERS))
    parser.add_argument("--worst", type=int, default=3, help="documents to name for each measure")
    arguments = parser.parse_args()
    made = documents(arguments.documents, arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.pdfs or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        paths = printed(made, folder)
        report = {name: measured(READERS[name], made, paths, arguments.worst) for name in arguments.only.split(",")}
    print(
        json.dumps(
            {"documents": len(made), "seed": arguments.seed, "readers": report, "load": os.getloadavg()[0]}, indent=2
        )
    )


def measured(
    reader: Callable[[Path], Read], made: Sequence[Printed], paths: Sequence[Path], worst: int
) -> dict[str, object]:
    scores: dict[str, list[tuple[float, str]]] = {name: [] for name in MEASURES}
    pages = 0
    seconds = 0.0
    for document, path in zip(made, paths, strict=True):
        pages += parse.probe(path, parse.PDF)
        began = time.perf_counter()
        read = reader(path)
        seconds += time.perf_counter() - began
        truth = truth_of(document.items)
        for name, measure in MEASURES.items():
            if (score := measure(truth, read)) is not None:
                scores[name].append((score, f"{document.name} ({', '.join(document.traits)})"))
    return {
        **{name: round(statistics.fmean(score for score, _ in found), 4) for name, found in scores.items()},
        "pages": pages,
        "pages_per_s": round(pages / seconds, 2),
        "worst": {
            name: [f"{score:.3f} {what}" for score, what in sorted(found)[:worst]] for name, found in scores.items()
        },
    }


if __name__ == "__main__":
    main()
