"""What documents write for what people ask."""

from __future__ import annotations

import pytest

from pipelines.domain.errors import ConfigurationError
from pipelines.query.glossary import Glossary, built_in

SMALL = Glossary.parse(
    """
    # measures
    R&D: research and development
    cash; liquid funds: cash on hand
    cash flow: net cash provided   # longer than cash
    """
)


@pytest.mark.parametrize(
    ("question", "phrases"),
    [
        ("How much R&D?", ["research and development"]),
        ("Which LIQUID FUND is there, and which cash?", ["cash on hand"]),
        ("What is the cash-flow?", ["net cash provided"]),
        ("The flow of cashews", []),
    ],
)
def test_a_name_stands_for_its_phrases_and_the_longest_one_counts(question: str, phrases: list[str]) -> None:
    assert SMALL.expand(question) == phrases


@pytest.mark.parametrize("line", ["no colon", "name:", ": phrase", "name: ;"])
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(ConfigurationError, match="Line 2"):
        Glossary.parse(f"# fine\n{line}\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("margin: {profit}", "is not in it"),
        ("margin: {margin}", "leads back"),
        ("margin: {profit}\nprofit: {margin}", "leads back"),
        ("margin: {}", "is not in it"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        Glossary.parse(text.replace("{}", "{?}"))


def test_a_reference_stands_for_what_its_name_stands_for() -> None:
    glossary = Glossary.parse(
        """
        turnover ratio: {sales}; {stock on hand}
        stock on hand; inventory: inventories
        sales; revenue: net sales; total revenues
        operating cycle: {turnover ratio}; receivables; inventories
        """
    )
    assert glossary.expand("The turnover ratio?") == ["net sales", "total revenues", "inventories"]
    assert glossary.expand("Its operating cycle") == ["net sales", "total revenues", "inventories", "receivables"]


def test_an_operators_own_words_stand_beside_the_others() -> None:
    both = SMALL | Glossary.parse("cash: petty cash\nPTO: annual leave")
    assert both.expand("How much cash?") == ["cash on hand", "petty cash"]
    assert both.expand("How much PTO and R&D?") == ["annual leave", "research and development"]


def test_the_built_in_one_knows_what_a_measure_is_made_of() -> None:
    assert "total current liabilities" in built_in().expand("Is the quick ratio healthy?")
    assert {"inventories", "cost of sales"} <= set(built_in().expand("How many days of inventory (DIO)?"))
    assert built_in().expand("Who may use the observatory at night?") == []
