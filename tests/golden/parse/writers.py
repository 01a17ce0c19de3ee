"""The sample as files. Each writer puts the passages in the ways that its type of file has: paragraphs, items, cells, notes."""

from __future__ import annotations

import csv
import io
from email.message import EmailMessage
from html import escape
from pathlib import Path

import docx
import pptx
import pymupdf
import xlsxwriter
from ebooklib import epub
from PIL import Image, ImageDraw, ImageFont
from pptx.util import Inches

from tests.golden.parse.sample import INTRODUCTION, Fact, Passage, by_section

TITLE = "Site manual"
COLUMNS = ("Device", "Place", "Days")


def row(fact: Fact) -> str:
    """As a line of a Markdown table."""
    return f"| {fact.subject} | {fact.place} | {fact.days} |"


def write_html(path: Path) -> list[Passage]:
    """A paragraph, a list item, a table row and a note in each section."""
    passages, parts = [], []
    for number, (section, (first, second, third, fourth)) in enumerate(by_section()):
        parts.append(
            f"<section><h2>{escape(section)}</h2><p>{INTRODUCTION}</p>"
            f"<p>{first.sentence}<a role='doc-noteref' href='#footnote-{number}'>1</a>"
            f"</p><ul><li>{second.sentence}</li><li>Nothing else.</li></ul><table><tr>"
            + "".join(f"<th>{name}</th>" for name in COLUMNS)
            + f"</tr><tr><td>{third.subject}<td>{third.place}<td>{third.days}</tr></table></section>"
            f"<aside role='doc-footnote' id='footnote-{number}'>{fourth.sentence}</aside>"
        )
        texts = (first.sentence, second.sentence, row(third), fourth.sentence)
        passages += [Passage(text, 1, (TITLE, section)) for text in texts]
    path.write_text(f"<!doctype html><title>{TITLE}</title><h1>{TITLE}</h1>{''.join(parts)}", encoding="utf-8")
    return passages


def write_docx(path: Path) -> list[Passage]:
    """A paragraph, a list item, a table row and a paragraph under a deeper heading in each section."""
    document = docx.Document()
    document.core_properties.title = TITLE
    document.add_heading(TITLE, 0)
    passages = []
    for section, (first, second, third, fourth) in by_section():
        document.add_heading(section, 1)
        document.add_paragraph(INTRODUCTION)
        document.add_paragraph(first.sentence)
        document.add_paragraph(second.sentence, style="List Bullet")
        table = document.add_table(2, len(COLUMNS))
        for column, texts in enumerate(zip(COLUMNS, (third.subject, third.place, str(third.days)), strict=True)):
            for line, text in enumerate(texts):
                table.cell(line, column).text = text
        document.add_heading("More", 2)
        document.add_paragraph(fourth.sentence)
        texts = (first.sentence, second.sentence, row(third))
        passages += [Passage(text, 1, (TITLE, section)) for text in texts]
        passages.append(Passage(fourth.sentence, 1, (TITLE, section, "More")))
    document.save(str(path))
    return passages


def write_xlsx(path: Path) -> list[Passage]:
    """A sheet for each section: a title over a table, whose first column is merged down."""
    passages = []
    book = xlsxwriter.Workbook(path)
    for number, (section, facts) in enumerate(by_section(), 1):
        sheet = book.add_worksheet(section)
        sheet.merge_range(0, 0, 0, len(COLUMNS), INTRODUCTION)
        sheet.write_row(1, 1, ("Part", *COLUMNS))
        sheet.merge_range(2, 1, 1 + len(facts), 1, "Devices")
        for line, fact in enumerate(facts, 2):
            sheet.write_row(line, 2, (fact.subject, fact.place, fact.days))
            text = f"| Devices {row(fact)}"
            passages.append(Passage(text, number, (section, "B2:E6")))
    book.close()
    return passages


def write_csv(path: Path) -> list[Passage]:
    """One row a fact."""
    facts = [fact for _, facts in by_section() for fact in facts]
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, delimiter=";")
        lines.writerow((*COLUMNS, "Note"))
        lines.writerows((fact.subject, fact.place, fact.days, fact.sentence) for fact in facts)
    places = ["A1:D9"] * 8 + ["A10:D17"] * 8 + ["A18:D21"] * 4
    return [Passage(f"{row(fact)} {fact.sentence} |", 1, (place,)) for fact, place in zip(facts, places, strict=True)]


def write_pptx(path: Path) -> list[Passage]:
    """A slide for each section: two items, a table, and what the speaker says."""
    passages = []
    deck = pptx.Presentation()
    for number, (section, (first, second, third, fourth)) in enumerate(by_section(), 1):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = section
        slide.placeholders[1].text = f"{first.sentence}\n{second.sentence}"
        frame = slide.shapes.add_table(2, len(COLUMNS), Inches(1), Inches(6), Inches(6), Inches(1))
        for column, texts in enumerate(zip(COLUMNS, (third.subject, third.place, str(third.days)), strict=True)):
            for line, text in enumerate(texts):
                frame.table.cell(line, column).text = text
        slide.notes_slide.notes_text_frame.text = fourth.sentence
        passages += [Passage(text, number, (section,)) for text in (first.sentence, second.sentence, row(third))]
        passages.append(Passage(fourth.sentence, number, (section, "Speaker notes")))
    deck.save(str(path))
    return passages


def write_epub(path: Path) -> list[Passage]:
    """A chapter for each section, after the page of contents."""
    passages = []
    book = epub.EpubBook()
    book.set_identifier("manual")
    book.set_title(TITLE)
    book.add_item(epub.EpubNav())
    book.spine = ["nav"]
    for number, (section, facts) in enumerate(by_section(), 2):
        chapter = epub.EpubHtml(title=section, file_name=f"text/chapter {number}.xhtml")
        chapter.content = f"<h1>{section}</h1>{''.join(f'<p>{fact.sentence}</p>' for fact in facts)}"
        book.add_item(chapter)
        book.spine.append(chapter)
        book.toc.append(chapter)
        passages += [Passage(fact.sentence, number, (section,)) for fact in facts]
    epub.write_epub(str(path), book)
    return passages


def write_eml(path: Path) -> list[Passage]:
    """One message, with all sections in its text and the manual again as a file."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ida <ida@example.org>", "all@example.org", TITLE
    facts = [fact for _, facts in by_section() for fact in facts]
    message.set_content("\n\n".join(fact.sentence for fact in facts))
    message.add_alternative("".join(f"<p>{fact.sentence}</p>" for fact in facts), subtype="html")
    message.add_attachment(b"not opened", maintype="application", subtype="pdf", filename="manual.pdf")
    path.write_bytes(bytes(message))
    return [Passage(fact.sentence, 1, (TITLE,)) for fact in facts]


def _scans() -> tuple[list[Image.Image], list[Passage]]:
    """A picture of a page, Letter at 200 dpi, for each section, and what stands on it."""
    pictures, passages = [], []
    for number, (section, facts) in enumerate(by_section(), 1):
        picture = Image.new("L", (1700, 2200), "white")
        pen = ImageDraw.Draw(picture)
        pen.text((200, 150), section, fill="black", font=ImageFont.load_default(64))
        for line, fact in enumerate(facts):
            words = fact.sentence.split(" by ")
            pen.text(
                (200, 350 + 250 * line), f"{words[0]}\nby {words[1]}", fill="black", font=ImageFont.load_default(36)
            )
        pictures.append(picture)
        passages += [Passage(fact.sentence, number, (section,)) for fact in facts]
    return pictures, passages


def write_tiff(path: Path) -> list[Passage]:
    pictures, passages = _scans()
    pictures[0].save(path, save_all=True, append_images=pictures[1:], dpi=(200, 200), compression="tiff_lzw")
    return passages


def write_scanned_pdf(path: Path) -> list[Passage]:
    pictures, passages = _scans()
    with pymupdf.open() as document:
        for picture in pictures:
            data = io.BytesIO()
            picture.save(data, "PNG")
            page = document.new_page(width=612, height=792)
            page.insert_image(page.rect, stream=data.getvalue())
        document.save(path)
    return passages


def write_markdown(path: Path) -> list[Passage]:
    """As in HTML: a paragraph, a list item, a table row and another paragraph."""
    passages, lines = [], [f"# {TITLE}"]
    for section, (first, second, third, fourth) in by_section():
        table = [f"| {' | '.join(COLUMNS)} |", "| --- | --- | --- |", row(third)]
        lines += [
            f"## {section}",
            INTRODUCTION,
            first.sentence,
            f"- {second.sentence}",
            "\n".join(table),
            fourth.sentence,
        ]
        texts = (first.sentence, second.sentence, row(third), fourth.sentence)
        passages += [Passage(text, 1, (TITLE, section)) for text in texts]
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return passages


def write_text(path: Path) -> list[Passage]:
    """A page for each section, which a form feed begins."""
    pages, passages = [], []
    for number, (section, facts) in enumerate(by_section(), 1):
        pages.append("\n\n".join([section, *(fact.sentence.replace(" by ", "\nby ") for fact in facts)]))
        passages += [Passage(fact.sentence, number, ()) for fact in facts]
    path.write_text("\f".join(pages), encoding="utf-8")
    return passages


def write_pdf(path: Path) -> list[Passage]:
    """A page for each section, typed."""
    passages = []
    with pymupdf.open() as document:
        for number, (section, facts) in enumerate(by_section(), 1):
            page = document.new_page(width=612, height=792)
            page.insert_text((72, 120), section, fontsize=20, fontname="hebo")
            page.insert_textbox((72, 140, 540, 240), INTRODUCTION, fontsize=11)
            for line, fact in enumerate(facts):
                words = fact.sentence.replace(" by ", "\nby ")
                page.insert_text((72, 260 + 60 * line), words.split("\n"), fontsize=11)
            passages += [Passage(fact.sentence, number, (section,)) for fact in facts]
        document.save(path)
    return passages


def write_jpeg(path: Path) -> list[Passage]:
    """One picture with all sections but their headings."""
    facts = [fact for _, facts in by_section() for fact in facts]
    picture = Image.new("L", (2550, 3300), "white")
    pen = ImageDraw.Draw(picture)
    for line, fact in enumerate(facts):
        pen.text(
            (200, 200 + 145 * line),
            fact.sentence.replace(" by ", "\nby "),
            fill="black",
            font=ImageFont.load_default(44),
        )
    picture.save(path, dpi=(300, 300), quality=90)
    return [Passage(fact.sentence, 1, ()) for fact in facts]
