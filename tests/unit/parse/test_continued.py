"""Tables that go on over the page."""

from __future__ import annotations

from pipelines.domain.documents import Block, BlockKind, Box
from pipelines.ingest.continued import continued

HEAD = ("Item", "2023")


def table(page: int, *rows: tuple[str, ...], x0: float = 50) -> Block:
    return Block(BlockKind.TABLE, "", page, Box(x0, 50, 500, 700), cells=rows)


def text(page: int) -> Block:
    return Block(BlockKind.PARAGRAPH, "Some words.", page, Box(50, 710, 500, 730))


def test_a_part_that_repeats_the_header_goes_on() -> None:
    first, second = continued([table(1, HEAD, ("a", "1")), table(2, HEAD, ("b", "2"))])
    assert (first.continues, second.continues) == (False, True)
    assert second.cells == (HEAD, ("b", "2"))


def test_a_part_without_a_header_gets_that_of_the_first_and_stays_on_its_page() -> None:
    _, second, third = continued([table(1, HEAD, ("a", "1")), table(2, ("b", "2")), table(3, ("c", "3"))])
    assert second.cells == (HEAD, ("b", "2"))
    assert third.cells == (HEAD, ("c", "3"))
    assert [second.page, third.page] == [2, 3]
    assert second.text.startswith("| Item | 2023 |")


def test_what_is_parted_by_text_pages_columns_or_place_does_not_go_on() -> None:
    other = table(2, ("b", "2"))
    assert not any(block.continues for block in continued([table(1, HEAD), text(1), other]))
    assert not any(block.continues for block in continued([table(1, HEAD), table(3, ("b", "2"))]))
    assert not any(block.continues for block in continued([table(1, HEAD), table(2, ("b", "2", "3"))]))
    assert not any(block.continues for block in continued([table(1, HEAD), table(2, ("b", "2"), x0=200)]))
    assert not any(block.continues for block in continued([table(1, HEAD), table(1, ("b", "2"))]))
