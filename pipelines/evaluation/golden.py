"""Golden sets as JSON lines: {"question", "evidence": [{"document", "page"?, "quote"?}], "answer"?}, or of what the documents do
not answer {"question", "answerable": false}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.domain.errors import InvalidRequest
from pipelines.domain.evaluation import EvidencePlace, GoldenQuestion

MAX_QUESTIONS = 1_000
_MAX_TEXT = 4_000
_MAX_EVIDENCE = 50


class InvalidGoldenSet(InvalidRequest):
    """The golden set cannot be read."""

    code = "invalid_golden_set"


def parse(text: str) -> list[GoldenQuestion]:
    """Raises InvalidGoldenSet, which names the line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(_question(json.loads(line)))
        except (ValueError, TypeError, RecursionError) as error:
            reason = error if type(error) is ValueError else "not a JSON object of the expected shape"
            raise InvalidGoldenSet(f"Line {number}: {reason}.") from None
        if len(found) > MAX_QUESTIONS:
            raise InvalidGoldenSet(f"A golden set may have {MAX_QUESTIONS:,} questions.")
    if not found:
        raise InvalidGoldenSet("There is no question in it.")
    return found


def dump(questions: Iterable[GoldenQuestion]) -> str:
    """One line each; what `parse` reads."""
    return "".join(json.dumps(as_dict(question), ensure_ascii=False) + "\n" for question in questions)


def as_dict(golden: GoldenQuestion) -> dict[str, Any]:
    if not golden.answerable:
        return {"question": golden.question, "answerable": False}
    evidence = [
        {name: value for name, value in place._asdict().items() if value is not None} for place in golden.evidence
    ]
    return {"question": golden.question, "evidence": evidence, **({"answer": golden.answer} if golden.answer else {})}


def _question(given: Any) -> GoldenQuestion:
    _known(given, {"question", "evidence", "answer", "answerable"})
    evidence = given.get("evidence")
    if given.get("answerable", True) is False:
        if evidence or "answer" in given:
            raise ValueError("what the documents do not answer has neither `evidence` nor `answer`")
        return GoldenQuestion(_text(given, "question"), ())
    if given.get("answerable", True) is not True:
        raise ValueError("`answerable` must be true or false")
    if not isinstance(evidence, list) or not 1 <= len(evidence) <= _MAX_EVIDENCE:
        raise ValueError(f"`evidence` must be a list of 1 to {_MAX_EVIDENCE} places")
    places = tuple(_place(place) for place in evidence)
    return GoldenQuestion(_text(given, "question"), places, _text(given, "answer") if "answer" in given else None)


def _place(given: Any) -> EvidencePlace:
    _known(given, {"document", "page", "quote"})
    page = given.get("page")
    if page is not None and (type(page) is not int or page < 1):
        raise ValueError("`page` must be a whole number from 1")
    return EvidencePlace(_text(given, "document"), page, _text(given, "quote") if "quote" in given else None)


def _known(given: Any, names: set[str]) -> None:
    if not isinstance(given, Mapping):
        raise ValueError("expected a JSON object")
    if strangers := set(given) - names:
        raise ValueError(f"unknown member {sorted(strangers)[0]!r}; known are {', '.join(sorted(names))}")


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_TEXT:
        raise ValueError(f"`{name}` must be a text of 1 to {_MAX_TEXT:,} characters")
    return value
