"""What documents write for what people ask: a question says "gross margin", a statement says "cost of sales"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipelines.domain.errors import ConfigurationError
from pipelines.query.terms import stem

_WORD = re.compile(r"[^\W_]+(?:&[^\W_]+)*")  # "R&D" is one


@dataclass(frozen=True, slots=True)
class Glossary:
    """Phrases by what they stand for."""

    entries: Mapping[tuple[str, ...], tuple[str, ...]]  # stems of a name -> what is also written

    @classmethod
    def parse(cls, text: str) -> Glossary:
        """Lines of `name; name: phrase; phrase`; # begins a comment. ConfigurationError names a line that is none."""
        entries: dict[tuple[str, ...], tuple[str, ...]] = {}
        for number, line in enumerate(text.splitlines(), 1):
            said = line.partition("#")[0].strip()
            names, colon, phrases = said.partition(":")
            written = tuple(phrase.strip() for phrase in phrases.split(";") if phrase.strip())
            if said and not (colon and written and names.strip()):
                raise ConfigurationError(
                    f"Line {number} of the glossary is not of the form `name; name: phrase; phrase`."
                )
            for name in filter(None, map(_stems, names.split(";"))):
                entries[name] = (*entries.get(name, ()), *written)
        return cls(entries)

    def expand(self, question: str) -> list[str]:
        """Phrases for the names that the question holds, each once; of names within names, the longest count."""
        words = _stems(question)
        found: list[str] = []
        at = 0
        while at < len(words):
            name = next((words[at:end] for end in range(len(words), at, -1) if words[at:end] in self.entries), ())
            found += self.entries.get(name, ())
            at += max(1, len(name))
        return list(dict.fromkeys(found))


@cache
def built_in() -> Glossary:
    """Terms of business and accounting, as textbooks have them."""
    return Glossary.parse(Path(__file__).with_name("glossary.txt").read_text("utf-8"))


def _stems(text: str) -> tuple[str, ...]:
    return tuple(stem(word.lower()) for word in _WORD.findall(text))
