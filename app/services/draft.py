"""An answer as it grows: what has been released, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from app.services.timings import Timings
from pipelines.domain.answers import Answer, Citation, Passage
from pipelines.domain.ids import new_id
from pipelines.domain.manifests import Manifest
from pipelines.ports import Message
from pipelines.query.cite import Citations
from pipelines.query.evidence import Evidence

EXTRACTIVE = "extractive"
UNSUPPORTED = "[unsupported]"
ABSTENTION = "I could not find this in the documents you can read."


@dataclass(frozen=True, slots=True)
class PassagesFound:
    passages: tuple[Passage, ...]
    cache: str = "none"  # what served them and the answer: none, exact, semantic, retrieval


@dataclass(frozen=True, slots=True)
class Delta:
    """A sentence with its citations' numbers: "Leave is 28 days. [1] "."""

    text: str


@dataclass(frozen=True, slots=True)
class CitationFound:
    citation: Citation


AnswerEvent: TypeAlias = PassagesFound | Delta | CitationFound | Answer


@dataclass(slots=True)
class Draft:
    """Only `release` adds to the answer."""

    passages: Sequence[Passage] = ()
    model: str = EXTRACTIVE
    asked: Sequence[Message] = ()  # of the model
    cache: str = "none"
    degraded: list[str] = field(default_factory=list)
    citations: Citations = field(default_factory=Citations)
    sentences: dict[str, str] = field(default_factory=dict)  # with the numbers they are shown with
    withheld: int = 0
    unsupported: list[str] = field(default_factory=list)  # sentences that are shown all the same
    confidence: float | None = None
    timings: Timings = field(default_factory=Timings)

    def degrade(self, what: str) -> None:
        if what not in self.degraded:
            self.degraded.append(what)

    def release(self, sentence: str, rests_on: Sequence[Evidence]) -> list[AnswerEvent]:
        """A supported sentence, as events: its new citations, then its text. One that was said already adds nothing."""
        if sentence in self.sentences:
            return []
        self.timings.mark("first_sentence")
        cited = [self.citations.cite(piece) for piece in rests_on]
        shown = f"{sentence} {''.join(f'[{citation.number}]' for citation, _ in cited)}"
        text = f" {shown}" if self.sentences else shown
        self.sentences[sentence] = shown
        return [*(CitationFound(citation) for citation, new in cited if new), Delta(text)]

    def flag(self, sentence: str) -> list[AnswerEvent]:
        """A sentence that nothing supports, as the collection wants to see it."""
        if sentence in self.sentences:
            return []
        shown = f"{sentence} {UNSUPPORTED}"
        text = f" {shown}" if self.sentences else shown
        self.sentences[sentence] = shown
        self.unsupported.append(sentence)
        return [Delta(text)]

    def answer(self, manifest: Manifest) -> Answer:
        self.timings.mark("total")
        abstained = not self.sentences
        return Answer(
            id=new_id("ans"),
            text=ABSTENTION if abstained else " ".join(self.sentences.values()),
            citations=tuple(self.citations.found),
            grounded=not abstained and not self.unsupported,
            abstained=abstained,
            degraded=tuple(self.degraded),
            cache=self.cache,
            model=self.model,
            timings_ms=self.timings,
            manifest=manifest,
            confidence=self.confidence,
            unsupported=tuple(self.unsupported),
        )
