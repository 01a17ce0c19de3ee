"""What a word looks like to the recogniser of names: hashed features, made the same for training and for reading."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

LABELS = ("PERSON", "GPE", "ORGANIZATION", "STREET_ADDRESS", "TITLE", "NRP", "ZIP_CODE")

GAZETTEERS = ("first", "last", "city", "place", "country", "people", "job", "org", "street", "common")
"""Kinds of word lists, each a bit of a word's mask in this order."""

_TOKEN = re.compile(r"[^\W\d_]+|\d+|\n[ \t]*(?:\n[ \t]*)*|[^\s]", re.UNICODE)
_FOLDED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"})


class Token(NamedTuple):
    text: str
    start: int
    end: int


class Lexicon(NamedTuple):
    """`masks`: bits of GAZETTEERS by key of a folded word. `clusters`: Brown cluster by key of a written word."""

    masks: Mapping[int, int]
    clusters: Mapping[int, int]


class Word(NamedTuple):
    """Keys of a word's features: as it stands, as a neighbour, as a neighbour's neighbour; and its class."""

    own: tuple[int, ...]
    near: tuple[int, ...]
    far: tuple[int, ...]
    kind: str


def tokens(text: str) -> Iterator[Token]:
    """Words, numbers, single marks, and line ends (a blank line is one token)."""
    for match in _TOKEN.finditer(text):
        written = match.group()
        if written[0] == "\n":
            written = "\n\n" if "\n" in written[1:] else "\n"
        yield Token(written, *match.span())


def key(feature: str) -> int:
    return crc32(feature.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=65_536)
def fold(word: str) -> str:
    """Lower case without accents."""
    lower = word.lower().translate(_FOLDED)
    if lower.isascii():
        return lower
    return "".join(c for c in unicodedata.normalize("NFD", lower) if not unicodedata.combining(c))


def describe(written: str, lexicon: Lexicon) -> Word:
    lower, shape = fold(written), _shape(written)
    mask = lexicon.masks.get(key(lower), 0)
    cluster = next(
        (
            found
            for form in dict.fromkeys((written, written.capitalize(), lower))
            if (found := lexicon.clusters.get(key(form)))
        ),
        0,
    )
    listed = [f"g{name}" for bit, name in enumerate(GAZETTEERS) if mask >> bit & 1]
    known = [f"{name}{shape}" for name in listed] or [f"g0{shape}"]
    paths = [f"c{bits}={cluster & (1 << bits) - 1}" for bits in (4, 6, 10, 16)] if cluster else ["c0"]
    own = [f"w={lower}", f"s={shape}", f"m={mask}{shape}", *known, *paths]
    if written[0].isalpha():
        own += [f"e{n}={lower[-n:]}" for n in range(1, 5)] + [f"b{n}={lower[:n]}" for n in (1, 2, 3)]
    near = [f"w={lower}", f"s={shape}", f"m={mask}{shape}", *known, *paths[1:], f"e3={lower[-3:]}"]
    far = [f"w={lower}", f"s={shape}", *known, *paths[1:2]]
    common = GAZETTEERS.index("common")
    plain = mask == 1 << common and shape in ("x", "Xx")
    kind = lower if plain or not written[0].isalnum() else f"{shape}{mask & ~(1 << common)}"
    return Word(tuple(map(key, own)), tuple(map(key, near)), tuple(map(key, far)), kind if len(kind) < 30 else shape)


def _shape(word: str) -> str:
    if word[0] == "\n":
        return "nl2" if len(word) > 1 else "nl"
    if word[0].isdecimal():
        return f"d{min(len(word), 7)}" + ("y" if len(word) == 4 and word[:2] in ("19", "20") else "")
    if not word[0].isalpha():
        return word
    if word.islower():
        return "x"
    if word.isupper():
        return "X" if len(word) == 1 else "XX"
    return "Xx" if word[0].isupper() and word[1:].islower() else "Mx" if word[0].isupper() else "xM"


def of_place(words: Sequence[Word], at: int) -> Iterator[int]:
    """Keys of all features of the place `at` of a sequence."""
    for distance in (-2, -1, 0, 1, 2):
        if 0 <= at + distance < len(words):
            yield from of_neighbour(words[at + distance], distance)
        elif abs(distance) == 1:
            yield EDGES[distance]
    kinds = ["" if not 0 <= at + distance < len(words) else words[at + distance].kind for distance in (-2, -1, 0, 1, 2)]
    yield from of_kinds(*kinds)


def of_neighbour(word: Word, distance: int) -> tuple[int, ...]:
    """Keys of what a word says about the place that it stands `distance` after."""
    keys = (word.own, word.near, word.far)[abs(distance)]
    return keys if distance == 0 else tuple(each ^ _SALTS[distance] for each in keys)


def of_kinds(second_before: str, before: str, this: str, after: str, second_after: str) -> tuple[int, ...]:
    """Keys of what the kinds of words around a place say together."""
    return (
        key(f"ab={before}|{this}"),
        key(f"bc={this}|{after}"),
        key(f"ac={before}|{after}"),
        key(f"abc={before}|{this}|{after}"),
        key(f"pp={second_before}|{before}"),
        key(f"nn={after}|{second_after}"),
    )


EDGES = {distance: key(f"edge {distance}") for distance in (-1, 1)}
_SALTS = {distance: key(f"distance {distance}") for distance in (-2, -1, 1, 2)}
