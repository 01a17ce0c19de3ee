"""Passages of a made-up manual, written into every type of file that is read. What is written is known, so is its place."""

from __future__ import annotations

from typing import NamedTuple

SECTIONS = ("Water supply", "Power and light", "Visitors on the site", "Waste and recycling", "Winter service")
INTRODUCTION = " ".join(
    f"This part is about {topic}, and holds what everyone who works here has to know of it before the first day."
    for topic in ("the rooms", "the people", "the machines", "the rules", "the records")
)
"""Stands at the beginning of each section, which is so about as long as a chunk."""

_SUBJECTS = ("pump", "valve", "lamp", "gate", "ladder")
_PLACES = ("north hall", "south yard", "pump house", "east tower")


class Passage(NamedTuple):
    """`page` from 1; `headings`: what stands over it, outermost first."""

    text: str
    page: int
    headings: tuple[str, ...]


class Fact(NamedTuple):
    subject: str
    place: str
    days: int

    @property
    def sentence(self) -> str:
        return f"The {self.subject} in the {self.place} is inspected every {self.days} days by the engineer on duty."


FACTS = tuple(
    Fact(subject, place, 11 + 7 * (5 * row + column))
    for row, place in enumerate(_PLACES)
    for column, subject in enumerate(_SUBJECTS)
)
"""20, each different from all others."""


def by_section() -> list[tuple[str, tuple[Fact, ...]]]:
    """Four facts a section."""
    return [(section, FACTS[4 * number : 4 * number + 4]) for number, section in enumerate(SECTIONS)]
