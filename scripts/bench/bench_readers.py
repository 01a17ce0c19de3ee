#!/usr/bin/env python
"""What reading costs in each type of file, and what comes of a folder of files. JSON out.

    scripts/bench/bench_readers.py                    # large files that it writes: seconds and peak memory of each
    scripts/bench/bench_readers.py --folder FOLDER    # every file in it: read, or under which code refused

Each file is read in a process of its own. Of Word, Excel and PowerPoint files it also says which share of the words in their
XML is in the blocks: hidden sheets and slides, running footers and phonetic guides are in the one and not in the other.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from html import unescape
from multiprocessing import get_context
from pathlib import Path
from zipfile import BadZipFile, ZipFile

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.adapters.tesseract import find
from pipelines.domain.errors import CairnError
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import detect_media_type, parse_range, plan_ranges, probe

MEMORY_BYTES = 2 * 1024**3
SENTENCE = "The quick brown fox jumps over the lazy dog near the river bank. "
Outcome = dict[str, str | int | float]

# Where a type of file keeps the words that people see, and the ends of their paragraphs.
PARTS = {
    "docx": re.compile(r"word/(document|footnotes|endnotes)\d*\.xml"),
    "pptx": re.compile(r"ppt/(slides/slide|diagrams/data|notesSlides/notesSlide)\d+\.xml"),
    "xlsx": re.compile(r"xl/(sharedStrings|drawings/drawing\d+)\.xml"),
}
NOT_SHOWN = re.compile(r"<mc:Fallback.*?</mc:Fallback>|<(w:del|w:instrText)\b.*?</\1>", re.DOTALL)
BREAKS = re.compile(r"<(?:w:br|a:br|w:tab|w:cr)\b[^>]*/?>|</(?:w:p|a:p|si|w:tc)>")
TEXTS = re.compile(r"<(?:\w+:)?t(?:\s[^>]*)?>([^<]*)</(?:\w+:)?t>|(\n)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    folder = parser.parse_args().folder
    if folder is not None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        outcomes = list(map(read_apart, files))
        print(json.dumps({"summary": summary(outcomes), "files": outcomes}, indent=1))
        return
    with tempfile.TemporaryDirectory() as made:
        for name, write in WRITERS.items():
            write(Path(made, name))
        print(json.dumps([read_apart(Path(made, name)) for name in WRITERS], indent=1))


def read_apart(path: Path) -> Outcome:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            return pool.submit(read, path).result()
        except BrokenProcessPool:
            return {"file": path.name, "outcome": "died"}


def read(path: Path) -> Outcome:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    ocr = find("eng")
    started = time.perf_counter()
    found: Outcome = {"file": path.name, "outcome": "read", "kib": path.stat().st_size >> 10}
    try:
        kind = detect_media_type(path, path.name)
        pages = probe(path, kind, ocr)
        document = normalise([parse_range(path, kind, part, ocr) for part in plan_ranges(pages)])
    except CairnError as error:
        return found | {"outcome": error.code, "detail": error.detail}
    except MemoryError:
        return found | {"outcome": "limit_exceeded"}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    found |= {
        "pages": pages,
        "blocks": len(document.blocks),
        "seconds": round(time.perf_counter() - started, 2),
        "mib": peak,
    }
    written = words_inside(path)
    lost = written - words(block.text.replace("\\|", "|") for block in document.blocks)
    return found | {"words": written.total(), "lost": lost.total()}


def words(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in re.findall(r"\w+", text))


def words_inside(path: Path) -> Counter[str]:
    """In the XML of an Office file; none of any other."""
    parts = PARTS.get(path.suffix[1:].lower().replace("m", "x"))
    try:
        with ZipFile(path) as file:
            found = [
                file.read(name).decode("utf-8", "replace")
                for name in file.namelist()
                if parts and parts.fullmatch(name)
            ]
    except BadZipFile:
        return Counter()
    shown = (BREAKS.sub("\n", NOT_SHOWN.sub("", markup)) for markup in found)
    return words(unescape("".join(text or end for text, end in TEXTS.findall(markup))) for markup in shown)


def summary(outcomes: list[Outcome]) -> dict[str, dict[str, float]]:
    """By the files' suffix: outcomes, and the share of words that is read."""
    by_suffix: dict[str, dict[str, float]] = {}
    for outcome in outcomes:
        row = by_suffix.setdefault(Path(str(outcome["file"])).suffix.lower(), {})
        for key, value in (
            (str(outcome["outcome"]), 1),
            ("words", outcome.get("words", 0)),
            ("lost", outcome.get("lost", 0)),
        ):
            row[key] = row.get(key, 0) + float(value)
    for row in by_suffix.values():
        row["share"] = round(1 - row["lost"] / row["words"], 4) if row["words"] else 0.0
    return by_suffix


def write_docx(path: Path) -> None:
    import docx

    document = docx.Document()
    for section in range(400):
        document.add_heading(f"Section {section}", 1 + section % 3)
        for _ in range(12):
            document.add_paragraph(SENTENCE * 6)
        for row in document.add_table(5, 4).rows:
            for cell in row.cells:
                cell.text = "a cell's value"
    document.save(str(path))


def write_xlsx(path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Data")
        for row in range(100_000):
            sheet.write_row(
                row, 0, (row, f"name {row}", row * 1.5, "text here", row % 7, "more text", 0.25, "x", "y", "z")
            )


def write_pptx(path: Path) -> None:
    import pptx

    deck = pptx.Presentation()
    for number in range(300):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"Slide {number}"
        slide.placeholders[1].text = "\n".join([SENTENCE] * 8)
    deck.save(str(path))


def write_csv(path: Path) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows((row, f"name {row}", row * 1.5, "text here", "more") for row in range(300_000))


def write_html(path: Path) -> None:
    part = f"<div><h2>A head</h2><p>{SENTENCE}<b>Bold</b> words.</p><ul><li>one<li>two</ul></div>"
    path.write_text("<!doctype html>" + part * 100_000)


WRITERS: dict[str, Callable[[Path], None]] = {
    "large.docx": write_docx,
    "large.xlsx": write_xlsx,
    "large.pptx": write_pptx,
    "large.csv": write_csv,
    "large.html": write_html,
}

if __name__ == "__main__":
    main()
