"""Data that only the words before or after it tell from any other number or word: ages, birth dates, licences, accounts.

Each recogniser looks for its cue first, so that a text without one costs a search for a few words.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from pipelines.ingest.redact.exhaustive import Exhaustive, found

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_DATE = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?[ ](?:of[ ])?{_MONTH}\.?,?[ ]\d{{4}}|{_MONTH}\.?[ ]\d{{1,2}}(?:st|nd|rd|th)?,?[ ]\d{{4}}"
    r"|\d{4}[\-/.]\d{1,2}[\-/.]\d{1,2}|\d{1,2}[./\-]\d{1,2}[./\-](?:19|20)?\d{2})(?!\d)"
)
_YEARS = r"(?P<value>1[0-2]\d|[1-9]?\d)"
_AGE = rf"{_YEARS}(?![\d%]|[.,:]\d|[ ]?(?:%|percent|per[ ]cent|million|billion|degrees?|pages?|minutes?|hours?|days?|points?))"
_ENDS = r"(?=[ ]*(?:[.,;!?)]|$|\n|years|today|and\b|this\b|last\b|next\b|in\b|on\b))"
_TURNER = r"(?:just|have|has|had|i|he|she|who|son|daughter|brother|sister|father|mother|wife|husband|child|and)"
# Between a cue and its value: "number is", "no.:", "#".
_COPULA = r"[ ]*(?:is|was|are|=|:|\#)*[ \n]*"
_IS = r"(?:'s)?[ ]*(?:(?:card[ ])?(?:numbers?|no|nr|num|code|id)\b\.?)?(?:[ ]*(?:is|was|are|of|=|:|\#|-))*[ \n]*"
_ID = r"(?P<value>(?:[A-Z]{1,3}[ ])?(?=[A-Z\-]*\d)[A-Z0-9][A-Z0-9\-]{2,19}(?:[ ](?=[A-Z\-]{0,3}\d)[A-Z0-9\-]{1,8}){0,5})(?!\w)"
_ACCOUNT = r"(?P<value>\d(?:[ \-]?\d){5,16})(?!\w|[.,]\d)"
_PLATE = (
    r"(?-i:(?P<value>(?=[A-ZÄÖÜ0-9\- ]*\d)(?=[0-9\- ]*[A-ZÄÖÜ])[A-ZÄÖÜ0-9]{1,4}(?:[\- ]?[A-Z0-9]{1,4}){1,3}))(?!\w)"
)
_MIXED = r"(?:\d[A-Za-z]|[A-Za-z]\d)"  # letters and digits change places: no word, and no number
_SECRET = rf"(?P<value>(?=[\w+/\-]*{_MIXED}[\w+/\-]*{_MIXED})[\w+/\-]{{20,200}}={{0,2}})(?![\w(.\[])"


class Cued(Exhaustive):
    """Of each match, what the group `value` holds. `cues`: one of them stands in any text that matches (lower case)."""

    def __init__(self, entity: str, score: float, cues: tuple[str, ...], *expressions: str) -> None:
        patterns = [Pattern(f"{entity} {number}", each, score) for number, each in enumerate(expressions)]
        super().__init__(entity, name=entity, patterns=patterns)
        self._cues = cues
        self._compiled = [regex.compile(each, regex.IGNORECASE) for each in expressions]

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        lower = text.lower()
        if not any(cue in lower for cue in self._cues):
            return
        for pattern, compiled in zip(self.patterns, self._compiled, strict=True):
            for match in compiled.finditer(text):
                yield found(self, match.start("value"), match.end("value"), pattern.score)


def cued_recognisers() -> list[Exhaustive]:
    return [
        Cued(
            "AGE",
            0.7,
            ("year", "age", "turn", "yo", "old", " was ", " am ", " were ", " is "),
            rf"(?<![\d.,/$€£\-]){_YEARS}(?=[ \-]?(?:(?:years?|yrs?|months?)[ \-]?(?:of[ ]age|old)|y/?o)\b)",
            rf"\b(?:aged?|the[ ]age[ ]of|ages)[ ]?(?:is[ ]|of[ ]|:[ ]?|=[ ]?|at[ ])?{_AGE}",
            rf"\b{_TURNER}[ ]?(?:just[ ])?(?:turned|turning|turns)[ ]{_AGE}{_ENDS}",
            rf"\b(?:when|while|as)[ ](?:s?he|i|they|we)[ ](?:was|were|is|am)[ ](?:only[ ]|just[ ]|about[ ])?{_AGE}{_ENDS}",
            rf"\b(?:i[ ]am|i'm|s?he[ ]is|s?he's)[ ]{_AGE}{_ENDS}",
        ),
        Cued(
            "DATE_OF_BIRTH",
            0.85,
            ("birth", "born", "dob", "d.o.b", "geb", "né"),
            r"\b(?:date[ ]of[ ]birth|birth[ ]?date|birthday|dob|d\.o\.b\.?|born(?:[ ]on)?|geboren(?:[ ]am)?|geb\.|née?[ ]le)[ ]*"
            rf"(?:\([^)\n]{{1,20}}\)[ ]*)?(?:is|was|=|:|-|on)*[ \n]*(?P<value>{_DATE})",
        ),
        Cued(
            "US_DRIVER_LICENSE",
            0.7,
            ("licen",),
            rf"\b(?:driv(?:er'?s?|ers'|ing)|dl)[ ]licen[cs]es?{_IS}{_ID}",
            rf"\blicen[cs]e[ ](?:number|no\.?|nr|id|\#){_COPULA}{_ID}",
        ),
        Cued(
            "PASSPORT",
            0.75,
            ("passport", "reisepass", "passeport", "pasaporte"),
            rf"\b(?:passports?|reisepass|passeport|pasaporte){_IS}{_ID}",
        ),
        Cued(
            "BANK_ACCOUNT",
            0.7,
            ("account", "acct", "a/c", "sort code", "routing", "konto", "bsb", "aba"),
            rf"\b(?:account|acct|a/c)\.?[ ](?:number|no\.?|nr\.?|num\.?|\#){_COPULA}{_ACCOUNT}",
            rf"\b(?:bank|checking|savings|current)[ ](?:account|acct)\.?{_COPULA}{_ACCOUNT}",
            r"\b(?:kontonummer|konto-?nr\.?|sort[ ]code|bsb|routing[ ](?:transit[ ])?(?:number|no\.?|\#)"
            rf"|aba[ ](?:number|no\.?|\#|routing)){_COPULA}{_ACCOUNT}",
        ),
        Cued(
            "LICENSE_PLATE",
            0.7,
            ("plate", "registration", "kennzeichen"),
            r"\b(?:(?:licen[cs]e|number|registration)[ ]plates?|vehicle[ ]registration|kennzeichen|plates?[ ](?:number|no\.?))"
            rf"{_IS}{_PLATE}",
            rf"\bplates?[ ](?-i:(?=(?:[\- ]?[A-ZÄÖÜ0-9]){{5}})){_PLATE}",  # not plate 3B of a book
        ),
        Cued(
            "NATIONAL_ID",
            0.6,
            ("national i", "identity", "id card", "tax", "personal id", "ausweis", "citizen", "dni"),
            r"\b(?:national[ ](?:identity|identification|id|insurance)|identity[ ]card|id[ ]card|personal[ ]id(?:entification)?"
            rf"|tax(?:payer)?[ ](?:id(?:entification)?|file)|citizen(?:ship)?[ ](?:id|card)|personalausweis|dni){_IS}{_ID}",
        ),
        Cued(
            "ZIP_CODE",
            0.6,
            ("zip", "post", "plz", "code postal"),
            rf"\b(?:zip(?:[ ]?codes?)?|post(?:al)?[ ]?codes?|plz|code[ ]postal){_COPULA}"
            r"(?P<value>[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[A-Z]{2}|(?:[A-Z]{1,3}-)?\d{3,5}(?:[ \-]?\d{2,4}|[ ]?[A-Z]{2})?)(?!\w)",
        ),
        Cued(
            "API_KEY",
            0.75,
            ("key", "secret", "token", "passw", "pwd", "bearer"),
            r"\b[\w.\-]{0,30}?(?:api[_\-]?key|secret(?:[_\-]?key)?|access[_\-]?(?:key|token)|auth[_\-]?token|client[_\-]?secret|bearer)"
            rf"['\"]?[ ]*(?:=>|:=|=|:|[ ])[ ]*['\"]?{_SECRET}",
            r"\b(?:password|passwd|passwort|pwd)['\"]?[ ]*(?:is[ ]|=|:)[ ]*['\"]?"
            r"(?P<value>(?=\S*\d)(?=\S*[A-Za-z])[^\s'\",;<>(){}\[\]]{6,64})(?![\w(\[])",
        ),
    ]


class Dates(Exhaustive):
    """Dates, years and days of the week: mostly harmless, so that no policy that comes with the product acts on them."""

    _SHAPE = regex.compile(
        rf"(?<![\w.,/\-])(?:{_DATE}|{_MONTH}\.?[ ]\d{{4}}|(?:19[3-9]|20[0-4])\d)(?![\w%]|[.,/\-]\d)"
        r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b",
        regex.IGNORECASE,
    )

    def __init__(self) -> None:
        super().__init__("DATE_TIME", name="Dates", patterns=[Pattern("date", r"\d", 0.6)])

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        for match in self._SHAPE.finditer(text):
            yield found(self, match.start(), match.end(), 0.6)


class WebAddress(Exhaustive):
    """Addresses with a scheme or "www.", and user names of profiles; a bare domain looks like code (`client.retrieval`)."""

    _SHAPE = regex.compile(r"(?<![\w@])(?:https?://|ftp://|www\.)[^\s<>\"'\])}]{3,300}(?<![.,;:!?])", regex.IGNORECASE)

    def __init__(self) -> None:
        super().__init__("DOMAIN_NAME", name="WebAddress", patterns=[Pattern("address", r"\d", 0.6)])

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        if "://" in text or "www." in text.lower():
            for match in self._SHAPE.finditer(text):
                yield found(self, match.start(), match.end(), 0.6)


class Titles(Exhaustive):
    """Forms of address before a name."""

    _SHAPE = regex.compile(
        r"\b(?:Mrs?|Ms|Mx|Dr|Prof|Rev|Herr|Frau|Mme)\b\.?(?=[ ]\p{L})|\b(?:Miss|Sir|Madam|Professor)(?=[ ]\p{Lu})"
    )

    def __init__(self) -> None:
        super().__init__("TITLE", name="Titles", patterns=[Pattern("title", r"\d", 0.6)])

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        for match in self._SHAPE.finditer(text):
            yield found(self, match.start(), match.end(), 0.6)
