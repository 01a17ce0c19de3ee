"""A question as it is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.query.glossary import Glossary
from pipelines.query.terms import identifiers


@dataclass(frozen=True, slots=True)
class Asked:
    """`phrases` are what documents write for what is asked; `identifiers` name one thing each."""

    text: str
    phrases: Sequence[str] = ()
    identifiers: Sequence[str] = ()

    @classmethod
    def of(cls, question: str, glossary: Glossary) -> Asked:
        return cls(question, glossary.expand(question), identifiers(question))

    def with_phrases(self, more: Sequence[str]) -> Asked:
        return replace(self, phrases=(*self.phrases, *more)) if more else self

    @property
    def written(self) -> str:
        """What is embedded beside its text; "" where documents write what is asked."""
        return "; ".join(self.phrases)
