"""Where personal data stands in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from functools import cache, lru_cache
from importlib.metadata import version
from threading import Lock
from typing import Protocol

from pipelines.domain.errors import ConfigurationError, RedactionFailed
from pipelines.domain.privacy import PiiAction, PiiPolicy, PiiSpan
from pipelines.ingest.redact.names.features import LABELS

RULES = "rules-5"  # changes when pipelines.ingest.redact.recognisers or .phone may find something else
IDENTIFIERS = frozenset(
    [
        "PRIVATE_KEY",
        "API_KEY",
        "CREDIT_CARD",
        "IBAN_CODE",
        "US_SSN",
        "US_ITIN",
        "US_PASSPORT",
        "UK_NINO",
        "IT_FISCAL_CODE",
        "NATIONAL_ID",
        "PASSPORT",
        "BANK_ACCOUNT",
        "US_DRIVER_LICENSE",
        "LICENSE_PLATE",
        "DATE_OF_BIRTH",
        "EMAIL_ADDRESS",
        "PHONE_NUMBER",
        "CRYPTO",
        "IP_ADDRESS",
        "MAC_ADDRESS",
    ]
)
_MARKED = re.compile(r"\d|@|-----BEGIN|:[0-9A-Fa-f]*:|[\w-]{14}")
"""What each of them has somewhere. Most questions have none of it, and cost nothing."""

WINDOW = 8_000  # characters: Presidio's de-duplication and context search are quadratic in candidates
OVERLAP = 400  # characters: longer than any entity with its context words

PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]*_(?:\d{1,6}|[0-9a-f]{8}|[0-9a-f]{32}|\*{4}\w{0,4})>")
"""What redaction leaves behind; it is never itself taken for personal data."""


_BUILDING = Lock()  # the first uploads come together, and each would build its own


class Analyzer(Protocol):
    """A loaded detector."""

    @property
    def entities(self) -> frozenset[str]: ...
    def zone(self) -> AbstractContextManager[object]: ...  # memory taken inside is given back at its end
    def analyze(self, text: str, entities: list[str]) -> Iterable[PiiSpan]: ...


@cache
def recognisers_id() -> str:
    """The detector and its rules, e.g. "presidio-2.2.366+rules-3"."""
    return f"presidio-{version('presidio-analyzer')}+{RULES}"


def blank_analyzer(names: str | None = None) -> Analyzer:
    """Presidio on a blank spaCy tokeniser; built once a process (about a second, 100 MB), nothing downloaded.

    `names`: the folder of a model for names, instead of the one that ships. Raises ConfigurationError.
    """
    with _BUILDING:
        return _built(names)


@lru_cache(maxsize=4)
def _built(names: str | None) -> Analyzer:
    from pipelines.ingest.redact.analyzer import BlankAnalyzer
    from pipelines.ingest.redact.names import finder

    return BlankAnalyzer(finder(names))


def detect(text: str, policy: PiiPolicy, analyzer: Analyzer | None = None) -> list[PiiSpan]:
    """Spans that the policy acts on, in order, without overlaps: of two that overlap the higher score stays, then the
    longer. Lines broken inside a value do not hide it.

    Raises ConfigurationError when nothing can find an entity that the policy names, RedactionFailed when the detector fails.
    """
    rules = {entity: rule for entity, rule in policy.rules.items() if rule.action is not PiiAction.KEEP}
    if not rules or not text.strip() or (rules.keys() <= IDENTIFIERS and not _MARKED.search(text)):
        return []
    analyzer = analyzer or blank_analyzer(policy.names)
    if unknown := sorted(rules.keys() - analyzer.entities):
        raise ConfigurationError(
            f"The PII policy {policy.name!r} names {', '.join(unknown)}, which nothing here detects."
        )
    view, origin = unwrap(text)
    candidates: list[PiiSpan] = []
    with analyzer.zone():
        for first, last in _windows(view):
            candidates += (
                span._replace(start=first + span.start, end=first + span.end)
                for span in _analyze(analyzer, view[first:last], list(rules))
            )
    opaque = [match.span() for match in PLACEHOLDER.finditer(view)]
    allowed = [match.span() for match in _allowed(policy.allow).finditer(view)] if policy.allow else []
    kept = _resolve(
        span
        for span in candidates
        if span.score >= rules[span.entity].threshold
        and not any(start < span.end and span.start < end for start, end in opaque)
        and not any(start <= span.start and span.end <= end for start, end in allowed)
    )
    return [span._replace(start=origin[span.start], end=origin[span.end - 1] + 1) for span in kept]


@lru_cache(maxsize=64)
def _allowed(entries: tuple[str, ...]) -> re.Pattern[str]:
    patterns = (r"\S*".join(map(re.escape, entry.split("*"))) for entry in entries)
    return re.compile("|".join(rf"(?<!\w)(?:{pattern})(?!\w)" for pattern in patterns), re.IGNORECASE)


def _analyze(analyzer: Analyzer, text: str, entities: list[str]) -> Iterable[PiiSpan]:
    try:
        return list(analyzer.analyze(text, entities))
    except Exception as error:  # Presidio's messages quote the text: only the kind of failure leaves this process
        raise RedactionFailed(f"The detector of personal data failed ({type(error).__name__}).") from None


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Overlapping stretches of at most WINDOW characters that start and end at white space where there is any."""
    start = 0
    while len(text) - start > WINDOW:
        end = _space_before(text, start + WINDOW, start + WINDOW // 2)
        yield start, end
        start = _space_before(text, end - OVERLAP, start + 1)
    yield start, len(text)


def _space_before(text: str, position: int, lowest: int) -> int:
    return next((at for at in range(position, lowest, -1) if text[at - 1].isspace()), position)


def _resolve(spans: Iterable[PiiSpan]) -> list[PiiSpan]:
    """Without overlaps, in order. What is left of a name beside an identifier stays a name."""
    kept: list[PiiSpan] = []
    for span in sorted(spans, key=lambda span: (_RANK.get(span.entity, 0), -span.score, span.start - span.end, span)):
        over = [other for other in kept if span.start < other.end and other.start < span.end]
        if not over:
            kept.append(span)
        elif span.entity in LABELS:
            first, last = min(other.start for other in over), max(other.end for other in over)
            rests = (span._replace(end=first), span._replace(start=last))
            kept += (rest for rest in rests if rest.end - rest.start >= _SHORTEST_REST)
    return sorted(kept)


_RANK = {**dict.fromkeys(LABELS, 1), "DATE_TIME": 2}
"""Identifiers have a shape of their own and win over names, which are guessed; a year may be a house's number."""
_SHORTEST_REST = 3  # characters


# What stands for a space or a hyphen in typeset text.
_PLAIN = str.maketrans("\u00a0\u2007\u2009\u202f\u2010\u2011\u2212", "    ---")

# A hyphen at a line's end joins letters and is dropped; between digits it is part of the value. An address breaks at "@" or ".".
_BREAK = re.compile(
    r"(?P<drop>(?<=[^\W\d_])-\n(?=[^\W\d_])|[\u00ad\u200b-\u200d\u2060\ufeff]\n?)"
    r"|(?<=\d[-.])\n(?=\d)|(?<=\w@)\n(?=\w)|(?<=\w)\n(?=@\w)|(?<=@)\n(?=\w)"
    r"|(?<=\.)\n(?=[^\W\d_]{2,})"
    r"|(?<=\S)[ \t]*(?P<space>\n)(?=[ \t]*\S)"
)


def unwrap(text: str) -> tuple[str, range | list[int]]:
    """The text with the lines of a paragraph joined and its marks plain, and for each character of it its place in `text`."""
    text = text.translate(_PLAIN)
    if not _BREAK.search(text):
        return text, range(len(text))
    pieces: list[str] = []
    origin: list[int] = []
    position = 0

    def take(until: int) -> None:
        pieces.append(text[position:until])
        origin.extend(range(position, until))

    for match in _BREAK.finditer(text):
        if match.group("space") is not None:
            take(match.start("space"))
            pieces.append(" ")
            origin.append(match.start("space"))
        elif match.group("drop") is not None or _inside_address(text, match.start()):
            take(match.start())
        else:
            continue
        position = match.end()
    take(len(text))
    return "".join(pieces), origin


def _inside_address(text: str, newline: int) -> bool:
    """Whether the word that the line ends with is a number, or an e-mail address that goes on."""
    word = text[:newline].rsplit(None, 1)[-1] if text[:newline].strip() else ""
    return text[newline - 1] != "." or "@" in word or word[:-1].isdecimal()
