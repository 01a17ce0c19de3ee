"""What somebody may not read changes nothing of what it is told (`scripts/noninterference.py`, in small)."""

from __future__ import annotations

from pathlib import Path

from scripts.noninterference import run


def test_answers_are_the_same_to_the_byte_with_and_without_documents_of_others(tmp_path: Path) -> None:
    found = run(tmp_path, visible=10, hidden=25, seed=2)
    assert found["unsteady"] == []
    assert found["differ"] == 0, found["first_differences"]
    assert found["answers_compared"] > 100
    assert found["differ_for_who_may_read_them"] > 50, "the documents are such as would change answers"
