"""Telephone numbers in running text: shapes first, so that python-phonenumbers validates a handful of candidates
instead of searching every digit of a page for eight regions (half of Presidio's time on a filing, and the source of
figures taken for numbers)."""

from __future__ import annotations

import re
from collections.abc import Iterator

PHONE_CONTEXT = [
    "phone",
    "phones",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "cellphone",
    "call",
    "calling",
    "dial",
    "fax",
    "facsimile",
    "hotline",
    "contact",
    "whatsapp",
    "sms",
    "text",
    "answering",
]

REGIONS = (
    "GB",
    "DE",
    "FR",
    "IT",
    "IN",
    "BR",
    "AU",
    "ES",
    "NL",
    "CH",
)  # that write national numbers with a leading 0, or are common

_GAP = r"[ \u00a0.\-\u2010-\u2015/]"
_BEFORE = r"(?<![\w$€£¥%*])(?<!\d[.,/\-])"
_AFTER = r"(?!\w|[%*]|[.,\-/]\d)"
_EXTENSION = r"(?:,?[ ]?(?:x|ext\.?|extension)[ ]?\d{1,6})?"

# North America: area code and exchange never start with 0 or 1; parentheses, hyphens or dots set it apart from figures.
_NANP = re.compile(
    rf"{_BEFORE}(?:\+?1{_GAP}?)?(?:\([2-9]\d\d\){_GAP}{{0,2}}[2-9]\d\d{_GAP}|[2-9]\d\d(?P<gap>[.\-\u2010-\u2015])[2-9]\d\d(?P=gap))"
    rf"\d{{4}}{_EXTENSION}{_AFTER}",
    re.IGNORECASE,
)
# With its country's code in front, whether or not the area is one that is given out.
_NANP_ABROAD = re.compile(
    rf"(?<![\w+])(?:\+|00)1{_GAP}?(?:\([2-9]\d\d\)|[2-9]\d\d){_GAP}[2-9]\d\d{_GAP}\d{{4}}{_EXTENSION}{_AFTER}",
    re.IGNORECASE,
)
_INTERNATIONAL = re.compile(rf"(?<![\w+])(?:\+|00)\d{{1,3}}(?:{_GAP}{{0,2}}\(?\d{{1,12}}\)?){{1,6}}{_AFTER}")
_TRUNK = re.compile(rf"{_BEFORE}(?:\(0\d{{1,5}}\)|0\d{{1,5}}){_GAP}{{1,2}}\d{{2,8}}(?:{_GAP}\d{{2,8}}){{0,4}}{_AFTER}")
_BARE = re.compile(rf"{_BEFORE}(?:\d{{7,13}}|\(?\d{{2,4}}\)?(?:{_GAP}\d{{2,6}}){{1,4}}){_AFTER}")
_CONTEXT = re.compile(rf"\b(?:{'|'.join(PHONE_CONTEXT)})\b", re.IGNORECASE)
# 31.12.2022, 2022-12-31, rows of years, and an employer's tax number (05-0494040)
_OTHER = re.compile(
    r"\d\d-\d{7}|"
    r"\d{1,2}([./\- ])\d{1,2}\1(?:19|20)?\d\d|(?:19|20)\d\d([./\- ])\d{1,2}\2\d{1,2}|(?:(?:19|20)\d\d\W?)+"
)


def phone_numbers(text: str) -> Iterator[tuple[int, int, float]]:
    """(start, end, score): 0.75 with a country code, 0.6 in a national form, 0.05 for digits that need a context word."""
    for pattern in (_NANP, _NANP_ABROAD):
        for match in pattern.finditer(text):
            yield *match.span(), 0.6
    for match in _INTERNATIONAL.finditer(text):
        if end := _valid_end(match, None):
            yield match.start(), end, 0.75
    for match in _TRUNK.finditer(text):
        if end := _valid_end(match, REGIONS):
            yield match.start(), end, 0.6
    if _CONTEXT.search(text):
        for match in _BARE.finditer(text):
            if 7 <= sum(map(str.isdecimal, match.group())) <= 13 and not _OTHER.fullmatch(match.group()):
                yield *match.span(), 0.05


def _valid_end(match: re.Match[str], regions: tuple[str, ...] | None) -> int | None:
    """The end of the longest prefix, cut between groups, that is a number somebody could be given."""
    for group in reversed(list(re.finditer(r"\d+\)?", match.group()))):
        candidate = match.group()[: group.end()]
        if _OTHER.fullmatch(candidate):
            return None
        international = re.sub(r"^00", "+", candidate)
        for region in regions or (None,):
            if _assignable(international, region):
                return match.start() + group.end()
    return None


def _assignable(number: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
