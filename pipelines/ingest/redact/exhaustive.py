"""Patterns over text, so that nothing is downloaded. Imports Presidio: import this module inside functions only.

Presidio's own `PatternRecognizer.analyze` skips a pattern that runs too long and goes on: a leak. `Exhaustive` runs each to its
end; the worker's time limit is the guard.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import regex  # type: ignore[import-untyped]
from presidio_analyzer import AnalysisExplanation, EntityRecognizer, PatternRecognizer, RecognizerResult

FLAGS = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE


def found(recogniser: PatternRecognizer, start: int, end: int, score: float) -> RecognizerResult:
    return RecognizerResult(
        entity_type=recogniser.supported_entities[0],
        start=start,
        end=end,
        score=score,
        analysis_explanation=AnalysisExplanation(recognizer=recogniser.name, original_score=score),
        recognition_metadata={
            RecognizerResult.RECOGNIZER_NAME_KEY: recogniser.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recogniser.id,
        },
    )


class Exhaustive(PatternRecognizer):  # type: ignore[misc]  # presidio_analyzer is untyped
    """Patterns run to their end; a valid checksum scores 1, an invalid one drops the match."""

    def analyze(self, text: str, *_: Any, **__: Any) -> list[RecognizerResult]:
        return EntityRecognizer.remove_duplicates(list(self._matches(text)))  # type: ignore[no-any-return]

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        for pattern in self.patterns:
            for match in regex.finditer(pattern.regex, text, flags=self.global_regex_flags):
                valid = self.validate_result(match.group())
                if valid is False or self.invalidate_result(match.group()):
                    continue
                yield found(self, match.start(), match.end(), 1.0 if valid else pattern.score)
