"""What a collection's own abbreviations stand for, as its documents introduce them: "remaining performance obligations (RPO)".

Schwartz and Hearst, "A simple algorithm for identifying abbreviation definitions in biomedical text" (PSB 2003): the letters
of the abbreviation occur in order in the words before the bracket, the first one at the beginning of a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_ABBREVIATION = re.compile(r"(?<![\w&-])[A-Z][A-Z&]{1,7}s?(?![\w&-])")
_MOST_MORE_WORDS = 5  # than letters


def abbreviations(question: str) -> list[str]:
    """Words in capitals, each once: "RPO", "SG&A"."""
    return list(dict.fromkeys(found.removesuffix("s") for found in _ABBREVIATION.findall(question)))


def written_out(abbreviation: str, texts: Iterable[str]) -> str | None:
    """What most of the texts that introduce the abbreviation say it stands for; None where none does."""
    introduced = re.compile(rf"([^()\[\]|]{{1,200}}?)\s*\((?:the\s+)?\W?{re.escape(abbreviation)}s?\W?\)")
    found = Counter(
        words.lower()
        for text in texts
        for before in introduced.findall(" ".join(text.split()))
        if (words := _long_form(abbreviation, before))
    )
    return found.most_common(1)[0][0] if found else None


def _long_form(abbreviation: str, before: str) -> str | None:
    """The shortest end of the words before the bracket that has the letters of the abbreviation, in order."""
    letters = [letter.lower() for letter in abbreviation if letter.isalnum()]
    words = before.split()
    text = " ".join(words[-(len(letters) + _MOST_MORE_WORDS) :])
    at = len(text)
    for place in range(len(letters) - 1, -1, -1):
        at -= 1
        while at >= 0 and (text[at].lower() != letters[place] or (place == 0 and at > 0 and text[at - 1].isalnum())):
            at -= 1
        if at < 0:
            return None
    long = text[at:].strip(" ,;:.“”\"'")
    return long if len(long.split()) > 1 and len(long) > len(abbreviation) else None
