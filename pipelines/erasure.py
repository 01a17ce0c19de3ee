"""Proof that a document is gone: what only it held is chosen before, and looked for after, byte by byte.

Words are looked for without regard to case, as a keyword index keeps them in small letters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from os import SEEK_CUR
from pathlib import Path

import numpy as np

from pipelines.domain.erasure import Canaries
from pipelines.ports import TokenCounter, Vectors

WORDS, PHRASES, WINDOWS, OTHERS = 8, 8, 4, 2_000
_CANDIDATES = 40
_COUNTED = 10_000
_ALONE, _LETTERS = r"(?<![^\W_])(?:%s)(?![^\W_])", "[A-Za-z0-9]+"  # of no longer word: an index knows whole words only
_WORD = re.compile(_ALONE % rf"{_LETTERS}(?:[-_]{_LETTERS})*")
_PHRASE = re.compile(_ALONE % rf"{_LETTERS}(?: {_LETTERS}){{3,7}}")
_WORD_LENGTHS, _PHRASE_LENGTH = range(6, 61), 24
_RARE_TOKENS = 3  # a word that the embedding model has no name for: program text and logs do not hold it by chance
_START = 8  # bytes; in ids and digests that many letters do not come together by chance
_HEXADECIMAL, _HEXADECIMAL_LENGTH = re.compile(r"[0-9a-f]+"), 12  # but of these, more must
_WINDOW_BYTES = 48
DIMENSIONS = 8  # of a vector: as good as all, for telling one from any other
_TOLERANCE = 1e-5  # a vector index may normalise what it is given
_BLOCK = 8 * 1024 * 1024
_OVERLAP = 512


def candidates(texts: Iterable[str], count_tokens: TokenCounter) -> list[str]:
    """Words of a document that hardly occur anywhere else, the rarest first, and then phrases."""
    words: Counter[str] = Counter()
    phrases: dict[str, None] = {}
    for text in texts:
        words.update(word.lower() for word in _WORD.findall(text) if len(word) in _WORD_LENGTHS)
        for phrase in _PHRASE.findall(text):
            if len(phrase) >= _PHRASE_LENGTH:
                phrases[phrase.lower()] = None
    once = sorted(words, key=lambda word: (words[word], -len(word), word))[:_COUNTED]
    rare = [word for word, tokens in zip(once, count_tokens(once), strict=True) if tokens >= _RARE_TOKENS]
    return [*rare[:OTHERS], *_spread(list(phrases), _CANDIDATES)]


def choose(unique: Sequence[str], file: bytes, vectors: Vectors) -> Canaries:
    """Of candidates that no other document holds, of the original's bytes, and of (n, dimensions) vectors of such text."""
    words = [each for each in unique if " " not in each]
    phrases = [each for each in unique if " " in each][:PHRASES]
    starts = range(0, max(1, len(file) - _WINDOW_BYTES), max(1, len(file) // (WINDOWS + 1)))
    windows = [file[start : start + _WINDOW_BYTES] for start in list(starts)[1:]]  # a file's head is that of its kind
    telling = tuple(window for window in windows if _is_telling(window))
    return Canaries(
        (*words[:WORDS], *phrases),
        telling[:WINDOWS],
        tuple(
            tuple(map(float, row[:DIMENSIONS])) for row in vectors if np.all(row[:DIMENSIONS])
        ),  # zeros are everywhere
        tuple(filter(_is_long, words[WORDS:])),
    )


def _is_long(word: str) -> bool:
    return len(word) >= (_HEXADECIMAL_LENGTH if _HEXADECIMAL.fullmatch(word) else _START)


def _is_telling(window: bytes) -> bool:
    """Whether such bytes come from this file only. Plain text may stand in another document too: words tell that better."""
    unprintable = sum(not 0x20 <= byte < 0x7F for byte in window)
    return unprintable > _WINDOW_BYTES // 4 and len(set(window)) > _WINDOW_BYTES // 2


def remains(path: Path, canaries: Canaries, *, vectors: bool) -> int:
    """How many of the canaries occur in a file; `vectors`: it may hold arrays of float32. 0 for a file that is gone."""
    search = _Search(canaries)
    for block in _blocks(path):
        search.look_in(block)
        if vectors:
            search.found.update(search.first_vector + number for number in _vectors_in(block, canaries))
    return len(search.found)


def remains_in(contents: Iterable[bytes], canaries: Canaries) -> int:
    """How many of the canaries occur in what another store gives out."""
    search = _Search(canaries)
    for content in contents:
        search.look_in(content)
    return len(search.found)


class _Search:
    """What occurs in bytes to the letter, by number: words, windows, vectors, other words."""

    def __init__(self, canaries: Canaries) -> None:
        exact = [np.asarray(vector, dtype=np.float32).tobytes() for vector in canaries.vectors]
        self._patterns = [*(word.encode() for word in canaries.words), *canaries.windows, *exact]
        self._words = len(canaries.words)
        self._others = _Others(canaries.others)
        self.first_vector = len(self._patterns) - len(exact)
        self.found: set[int] = set()

    def look_in(self, block: bytes) -> None:
        lower = block.lower()
        for number, pattern in enumerate(self._patterns):
            if number not in self.found and pattern in (lower if number < self._words else block):
                self.found.add(number)
        self.found.update(len(self._patterns) + number for number in self._others.found_in(lower))


class _Others:
    """Any number of words, found in one pass where neither a letter nor a digit is beside them."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = [word.encode() for word in words]
        self._by_start: dict[bytes, list[int]] = {}
        for number, word in enumerate(self._words):
            self._by_start.setdefault(word[:_START], []).append(number)
        self._starts = np.array([int.from_bytes(start, "little") for start in self._by_start], dtype=np.uint64)
        self._likely = np.zeros(1 << 16, dtype=bool)
        self._likely[_mixed(self._starts.astype(np.uint32))] = True

    def found_in(self, lower: bytes) -> Iterator[int]:
        """Numbers of words that occur in these bytes, whose letters are small."""
        count = len(lower) - _START + 1
        if count < 1 or not self._words:
            return
        fours, eights = (np.ndarray((count,), kind, lower, strides=(1,)) for kind in ("<u4", "<u8"))
        places = np.flatnonzero(self._likely[_mixed(fours)])
        for place in places[np.isin(eights[places], self._starts)].tolist():
            for number in self._by_start[lower[place : place + _START]]:
                end = place + len(self._words[number])
                beside = lower[max(0, place - 1) : place] + lower[end : end + 1]
                if lower[place:end] == self._words[number] and not any(chr(byte).isalnum() for byte in beside):
                    yield number


def _mixed(fours: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """16 bits of each four bytes."""
    mixed: np.ndarray[tuple[int], np.dtype[np.uint32]] = (fours * np.uint32(2_654_435_761)) >> np.uint32(16)
    return mixed


def _vectors_in(block: bytes, canaries: Canaries) -> Iterator[int]:
    """Which vectors begin at some place of the block that a float32 may begin at."""
    values = np.nan_to_num(np.frombuffer(block[: len(block) // 4 * 4], dtype=np.float32), copy=True)
    for number, vector in enumerate(canaries.vectors):
        places = np.arange(max(0, len(values) - len(vector) + 1))
        for offset, wanted in enumerate(vector):
            places = places[np.abs(values[places + offset] - wanted) < _TOLERANCE]
        if len(places):
            yield number


def _blocks(path: Path) -> Iterator[bytes]:
    """The file's bytes, in blocks that overlap and begin at multiples of four. Not mapped: a database may truncate it."""
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK + _OVERLAP):
                yield block
                if len(block) <= _OVERLAP:
                    return
                file.seek(-min(_OVERLAP, len(block)), SEEK_CUR)
    except FileNotFoundError:
        return


def _spread(items: list[str], count: int) -> list[str]:
    """As many, from all over the list."""
    step = max(1, len(items) // count)
    return items[::step][:count]
