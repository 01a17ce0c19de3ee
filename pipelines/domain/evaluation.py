"""Questions with known evidence, and what a search made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class EvidencePlace(NamedTuple):
    """Where an answer stands: in a document (its id, title or file name), on a page, in some words. None: anywhere."""

    document: str
    page: int | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """Without evidence: the documents do not answer it, and nothing should be said."""

    question: str
    evidence: tuple[EvidencePlace, ...]
    answer: str | None = None

    @property
    def answerable(self) -> bool:
        return bool(self.evidence)


class Quality(NamedTuple):
    """Of one question's ranking, or the means over all. Each from 0 to 1."""

    recall: float  # share of the evidence among the first k
    ndcg: float  # the same, weighed by rank
    reciprocal_rank: float  # of the first evidence


class EvaluatedQuestion(NamedTuple):
    question: str
    measures: Mapping[str, float]


Measures = Mapping[str, float]
"""Of one question, or the means over those to which they apply, by name (pipelines/evaluation/outcome.py)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run of questions. `scores` are None until it is through; `asker` is whom it was asked for."""

    id: str
    tenant_id: str
    collection_id: str
    created_at: datetime
    asker: Mapping[str, list[str] | str]  # user, groups, roles
    questions: tuple[GoldenQuestion, ...]
    settings: Mapping[str, str]  # generation, models, threshold
    scores: Measures | None = None
