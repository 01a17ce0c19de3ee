"""HTML: what a person sees of a page, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.documents import Block, BlockKind
from pipelines.domain.errors import LimitExceeded, UnreadableFile
from pipelines.ingest.parse import HTML, PageRange, parse_range, probe
from pipelines.ingest.parse.html import read


def blocks_of(markup: str) -> tuple[Block, ...]:
    return read(markup)[0].blocks


def texts_of(markup: str) -> list[str]:
    return [block.text for block in blocks_of(markup)]


def test_the_kinds_of_block() -> None:
    found = blocks_of(
        "<h1>Guide</h1><p>One <b>two</b>\n three.</p><h2>Steps</h2><ol><li>First<li><p>Second</p></ol>"
        "<pre>a\n  b</pre><figure><img alt='A dome'><figcaption>The dome</figcaption></figure>loose words"
    )
    assert [(block.kind, block.text) for block in found] == [
        (BlockKind.HEADING, "Guide"),
        (BlockKind.PARAGRAPH, "One two three."),
        (BlockKind.HEADING, "Steps"),
        (BlockKind.LIST, "First"),
        (BlockKind.LIST, "Second"),
        (BlockKind.CODE, "a\n  b"),
        (BlockKind.PARAGRAPH, "A dome"),
        (BlockKind.FIGURE, "The dome"),
        (BlockKind.PARAGRAPH, "loose words"),
    ]
    levels = [block.level for block in found if block.level is not None]
    assert levels == sorted(levels, reverse=True)


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>x</script>",
        "<style>x</style>",
        "<template>x</template>",
        "<noscript>x</noscript>",
        "<p hidden>x</p>",
        "<p style='color:red; DISPLAY : none'>x</p>",
        "<span style='visibility:hidden'>x</span>",
        "<iframe srcdoc='<p>x</p>'></iframe>",
        "<object data='x'>x</object>",
        "<svg><title>x</title><text>x</text></svg>",
        "<!-- x -->",
        "<nav>x</nav>",
        "<input value='x'>",
    ],
)
def test_what_people_do_not_see_is_not_read(hidden: str) -> None:
    assert texts_of(f"<p>before</p>{hidden}<p>after</p>") == ["before", "after"]


def test_spanning_cells_stand_in_every_place_they_cover() -> None:
    (block,) = blocks_of(
        "<table><tr><th>Land</th><th colspan=2>Sales</th></tr><tr><td rowspan=2>Chile</td><td>Q1<td>5</tr>"
        "<tr><td>Q2<td>7</tr><tr><td colspan=3>Provisional</tr></table>"
    )
    assert block.cells == (
        ("Land", "Sales", "Sales"),
        ("Chile", "Q1", "5"),
        ("Chile", "Q2", "7"),
        ("Provisional", "", ""),
    )


def test_a_table_that_only_lays_out_a_page_is_read_through() -> None:
    outer = (
        "<table><tr><td><h1>Letter</h1></td></tr><tr><td><table><tr><th>a<th>b<tr><td>1<td>2</table></td></tr></table>"
    )
    assert [block.kind for block in blocks_of(outer)] == [BlockKind.HEADING, BlockKind.TABLE]


def test_a_note_stands_after_the_text_that_refers_to_it() -> None:
    found = texts_of(
        "<h2>One</h2><p>Fact.<sup><a href='#footnote-1' id='footnote-ref-1'>[1]</a></sup></p><h2>Two</h2><p>End.</p>"
        "<ol><li id='footnote-1'><p>Source. <a href='#footnote-ref-1'>&uarr;</a></p></li></ol>"
    )
    assert found == ["One", "Fact.", "Source.", "Two", "End."]


def test_the_title_is_that_of_the_head() -> None:
    assert read("<title> A\n page </title><p>x")[1] == "A page"


@pytest.mark.parametrize(
    "data",
    [
        "<p>Größe – 5 €".encode(),
        "<p>Größe – 5 €".encode("utf-16"),
        "<meta charset=windows-1252><p>Größe – 5 €".encode("cp1252"),
        '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-15"><p>Größe - 5 €'.encode("iso-8859-15"),
        "<meta charset=no-such-thing><p>Größe – 5 €".encode(),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(data)
    (block,) = parse_range(path, HTML, PageRange(1, 1)).blocks
    assert block.text.replace("–", "-") == "Größe - 5 €"


@pytest.mark.parametrize("part", ["<div>", "<ul><li>", "<table><tr><td>", "<b>"])
def test_a_page_nested_very_deep_is_read(part: str) -> None:
    assert texts_of(part * 10_000 + "deep") == ["deep"]


def test_an_absurd_span_is_refused_by_name() -> None:
    row = "<td colspan=1000 rowspan=9999>x</td>"
    wide = f"<table><tr><td colspan=1000>x<td>y</tr>{'<tr><td>1<td>2</tr>' * 5_000}</table>"
    with pytest.raises(LimitExceeded):
        read(wide)
    with pytest.raises(LimitExceeded):
        read(f"<table>{''.join(f'<tr>{row}{row}</tr>' for _ in range(1200))}</table>")


def test_a_page_that_shows_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<html><script>document.write('x')</script></html>")
    assert probe(path, HTML) == 1
    with pytest.raises(UnreadableFile):
        parse_range(path, HTML, PageRange(1, 1))


@given(st.text(alphabet="<>/= ab\"'ptdhrl1-!", max_size=200))
def test_any_markup_is_read(markup: str) -> None:
    for number, block in enumerate(blocks_of(markup)):
        assert block.text.strip()
        assert block.box.y0 == number
