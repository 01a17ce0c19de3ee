"""A figure is right however it is written, and wrong however near it is."""

from __future__ import annotations

import pytest

from pipelines.evaluation.correct import is_correct, token_f1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Purchases of PP&E: 2018 $ (1,577); 2017 (1,373). [1]", "$1577.00"),
        ("Net PP&E was 8,738 million dollars. [1]", "$8.74 billion"),
        ("The rate fell to 24.62%. [2]", "24.6%"),
        ("It was 0.246 of income.", "24.6%"),
        ("The segment shrank by 0.9%.", "The consumer segment shrunk by 0.9% organically."),
        (
            "Dividends were paid in all four quarters of the year.",
            "Yes, dividends were paid in every quarter of the year.",
        ),
    ],
)
def test_what_is_right(said: str, expected: str) -> None:
    assert is_correct(said, expected)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Purchases of PP&E: 2018 (1,578). [1]", "$1577.00"),
        ("Net PP&E was 8,638 million dollars. [1]", "$8.74 billion"),
        ("The figure is in passage [24].", "24"),
        ("In 2018 it was unchanged.", "$12.00 in 2018"),
        ("The moon is made of cheese.", "Yes, dividends were paid in every quarter of the year."),
    ],
)
def test_what_is_wrong(said: str, expected: str) -> None:
    assert not is_correct(said, expected)


def test_the_share_of_words_in_common() -> None:
    assert token_f1("Leave is 28 days. [1]", "leave is 28 days") == 1
    assert token_f1("Leave is 28 days.", "sixty") == 0
    assert 0 < token_f1("Leave is 28 days.", "28") < 1
