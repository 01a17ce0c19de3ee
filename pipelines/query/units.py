"""Prose in units that can be judged one by one: sentences, and the items of lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from pipelines.sentences import sentences

_ITEM = re.compile(r"^[ \t]*(?:[•●▪◦*–-]|\(?(?:\d{1,2}|[a-z])[.)])[ \t]+", re.MULTILINE)


class Unit(NamedTuple):
    """Characters [start, end) of the text; `item` when it begins an item of a list, whose mark is left out."""

    start: int
    end: int
    item: bool


def units(text: str) -> Iterator[Unit]:
    """In order; together they hold every character but white space and the marks of items."""
    marks = [(mark.start(), mark.end()) for mark in _ITEM.finditer(text)]
    for (begins, first), (last, _) in pairwise([(0, 0), *marks, (len(text), len(text))]):
        item = first > begins
        for start, end in sentences(text[first:last]):
            yield Unit(first + start, first + end, item)
            item = False
