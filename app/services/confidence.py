"""How likely the documents are to answer a question, as far as it shows before anything is said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from app.services.grounds import Grounds
from app.services.retrieval import Retrieved, Search
from pipelines.domain.access import Principal
from pipelines.query.asked import Asked
from pipelines.query.relevance import certain, floor_of
from pipelines.query.subject import OFF_SUBJECT, RARE, missing, named


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which confidence on a question is answered; None: no cosine can tell. `calibrated`: measured on a golden set."""

    value: float | None
    calibrated: bool

    @classmethod
    def of(cls, found: Retrieved, model: str, given: float | None = None) -> Threshold:
        """`given` stands above all; a calibration holds for the build and the model it was made with."""
        if given is not None:
            return cls(given, calibrated=True)
        known, generation = found.collection.answering.calibration, found.collection.active_generation
        if known is not None and (known.generation_id, known.model) == (generation.id, model):
            return cls(known.threshold, calibrated=True)
        return cls(floor_of(generation.embedding_model), calibrated=False)

    @property
    def of_sentences(self) -> float | None:
        """What an extracted sentence needs by itself, in an answer that is to be given."""
        return 0.0 if self.calibrated else self.value


@dataclass(frozen=True, slots=True)
class Confidence:
    """`value`: the cosine of the sentence that is nearest to the question, halved when something that the question names is not
    named where it was found; None without vectors."""

    value: float | None
    on_subject: bool

    @classmethod
    async def of(
        cls, principal: Principal, asked: Asked, found: Retrieved, grounds: Grounds, retrieval: Search
    ) -> Confidence:
        closest = await grounds.closest(asked)
        on_subject = await _on_subject(principal, asked.text, found, retrieval)
        return cls(closest if closest is None or on_subject else OFF_SUBJECT * closest, on_subject)

    def reaches(self, threshold: Threshold) -> bool:
        """Whether the passages' own words may answer. Where no cosine can tell, words will."""
        return self.value is None or threshold.value is None or self.value >= threshold.value

    def lets_ask(self, found: Retrieved, threshold: Threshold) -> bool:
        """Whether a language model is worth asking: also where a whole passage is near, as long as nobody measured better."""
        near = not threshold.calibrated and self.on_subject and certain(found.passages, threshold.value)
        return bool(found.passages) and (near or self.reaches(threshold))


async def _on_subject(principal: Principal, question: str, found: Retrieved, retrieval: Search) -> bool:
    """Words that are common in what the asker may read of the collection are no names in it."""
    unnamed = missing(named(question), found.passages)
    collections = [each.name for each in found.collections]

    async def rare(name: str) -> bool:
        counts = [retrieval.occurrences(principal, collection, name, RARE) for collection in collections]
        return sum(await asyncio.gather(*counts)) < RARE

    return not unnamed.years and not any(await asyncio.gather(*map(rare, unnamed.names)))
