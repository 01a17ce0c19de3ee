"""What was found once, where it stands without what gave it away: "passport no." is said the first time only."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

_TOKEN = re.compile(r"\w+")
_SHORTEST = 6  # characters: what is shorter may be anything


class Elsewhere:
    """Values with a digit in them, and what stands for each. Looking costs the length of the text, however many there are."""

    def __init__(self) -> None:
        self._known: defaultdict[str, dict[str, tuple[str, str]]] = defaultdict(dict)  # by the first word

    def learn(self, value: str, placeholder: str, entity: str) -> None:
        first = _TOKEN.search(value)
        if first is not None and len(value) >= _SHORTEST and any(map(str.isdigit, value)):
            self._known[first.group()][value] = placeholder, entity

    def replace(self, text: str) -> tuple[str, Counter[str]]:
        """The text without the values, and how many there were, by entity."""
        if not self._known:
            return text, Counter()
        pieces: list[str] = []
        found: Counter[str] = Counter()
        position = 0
        for token in _TOKEN.finditer(text):
            if token.start() < position or token.group() not in self._known:
                continue
            for value, (placeholder, entity) in self._known[token.group()].items():
                start = token.start() - value.index(token.group())  # it may begin with "(" or "+"
                end = start + len(value)
                if start >= position and text.startswith(value, start) and not _goes_on(text, end):
                    pieces += text[position:start], placeholder
                    found[entity] += 1
                    position = end
                    break
        return "".join([*pieces, text[position:]]), found


def _goes_on(text: str, end: int) -> bool:
    """Whether the last word of the value is only the beginning of one."""
    return text[end - 1 : end].isalnum() and text[end : end + 1].isalnum()
