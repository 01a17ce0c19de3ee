"""Word documents: what their authors see in them, also where Word hides it in odd places."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from PIL import Image

from pipelines.domain.documents import Block, BlockKind
from pipelines.domain.errors import UnreadableFile, UnsafeMarkup
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import DOCX, PageRange, parse_range, probe


def saved(document: docx.document.Document, folder: Path) -> Path:
    path = folder / "file.docx"
    document.save(str(path))
    return path


def blocks_of(path: Path) -> tuple[Block, ...]:
    assert probe(path, DOCX) == 1
    return normalise([parse_range(path, DOCX, PageRange(1, 1))]).blocks


def test_headings_have_the_level_of_their_style_or_of_the_style_it_is_based_on(tmp_path: Path) -> None:
    document = docx.Document()
    house = document.styles.add_style("House d'heading", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    house.base_style = document.styles["Heading 2"]
    document.add_heading("Manual", 0)
    document.add_heading("Part", 1)
    document.add_paragraph("Chapter", style=house)
    document.add_paragraph("Words.")
    found = blocks_of(saved(document, tmp_path))
    assert [(block.level, block.text) for block in found] == [
        (1, "Manual"),
        (2, "Part"),
        (3, "Chapter"),
        (None, "Words."),
    ]


def test_merged_cells_are_kept(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(3, 3)
    for number, cell in enumerate(table._cells):
        cell.text = str(number)
    table.cell(1, 0).merge(table.cell(2, 0)).text = "both"
    table.cell(0, 1).merge(table.cell(0, 2)).text = "wide"
    (block,) = blocks_of(saved(document, tmp_path))
    assert block.cells == (("0", "wide", "wide"), ("both", "4", "5"), ("both", "7", "8"))


def test_text_in_content_controls_and_insertions_is_read_and_deletions_are_not(tmp_path: Path) -> None:
    document = docx.Document()
    body = document.element.body
    body.insert(
        0,
        parse_xml(
            f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        ),
    )
    body.insert(
        1,
        parse_xml(
            f"<w:p {nsdecls('w')}><w:r><w:t xml:space='preserve'>Pay </w:t></w:r><w:del w:id='1'><w:r>"
            "<w:delText>10</w:delText></w:r></w:del><w:ins w:id='2'><w:r><w:t>12</w:t></w:r></w:ins>"
            "<w:r><w:t xml:space='preserve'> euros.</w:t></w:r></w:p>"
        ),
    )
    assert [block.text for block in blocks_of(saved(document, tmp_path))] == ["In a control.", "Pay 12 euros."]


def test_what_word_hides_is_not_read(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Shown.")
    paragraph.add_run(" Hidden.").font.hidden = True
    paragraph.add_run(" Shown again.").font.hidden = False
    assert [block.text for block in blocks_of(saved(document, tmp_path))] == ["Shown. Shown again."]


def test_lines_of_code_are_one_block(tmp_path: Path) -> None:
    document = docx.Document()
    document.styles.add_style("Source Code", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    for line in ("if clear:", "    observe()"):
        document.add_paragraph(line, style="Source Code")
    (block,) = blocks_of(saved(document, tmp_path))
    assert (block.kind, block.text) == (BlockKind.CODE, "if clear:\n    observe()")


def test_a_footnote_stands_after_its_paragraph(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Leave", 1)
    paragraph = document.add_paragraph("Leave is 28 days")
    paragraph.add_run()._r.append(parse_xml(f"<w:footnoteReference {nsdecls('w')} w:id='2'/>"))
    paragraph.add_run(" a year.")
    document.add_heading("Pay", 1)
    notes = (
        f"<w:footnotes {nsdecls('w')}><w:footnote w:id='2'><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t>From age 50: 31.</w:t>"
        "</w:r></w:p></w:footnote></w:footnotes>"
    )
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    part = Part(PackURI("/word/footnotes.xml"), kind, notes.encode(), document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    texts = [block.text for block in blocks_of(saved(document, tmp_path))]
    assert texts == ["Leave", "Leave is 28 days a year.", "From age 50: 31.", "Pay"]


def numbered(document: docx.document.Document, levels: list[tuple[str, str]], start: int = 1) -> None:
    """Counts Heading 1, Heading 2, ... in these formats, as Word's multilevel lists do."""
    found = [
        f"<w:lvl w:ilvl='{n}'><w:start w:val='{start}'/><w:numFmt w:val='{kind}'/><w:pStyle w:val='Heading{n + 1}'/>"
        f"<w:lvlText w:val='{text}'/></w:lvl>"
        for n, (kind, text) in enumerate(levels)
    ]
    root = document.part.numbering_part.element
    root.insert(0, parse_xml(f"<w:abstractNum {nsdecls('w')} w:abstractNumId='90'>{''.join(found)}</w:abstractNum>"))
    root.append(parse_xml(f"<w:num {nsdecls('w')} w:numId='90'><w:abstractNumId w:val='90'/></w:num>"))
    for level in range(len(levels)):
        style = document.styles[f"Heading {level + 1}"].element
        style.get_or_add_pPr().append(parse_xml(f"<w:numPr {nsdecls('w')}><w:numId w:val='90'/></w:numPr>"))


def test_headings_have_the_numbers_that_word_shows(tmp_path: Path) -> None:
    document = docx.Document()
    numbered(document, [("upperRoman", "Part %1:"), ("decimal", "%2.%1"), ("lowerLetter", "(%3)")], start=3)
    for text, level in (
        ("Money", 1),
        ("Salary", 2),
        ("Pension", 2),
        ("Early", 3),
        ("Late", 3),
        ("Safety", 1),
        ("Fire", 2),
    ):
        document.add_heading(text, level)
    document.add_paragraph("Words.")
    assert [block.text for block in blocks_of(saved(document, tmp_path))] == [
        "Part III: Money",
        "3.III Salary",
        "4.III Pension",
        "(c) Early",
        "(d) Late",
        "Part IV: Safety",
        "3.IV Fire",
        "Words.",
    ]


def test_clauses_have_their_numbers_and_plain_items_have_none(tmp_path: Path) -> None:
    document = docx.Document()
    numbered(document, [("decimal", "%1."), ("decimal", "%1.%2")])
    for level, text in ((0, "The tenant"), (1, "pays the rent"), (1, "keeps the peace")):
        properties = document.add_paragraph(text)._p.get_or_add_pPr()
        place = f"<w:numPr {nsdecls('w')}><w:ilvl w:val='{level}'/><w:numId w:val='90'/></w:numPr>"
        properties.append(parse_xml(place))
    found = blocks_of(saved(document, tmp_path))
    assert [block.text for block in found] == ["The tenant", "1.1 pays the rent", "1.2 keeps the peace"]


def test_lists_are_items(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Bring:")
    document.add_paragraph("a lamp", style="List Bullet")
    document.add_paragraph("a map", style="List Number")
    kinds = [block.kind for block in blocks_of(saved(document, tmp_path))]
    assert kinds == [BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.LIST]


def rewritten(path: Path, part: str, old: str, new: str) -> Path:
    """The file with a part's text changed."""
    changed = path.with_name(f"changed-{path.name}")
    with ZipFile(path) as source, ZipFile(changed, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            assert name != part or old.encode() in data
            target.writestr(name, data.replace(old.encode(), new.encode()) if name == part else data)
    return changed


def test_a_picture_on_another_machine_is_not_asked_for(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Words.")
    picture = tmp_path / "dot.png"
    Image.new("RGB", (4, 4)).save(picture)
    document.add_picture(str(picture))
    path = saved(document, tmp_path)
    path = rewritten(path, "word/document.xml", "r:embed=", "r:link=")
    path = rewritten(
        path,
        "word/_rels/document.xml.rels",
        'Target="media/image1.png"',
        f'Target="file://{picture}" TargetMode="External"',
    )
    assert [block.text for block in blocks_of(path)] == ["Words."]


def test_entities_are_refused_by_name(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Words.")
    head = "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>"
    declared = head + '<!DOCTYPE w:document [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    path = rewritten(saved(document, tmp_path), "word/document.xml", head, declared)
    with pytest.raises(UnsafeMarkup):
        probe(path, DOCX)
    with pytest.raises(UnsafeMarkup):
        parse_range(path, DOCX, PageRange(1, 1))


def test_a_damaged_part_is_refused_by_name(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Words.")
    path = rewritten(saved(document, tmp_path), "word/document.xml", "</w:body>", "</w:bodies>")
    with pytest.raises(UnreadableFile):
        parse_range(path, DOCX, PageRange(1, 1))
