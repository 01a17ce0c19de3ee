"""Which documents a question names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.query.naming import Names

LIBRARY = {
    "v_acme_18": "ACME_2018_REPORT ACME_2018_REPORT.pdf",
    "v_acme_22": "ACME_2022_REPORT ACME_2022_REPORT.pdf",
    "v_foot": "FOOTBRIDGE_2022_REPORT FOOTBRIDGE_2022_REPORT.pdf",
    "v_mgr": "MGRHOTELS_2022Q4_EARNINGS MGRHOTELS_2022Q4_EARNINGS.pdf",
    "v_staff": "Staff handbook handbook-final.docx",
}


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("What did ACME spend in FY2018?", "v_acme_18"),
        ("What did Acme's segments earn in 2022?", "v_acme_22"),
        ("Does Foot Bridge have a new head?", "v_foot"),  # run together in the file's name
        ("Which region was best for MGR?", "v_mgr"),  # the beginning of the name, in capitals
        ("What did the hotels of MGR earn in 2022?", "v_mgr"),
        ("What does the staff handbook say of leave?", "v_staff"),
    ],
)
def test_the_document_that_is_named_comes_first(question: str, first: str) -> None:
    named = Names.of(LIBRARY.items()).named(question)
    assert max(named, key=lambda version_id: named[version_id]) == first
    assert sorted(named.values())[-2:][0] < named[first] == max(named.values()) or len(named) == 1


def test_a_question_that_names_nothing_names_nothing() -> None:
    assert Names.of(LIBRARY.items()).named("how much is it, and what may we do?") == {}


def test_small_letters_are_not_taken_for_the_beginning_of_a_name() -> None:
    assert Names.of([("v", "NETWORKS_2022"), ("w", "OTHER_2022")]).named("What is the net income?") == {}


def test_a_word_that_most_documents_have_in_their_names_says_little() -> None:
    names = Names.of((f"v{number}", f"Report {number}") for number in range(100))
    assert max(names.named("What does the report say?").values()) < 0.01
    assert names.named("What does report 7 say?")["v7"] > 0.9


@given(st.text(max_size=80), st.lists(st.text(max_size=30), max_size=5))
def test_any_question_of_any_library_is_a_share(question: str, titles: list[str]) -> None:
    named = Names.of((str(number), title) for number, title in enumerate(titles)).named(question)
    assert all(0 <= share <= 1 for share in named.values())
