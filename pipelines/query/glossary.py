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
_REFERENCE = re.compile(r"\{(.+)\}")

Stems = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glossary:
    """Phrases by what they stand for."""

    entries: Mapping[Stems, tuple[str, ...]]  # stems of a name -> what is also written

    @classmethod
    def parse(cls, text: str) -> Glossary:
        """Lines of `name; name: phrase; {name}; phrase`, where {name} stands for that name's phrases; # begins a comment.

        ConfigurationError names a line that is none, and a reference to what is not there or leads back to itself.
        """
        written: dict[Stems, tuple[str, ...]] = {}
        for number, line in enumerate(text.splitlines(), 1):
            said = line.partition("#")[0].strip()
            names, colon, right = said.partition(":")
            phrases = tuple(phrase.strip() for phrase in right.split(";") if phrase.strip())
            if said and not (colon and phrases and names.strip()):
                raise ConfigurationError(
                    f"Line {number} of the glossary is not of the form `name; name: phrase; phrase`."
                )
            for name in filter(None, map(_stems, names.split(";"))):
                written[name] = (*written.get(name, ()), *phrases)
        return cls({name: _resolved(name, written, ()) for name in written})

    def __or__(self, other: Glossary) -> Glossary:
        """Both; a name of both stands for what either says."""
        names = dict.fromkeys((*self.entries, *other.entries))
        return Glossary(
            {name: tuple(dict.fromkeys((*self.entries.get(name, ()), *other.entries.get(name, ())))) for name in names}
        )

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


def _resolved(name: Stems, written: Mapping[Stems, tuple[str, ...]], within: tuple[Stems, ...]) -> tuple[str, ...]:
    """The phrases of a name, with those that it refers to in the place of its references."""
    found: list[str] = []
    for phrase in written[name]:
        if (reference := _REFERENCE.fullmatch(phrase)) is None:
            found.append(phrase)
            continue
        meant = _stems(reference[1])
        if meant not in written or meant in (*within, name):
            why = "is not in it" if meant not in written else "leads back to itself"
            raise ConfigurationError(f"The glossary refers to {phrase}, which {why}.")
        found += _resolved(meant, written, (*within, name))
    return tuple(dict.fromkeys(found))


def _stems(text: str) -> Stems:
    return tuple(stem(word.lower()) for word in _WORD.findall(text))
