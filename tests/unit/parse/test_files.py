"""What is told of a file from outside: whether it looks damaged, its ranges of pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.parse import PDF, TEXT, plan_ranges, suspicious

WHOLE = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\nstartxref\n9\n%%EOF\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (WHOLE, False),
        (WHOLE[:-7], True),
        (WHOLE + bytes(5000), True),
        (WHOLE.replace(b"<<>>", b"<</Encrypt 2 0 R>>"), True),
        (b"%PDF-1.7\nthis is not a PDF\n%%EOF\n", True),
    ],
    ids=["whole", "cut", "followed-by-rubbish", "encrypted", "empty-inside"],
)
def test_what_looks_wrong_is_looked_at_more_closely(tmp_path: Path, content: bytes, expected: bool) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(content)
    assert suspicious(path, PDF) is expected
    assert not suspicious(path, TEXT)


@given(st.integers(1, 2000), st.integers(1, 64))
def test_ranges_hold_every_page_once_and_in_order(pages: int, size: int) -> None:
    ranges = plan_ranges(pages, size)
    assert [page for each in ranges for page in range(each.first, each.last + 1)] == list(range(1, pages + 1))
    assert all(each.last - each.first < size for each in ranges)
