"""A chain of acts: whatever is changed, dropped, moved or added in it is found, and named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.audit import FIRST, Act, AuditRow, Outcome, problems

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def chain(length: int) -> list[AuditRow]:
    rows: list[AuditRow] = []
    for number in range(1, length + 1):
        act = Act(
            START + timedelta(seconds=number),
            "acme",
            "ada",
            "DELETE /v1/documents/{document_id}",
            Outcome.ALLOWED if number % 3 else Outcome.DENIED,
            {"document_id": f"doc_{number}", "documents": ["é", "b"]},
        )
        rows.append(AuditRow.after(rows[-1].digest if rows else FIRST, number, act))
    return rows


def found(lines: list[str], rows: list[AuditRow]) -> list[str]:
    return list(problems(lines, len(rows), rows[-1].digest if rows else FIRST))


@pytest.mark.parametrize("length", [0, 1, 2, 50])
def test_a_whole_chain_has_no_problem(length: int) -> None:
    rows = chain(length)
    assert found([row.line for row in rows], rows) == []


def test_rows_after_the_signed_end_are_not_judged() -> None:
    rows = chain(12)
    assert list(problems([row.line for row in rows], 10, rows[9].digest)) == []


@given(st.data())
def test_no_byte_can_change(data: st.DataObject) -> None:
    rows = chain(6)
    lines = [row.line for row in rows]
    which = data.draw(st.integers(0, 5))
    encoded = bytearray(lines[which].encode())
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    lines[which] = encoded.decode(errors="replace")
    named = found(lines, rows)
    assert named
    assert any(str(which + 1) in problem for problem in named)


@pytest.mark.parametrize("dropped", [1, 4, 10])
def test_a_dropped_row_is_named(dropped: int) -> None:
    rows = chain(10)
    lines = [row.line for row in rows if row.number != dropped]
    assert f"row {dropped} is missing" in found(lines, rows)


def test_rows_cut_off_at_the_end_are_named() -> None:
    rows = chain(10)
    assert found([row.line for row in rows[:7]], rows) == ["rows 8 to 10 are missing"]


def test_two_rows_in_each_others_place_are_named() -> None:
    rows = chain(10)
    order = [0, 1, 5, 3, 4, 2, 6, 7, 8, 9]
    assert any("reordered" in problem and "row 3" in problem for problem in found([rows[i].line for i in order], rows))


def test_two_rows_that_swapped_their_numbers_are_named() -> None:
    rows = chain(10)
    lines = [row.line for row in rows]
    for one, other in ((3, 6), (6, 3)):
        lines[one] = json.dumps(json.loads(rows[other].line) | {"number": one + 1})
    named = found(lines, rows)
    assert {"row 7 stands as row 4: reordered", "row 4 stands as row 7: reordered"} <= set(named)


def test_a_chain_that_was_made_anew_does_not_end_as_was_signed() -> None:
    rows, forged = chain(10), chain(10)
    act = Act(START, "acme", "mallory", "nothing")
    forged[9] = AuditRow.after(forged[8].digest, 10, act)
    assert found([row.line for row in forged], rows) == ["the chain does not end as its head says (row 10)"]


def test_a_row_that_is_there_twice_is_named() -> None:
    rows = chain(4)
    assert "row 2 is there twice" in found([rows[i].line for i in (0, 1, 1, 2, 3)], rows)
