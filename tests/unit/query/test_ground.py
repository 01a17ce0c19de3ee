"""Which claims are supported, by words alone and with meaning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.query.claims import Claim
from pipelines.query.evidence import Evidence, pieces
from pipelines.query.ground import support
from pipelines.query.terms import figures, measures
from tests.fakes.passages import passage

RULES = pieces(
    [
        passage("Employees get 28 days of paid leave each year. Video from the entrance is kept for 72 hours."),
        passage(
            "Passwords have at least fourteen characters and are never shared. Keys work no more than five nights."
        ),
        passage(
            "Revenue was $1,577.00 million, or 4.2% more. Parking is free for 45 minutes. Room 46 is closed.",
            headings=("Fiscal 2022",),
        ),
    ]
)


def _said(text: str) -> list[str]:
    return [piece.quote for piece in support(Claim.of(text), RULES, None)]


@pytest.mark.parametrize(
    "claim",
    [
        "Employees get twenty-eight days of paid leave each year [1].",
        "Passwords have at least 14 characters [2].",
        "Passwords are never shared [2].",
        "Keys work five nights [2].",
        "In fiscal 2022, revenue was $1577 million [3].",  # the year is in the heading
        "Revenue was 4.2 percent more [3].",
        "Employees get 28 days of paid leave each year [3].",  # the marker is wrong, the words are not
        "Employees get 28 days of paid leave each year.",
    ],
)
def test_what_a_passage_says_is_supported(claim: str) -> None:
    assert len(_said(claim)) == 1


@pytest.mark.parametrize(
    "claim",
    [
        "Employees get 45 days of paid leave each year [1][3].",  # a number of something else
        "Employees get 46 days of paid leave each year [1][3].",
        "Employees get 28 weeks of paid leave each year [1].",
        "Employees get no paid leave each year [1].",
        "Passwords are shared [2].",
        "Revenue was $1,577 billion [3].",
        "Revenue was $1,578 million [3].",
        "In 2023, revenue was $1,577 million [3].",
        "28 [1].",
        "[1]",
    ],
)
def test_what_no_passage_says_is_not_supported(claim: str) -> None:
    assert _said(claim) == []


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("There were not no acquisitions during 2017.", "There were no acquisitions during 2017."),
        ("The group has not more than 9,000 locations.", "The group has more than 9,000 locations."),
        (
            "Any fraud, whether or not material, that involves employees who have not a significant role in control.",
            "Any fraud, whether or not material, that involves employees who have a significant role in control.",
        ),
        (
            "Verizon has not significant debt, and does not retire existing debt.",
            "Verizon has significant debt, and does not retire existing debt.",
        ),
        ("Supplemental balance sheet information is not provided.", "Supplemental Balance Sheet Information"),
        ("The company is not not the surviving one.", "The company is not the surviving one."),
    ],
)
def test_a_denial_is_told_clause_by_clause(claim: str, said: str) -> None:
    evidence = pieces([passage(said)])
    assert support(Claim.of(f"{claim} [1]"), evidence, np.array([0.99], np.float32)) == []
    assert support(Claim.of(f"{said} [1]"), evidence, np.array([0.99], np.float32)) == evidence


def test_a_denial_needs_words_that_deny_it() -> None:
    said = "See Note 21 for legal proceedings that result from the accident of March 10, 2019, of Flight 302."
    claim = Claim.of("Legal proceedings do not result from the accident of March 10, 2019, of Flight 302 [1].")
    assert support(claim, pieces([passage(said)]), np.array([0.9], np.float32)) == []


def test_a_claim_out_of_two_sentences_cites_both() -> None:
    both = _said("Employees get 28 days of paid leave, and video from the entrance is kept for 72 hours [1].")
    assert both == [RULES[0].quote, RULES[1].quote] or both == [RULES[1].quote, RULES[0].quote]


def test_scraps_of_other_sentences_support_nothing() -> None:
    assert _said("Employees get video passwords for free parking of keys at the entrance [1][2][3].") == []


def test_meaning_lets_a_paraphrase_pass_and_stops_a_likeness_of_words() -> None:
    leave = RULES[:1]
    paraphrase = Claim.of("Staff may take 28 days off each year with full leave pay [1].")
    lookalike = Claim.of("Employees get paid parking each year [1].")
    assert support(paraphrase, leave, None) == []
    assert support(paraphrase, leave, np.array([0.85], np.float32)) == leave
    assert support(lookalike, leave, None) == leave
    assert support(lookalike, leave, np.array([0.45], np.float32)) == []


def test_meaning_never_lets_another_figure_pass() -> None:
    claim = Claim.of("Employees get 29 days of paid leave each year [1].")
    assert support(claim, RULES[:1], np.array([1.0], np.float32)) == []


@given(st.text(max_size=80), st.lists(st.integers(1, 9), max_size=3))
def test_every_figure_of_a_supported_claim_stands_in_what_is_cited(words: str, markers: list[int]) -> None:
    claim = Claim(f"Employees get 28 days of paid leave each year {words}".strip(), tuple(markers))

    def said(piece: Evidence) -> frozenset[str]:
        return figures(piece.text) | figures(piece.heading)

    cited = support(claim, RULES, None)
    assert not cited or figures(claim.text) <= frozenset[str]().union(*map(said, cited))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,749 and 1749.00 and 0.50", {"1749", "0.5"}),
        ("on 12.05.2024, version 1.2.3", {"12.05.2024", "1.2.3"}),
        ("Seven of twenty-one, or sixty", {"7", "21", "60"}),
        ("someone often weighs", set()),
        ("see HTTPS://Evil.example/a?b=c.", {"https://evil.example/a?b=c"}),
        ("mail a.b@example.org", {"a.b@example.org"}),
        ("![x](//evil.example/1)", {"//evil.example/1", "1"}),
    ],
)
def test_figures_are_read_as_they_are_meant(text: str, found: set[str]) -> None:
    assert figures(text) == found


def test_units_are_read_with_their_numbers() -> None:
    assert measures("28 days, 4.2%, a 3-month stay, $1.5 Million, two hours") == {
        ("28", "day"),
        ("4.2", "percent"),
        ("3", "month"),
        ("1.5", "million"),
        ("2", "hour"),
    }
