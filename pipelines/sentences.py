"""Where sentences end, without a model or a download."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = re.compile(r"""[.!?…]+["'”’)\]]*(?=\s+["'“‘(\[]*(?P<next>\S))|[。！？]+[」』”]*|\n\s*\n""")
_LAST_WORD = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]+\Z")
_ABBREVIATIONS = frozenset(
    """
    mr mrs ms dr prof sr jr st rev gen col sen rep gov hon capt lt sgt inc ltd co corp llc bros dept est
    fig figs eq eqs sec secs ch vol no nos pp p ed eds et al vs cf e.g i.e approx ca art
    jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k u.n e.u d.c a.m p.m ph.d
    """.split()  # noqa: SIM905
)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each sentence, in order, without the white space between; together they hold all other characters."""
    start = 0
    for match in _END.finditer(text):
        if _ends_sentence(text, match):
            yield from _trimmed(text, start, match.end())
            start = match.end()
    yield from _trimmed(text, start, len(text))


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    following = match.group("next")
    if following is None or not match.group().startswith("."):
        return True
    if following.islower():
        return False
    word = _LAST_WORD.search(text, max(0, match.start() - 24), match.start())
    if word is None:
        return True
    # An abbreviation, or the initial of a name.
    return word.group().lower() not in _ABBREVIATIONS and not (len(word.group()) == 1 and word.group().isupper())


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if bare := piece.strip():
        first = start + piece.index(bare)
        yield first, first + len(bare)
