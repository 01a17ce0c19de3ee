"""What a question names must be named where its answer stands."""

from __future__ import annotations

import pytest

from pipelines.query.subject import Named, missing, named
from tests.fakes.passages import passage

FOUND = [passage("Foot Locker paid dividends of $35 million in the quarter.", headings=("Dividends 2022",))]


@pytest.mark.parametrize(
    ("question", "names", "years"),
    [
        ("What was Nike's revenue in FY2022?", ("Nike",), {"2022"}),
        ("How did Foot Locker do? Answer in USD millions.", ("Foot", "Locker"), set()),
        ("What is SG&A in Q4 of FY23?", (), set()),
        ("Wie viele Urlaubstage bekommen Angestellte bei Tesla?", (), set()),  # every noun has a capital
        ("What Is The Refund Policy Of Tesla?", (), set()),
        ("how many days of leave in 1999", (), {"1999"}),
    ],
)
def test_names_and_years_of_a_question(question: str, names: tuple[str, ...], years: set[str]) -> None:
    assert named(question) == Named(names, frozenset(years))


@pytest.mark.parametrize(
    ("question", "names", "years"),
    [
        ("What did Footlocker pay in 2022?", (), set()),
        ("What did Foot Locker's shareholders get in 2022?", (), set()),
        ("What did Nike pay in 2022?", ("Nike",), set()),
        ("What did Foot Locker pay in 1999?", (), {"1999"}),
        ("What do the Handbooks say?", (), set()),  # its title is "Handbook"
    ],
)
def test_what_the_passages_do_not_name(question: str, names: tuple[str, ...], years: set[str]) -> None:
    assert missing(named(question), FOUND) == Named(names, frozenset(years))
