"""Who asks and what they ask for in `scripts/leak_test.py`: people with keys, and documents of which each has its secret."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

_SYLLABLES = ["ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu", "fa", "gi"]


@dataclass(frozen=True)
class Person:
    """Somebody who asks, with a key."""

    tenant: str
    name: str
    groups: frozenset[str]
    secret: str

    def reads(self, readers: frozenset[str]) -> bool:
        return bool(readers & {"everyone", f"user:{self.name}", *(f"group:{group}" for group in self.groups)})


@dataclass
class Paper:
    """A document. `held`: who might read it, from when: between the sending of a change and its answer, both do."""

    tenant: str
    number: int
    topic: str
    secret: str
    ids: dict[str, str] = field(default_factory=dict)
    held: list[tuple[float, frozenset[str], float]] = field(default_factory=list)  # from, readers, until

    @property
    def text(self) -> str:
        return (
            f"# Ledger of {self.topic}\n\nThe code word of the {self.topic} ledger is {self.secret}. It was agreed on in "
            f"spring.\n\nThe {self.topic} ledger is kept in room {self.number + 100} by its own clerk.\n"
        )

    @property
    def question(self) -> str:
        return f"What is the code word of the {self.topic} ledger?"

    def known_to(self, person: Person, first: float, last: float) -> bool:
        """Whether the person could read it at any moment from `first` to `last`."""
        return person.tenant == self.tenant and any(
            person.reads(readers) and since <= last and until >= first for since, readers, until in self.held
        )

    def open_to(self, person: Person, first: float, last: float) -> bool:
        """Whether it could read it all the time."""
        inside = [readers for since, readers, until in self.held if since <= last and until >= first]
        return person.tenant == self.tenant and all(person.reads(readers) for readers in inside)

    def share(self, readers: frozenset[str], sent: float, done: float) -> None:
        since, before, _ = self.held.pop()
        self.held += [(since, before, done), (sent, readers, float("inf"))]


def words(dice: random.Random, count: int, syllables: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(dice.choices(_SYLLABLES, k=syllables))] = None
    return list(found)
