"""Presidio without a model. Imports Presidio and spaCy (100 MB): import this module inside functions only."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import Lock
from typing import Any

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, SlimSpacyNlpEngine

from pipelines.domain.privacy import PiiSpan
from pipelines.ingest.redact.names import NameFinder
from pipelines.ingest.redact.names.features import LABELS
from pipelines.ingest.redact.phone import PHONE_CONTEXT
from pipelines.ingest.redact.recognisers import all_recognisers

_LANGUAGE = "en"  # of the tokeniser and the context words; the patterns know no language


class LazyArtifacts(NlpArtifacts):  # type: ignore[misc]
    """Tokens made when first asked for: only a candidate whose context could matter asks."""

    def __init__(self, text: str, engine: BlankNlpEngine) -> None:
        self._text = text
        self.nlp_engine = engine
        self.entities: list[Any] = []
        self.scores: list[float] = []

    @cached_property
    def tokens(self) -> Any:
        return self.nlp_engine.nlp[_LANGUAGE](self._text)

    @cached_property
    def tokens_indices(self) -> list[int]:
        return [token.idx for token in self.tokens]

    @cached_property
    def lemmas(self) -> list[str]:
        # A blank pipeline has no lemmas, and without them no context word ever matches.
        return [token.lower_ for token in self.tokens]

    @cached_property
    def keywords(self) -> list[str]:
        return self.set_keywords(self.nlp_engine, self.lemmas, _LANGUAGE)  # type: ignore[no-any-return]


class BlankNlpEngine(SlimSpacyNlpEngine):  # type: ignore[misc]
    """A tokeniser. Presidio's own slim engine downloads a model for every language that has one."""

    def load(self) -> None:
        self.nlp = {_LANGUAGE: spacy.blank(_LANGUAGE)}

    def is_stopword(self, word: str, language: str) -> bool:
        return word not in PHONE_CONTEXT and super().is_stopword(word, language)  # "call" is one of spaCy's

    def process_text(self, text: str, language: str) -> NlpArtifacts:  # noqa: ARG002
        return LazyArtifacts(text, self)


class BlankAnalyzer:
    """Satisfies pipelines.ingest.redact.detect.Analyzer."""

    def __init__(self, names: NameFinder | None) -> None:
        """`names`: finds what no pattern does; None: nothing does."""
        self._names = names
        logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)  # its messages quote the text
        self._lock = Lock()
        self._nlp = BlankNlpEngine()
        self._engine = AnalyzerEngine(
            registry=RecognizerRegistry(list(all_recognisers()), supported_languages=[_LANGUAGE]),
            nlp_engine=self._nlp,
            # Words, not parts of words: "us" is in "business" and "cell" in "cancelled".
            context_aware_enhancer=LemmaContextAwareEnhancer(context_matching_mode="whole_word"),
            supported_languages=[_LANGUAGE],
        )
        self._by_pattern = frozenset(self._engine.get_supported_entities(_LANGUAGE))

    @property
    def entities(self) -> frozenset[str]:
        return self._by_pattern | (frozenset(LABELS) if self._names else frozenset())

    @contextmanager
    def zone(self) -> Iterator[None]:
        # One at a time: spaCy's zones belong to the vocabulary, and questions are redacted in several threads.
        with self._lock, self._nlp.nlp[_LANGUAGE].memory_zone():
            yield

    def analyze(self, text: str, entities: list[str]) -> Iterable[PiiSpan]:
        wanted = frozenset(entities)
        by_pattern = [entity for entity in entities if entity in self._by_pattern]
        if by_pattern:
            for result in self._engine.analyze(text, _LANGUAGE, entities=by_pattern, score_threshold=0.0):
                yield PiiSpan(result.start, result.end, result.entity_type, result.score)
        if self._names and not wanted.isdisjoint(LABELS):
            yield from (span for span in self._names.spans(text) if span.entity in wanted)
