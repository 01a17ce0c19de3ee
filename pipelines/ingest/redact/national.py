"""National numbers that carry a check digit, as Presidio knows them, under one entity: NATIONAL_ID."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex  # type: ignore[import-untyped]
from presidio_analyzer import PatternRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import (
    AuTfnRecognizer,
    CaSinRecognizer,
    DeTaxIdRecognizer,
    EsNieRecognizer,
    EsNifRecognizer,
    FiPersonalIdentityCodeRecognizer,
    InAadhaarRecognizer,
    KrRrnRecognizer,
    NhsRecognizer,
    PlPeselRecognizer,
    SePersonnummerRecognizer,
    SgFinRecognizer,
    ThTninRecognizer,
    TrNationalIdRecognizer,
    ZaIdNumberRecognizer,
)

from pipelines.ingest.redact.exhaustive import Exhaustive, found

_SPEAKING = (FiPersonalIdentityCodeRecognizer, EsNieRecognizer, EsNifRecognizer, SgFinRecognizer)
"""Their letters and check digit leave little room for chance."""

_DIGITS = {
    PlPeselRecognizer: ("pesel",),
    DeTaxIdRecognizer: ("steuer", "idnr", "tax id", "tin"),
    SePersonnummerRecognizer: ("personnummer", "personal identity", "samordningsnummer"),
    InAadhaarRecognizer: ("aadhaar", "aadhar", "uidai"),
    KrRrnRecognizer: ("rrn", "resident registration", "주민등록"),
    NhsRecognizer: ("nhs", "national health"),
    CaSinRecognizer: ("sin", "social insurance"),
    AuTfnRecognizer: ("tfn", "tax file"),
    ThTninRecognizer: ("thai national", "เลขประจำตัวประชาชน", "national id"),
    TrNationalIdRecognizer: ("tckn", "t.c. kimlik", "tc kimlik", "kimlik"),
    ZaIdNumberRecognizer: ("id number", "south african id", "identity number"),
}
"""Digits with one check digit: a tenth of all numbers would pass. So they count near a word that names them."""

_NEAR = 60  # characters


class NationalId(Exhaustive):
    """Every number whose check digit is right; one of digits alone needs its name before it."""

    def __init__(self) -> None:
        self._speaking = [kind(supported_language="en") for kind in _SPEAKING]
        self._digits = [(kind(supported_language="en"), cues) for kind, cues in _DIGITS.items()]
        super().__init__("NATIONAL_ID", name="NationalId", patterns=list(self._speaking[0].patterns))

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        for recogniser in self._speaking:
            yield from self._checked(text, recogniser, ())
        lower = text.lower()
        for recogniser, cues in self._digits:
            if any(cue in lower for cue in cues):
                yield from self._checked(text, recogniser, cues)

    def _checked(self, text: str, recogniser: PatternRecognizer, cues: Sequence[str]) -> Iterator[RecognizerResult]:
        for pattern in recogniser.patterns:
            for match in regex.finditer(
                rf"(?<![\w\-.])(?:{pattern.regex})(?![\w\-]|\.\d)", text, flags=regex.IGNORECASE
            ):
                before = text[max(0, match.start() - _NEAR) : match.start()].lower()
                named = any(regex.search(rf"\b{regex.escape(cue)}", before) for cue in cues)
                if (named or not cues) and recogniser.validate_result(match.group()):
                    yield found(self, match.start(), match.end(), 0.9)
