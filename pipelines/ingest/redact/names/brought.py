"""Models for names that the operator brings as a folder: spaCy, Hugging Face token classification, or GLiNER.

None is downloaded, and the packages of the last two are not Cairn's own: `pip install transformers torch`, `pip install gliner`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.domain.errors import ConfigurationError
from pipelines.domain.privacy import PiiSpan

_LABELS: Mapping[str, str] = {
    **dict.fromkeys(("PERSON", "PER", "B-PER", "I-PER", "PERSON NAME", "NAME"), "PERSON"),
    **dict.fromkeys(("GPE", "LOC", "LOCATION", "CITY", "COUNTRY", "FAC"), "GPE"),
    **dict.fromkeys(("ORG", "ORGANIZATION", "ORGANISATION", "COMPANY"), "ORGANIZATION"),
    **dict.fromkeys(("ADDRESS", "STREET_ADDRESS", "STREET ADDRESS"), "STREET_ADDRESS"),
    **dict.fromkeys(("NORP", "NRP", "NATIONALITY"), "NRP"),
    **dict.fromkeys(("TITLE", "JOB TITLE"), "TITLE"),
    **dict.fromkeys(("ZIP_CODE", "POSTAL CODE"), "ZIP_CODE"),
}
_UNKNOWN_SCORE = 0.85  # spaCy's entities come without one
_ASKED_OF_GLINER = [
    "person name",
    "city",
    "country",
    "organization",
    "street address",
    "job title",
    "nationality",
    "postal code",
]


class Brought:
    """`read`: (start, end, the model's own label, score) of each entity of a text."""

    def __init__(self, read: Callable[[str], Sequence[tuple[int, int, str, float]]]) -> None:
        self._read = read

    def spans(self, text: str) -> list[PiiSpan]:
        return [
            PiiSpan(start, end, _LABELS[label.upper()], score)
            for start, end, label, score in self._read(text)
            if label.upper() in _LABELS
        ]


def brought(folder: str) -> Brought:
    """The kind of model is told by its files. Raises ConfigurationError."""
    path = Path(folder)
    readers = {"meta.json": _spacy, "gliner_config.json": _gliner, "config.json": _hugging_face}
    for name, reader in readers.items():
        if (path / name).is_file():
            try:
                return Brought(reader(path))
            except (ImportError, OSError, ValueError) as error:
                raise ConfigurationError(f"The model in {folder} cannot be loaded: {error}") from error
    raise ConfigurationError(f"{folder} is no folder of a spaCy, Hugging Face or GLiNER model.")


def _spacy(path: Path) -> Callable[[str], Sequence[tuple[int, int, str, float]]]:
    import spacy

    pipeline = spacy.load(path, exclude=["lemmatizer", "textcat"])
    return lambda text: [(e.start_char, e.end_char, e.label_, _UNKNOWN_SCORE) for e in pipeline(text).ents]


def _hugging_face(path: Path) -> Callable[[str], Sequence[tuple[int, int, str, float]]]:
    import transformers  # type: ignore[import-not-found, unused-ignore]

    classify: Any = transformers.pipeline(
        "token-classification", model=str(path), aggregation_strategy="simple", local_files_only=True
    )
    return lambda text: [
        (found["start"], found["end"], found["entity_group"], float(found["score"])) for found in classify(text)
    ]


def _gliner(path: Path) -> Callable[[str], Sequence[tuple[int, int, str, float]]]:
    import gliner  # type: ignore[import-not-found, unused-ignore]

    model: Any = gliner.GLiNER.from_pretrained(str(path), local_files_only=True)
    return lambda text: [
        (found["start"], found["end"], found["label"], float(found["score"]))
        for found in model.predict_entities(text, _ASKED_OF_GLINER, threshold=0.3)
    ]
