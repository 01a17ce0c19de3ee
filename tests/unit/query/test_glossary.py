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


def test_the_built_in_one_knows_what_a_measure_is_made_of() -> None:
    assert "total current liabilities" in built_in().expand("Is the quick ratio healthy?")
    assert built_in().expand("Who may use the observatory at night?") == []
