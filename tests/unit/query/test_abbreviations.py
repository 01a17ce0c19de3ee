"""What a collection's own abbreviations stand for."""

from __future__ import annotations

import pytest

from pipelines.query.abbreviations import abbreviations, written_out


@pytest.mark.parametrize(
    ("abbreviation", "text", "long"),
    [
        (
            "RPO",
            "As of May, remaining performance obligations (RPO) were $4 million.",
            "remaining performance obligations",
        ),
        ("RPO", "We call them remaining performance obligations (“RPOs”).", "remaining performance obligations"),
        (
            "SG&A",
            "Selling, general and administrative expenses (SG&A) rose.",
            "selling, general and administrative expenses",
        ),
        (
            "HVAC",
            "the heating, ventilation and air conditioning (HVAC) unit",
            "heating, ventilation and air conditioning",
        ),
        ("ARR", "Annualized\nrecurring revenue (the “ARR”) grew.", "annualized recurring revenue"),
    ],
)
def test_what_a_text_introduces_is_read(abbreviation: str, text: str, long: str) -> None:
    assert written_out(abbreviation, [text]) == long


@pytest.mark.parametrize(
    "text",
    ["RPO was high.", "See the table (RPO).", "net sales (RPO)", "(RPO)", "", "| performance | (RPO) |", "Repo (RPO)"],
)
def test_what_is_not_introduced_is_not_made_up(text: str) -> None:
    assert written_out("RPO", [text]) is None


def test_of_two_readings_the_commoner_one_counts() -> None:
    texts = [
        "recovery point objective (RPO)",
        "remaining performance obligations (RPO)",
        "Recovery point objective (RPO)",
    ]
    assert written_out("RPO", texts) == "recovery point objective"


def test_a_text_made_to_be_slow_is_not() -> None:
    assert written_out("RPO", ["r p o " * 50_000 + "(RPO", "(" * 50_000, "a" * 100_000 + "(RPO)"]) is None


def test_words_in_capitals_are_abbreviations_and_others_are_not() -> None:
    assert abbreviations("What were the RPOs and SG&A of MGM in FY2022, I ask? RPO!") == ["RPO", "SG&A", "MGM"]
    assert abbreviations("What is revenue in Q4 2022 per INV2041?") == []
