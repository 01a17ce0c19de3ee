"""The vectors of a selection that are nearest to another, computed in memory (docs/adr/0031).

A graph over everybody's vectors finds for each person what the others' left room for. Here only the selection's own vectors
take part, so that the rest of an index decides nothing: neither which are found, nor their order, nor how long it takes.

Two looks: the signs of all of them, 48 bytes a vector of 384, whose Hamming distance to the question's grows with the angle
(random hyperplanes: Charikar, STOC 2002), propose; the cosines of those, in full, decide. 100,000 vectors take 2 ms.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.views import Selection
from pipelines.ports import Hit, Vectors

_PROPOSED = 1_000  # vectors whose cosines are computed, at least, and five times as many as are wanted
_TIMES = 5
_SLAB = 4_096  # rows from which a slab is not small
_FEW = 32  # small slabs that are left as they are
_DIGITS = 6  # of a cosine; what is beyond may depend on how a machine adds
_KEPT = 32  # selections
_RETRY_S = 10  # after which versions without any vector are looked for again

Stored = Mapping[str, tuple[Sequence[str], Vectors]]
"""Chunk ids and their vectors (n, dimensions), by version, in the order of the version's chunks."""


class Slab:
    """Vectors of several versions in one piece: (n, dimensions) float16 of length 1, and their signs (n, words) uint64."""

    def __init__(self, vectors: NDArray[np.float16], signs: NDArray[np.uint64]) -> None:
        self.vectors = vectors
        self.signs = signs

    @classmethod
    def of(cls, vectors: Sequence[Vectors]) -> Slab:
        unit = [_unit(each) for each in vectors]
        return cls(np.concatenate(unit).astype(np.float16), np.concatenate([_signs(each) for each in unit]))


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Block:
    """A version's vectors: `rows` of a slab."""

    chunk_ids: Sequence[str]
    slab: Slab
    rows: slice

    @property
    def size_bytes(self) -> int:
        return self.slab.vectors[self.rows].nbytes + self.slab.signs[self.rows].nbytes


def blocks(stored: Stored) -> dict[str, Block]:
    """By version, in a slab of their own."""
    held = {version_id: each for version_id, each in stored.items() if each[0]}
    if not held:
        return {}
    slab = Slab.of([vectors for _, vectors in held.values()])
    lasts = np.cumsum([len(ids) for ids, _ in held.values()]).tolist()
    return {
        version_id: Block(ids, slab, slice(last - len(ids), last))
        for last, (version_id, (ids, _)) in zip(lasts, held.items(), strict=True)
    }


def gathered(scattered: Mapping[str, Block]) -> dict[str, Block]:
    """The same in few slabs: those of small ones, which come with documents one by one, are put together."""
    small = {id_: block for id_, block in scattered.items() if len(block.slab.vectors) < _SLAB}
    if len({id(block.slab) for block in small.values()}) <= _FEW:
        return dict(scattered)
    slab = Slab(
        np.concatenate([block.slab.vectors[block.rows] for block in small.values()]),
        np.concatenate([block.slab.signs[block.rows] for block in small.values()]),
    )
    lasts = np.cumsum([len(block.chunk_ids) for block in small.values()]).tolist()
    moved = {
        id_: Block(block.chunk_ids, slab, slice(last - len(block.chunk_ids), last))
        for last, (id_, block) in zip(lasts, small.items(), strict=True)
    }
    return {**scattered, **moved}


class Near:
    """A selection's vectors, one version after the other."""

    def __init__(self, version_ids: Iterable[str], held: Mapping[str, Block]) -> None:
        self.version_ids = tuple(version_ids)
        self.blocks = {id_: held[id_] for id_ in self.version_ids if id_ in held}
        self._blocks = list(self.blocks.values())
        slabs = {id(block.slab): block.slab for block in self._blocks}
        self._slabs = list(slabs.values())
        number = {key: index for index, key in enumerate(slabs)}
        sizes = np.array([len(block.chunk_ids) for block in self._blocks], np.int64)
        self._ends = np.cumsum(sizes)
        self._slab_of = np.array([number[id(block.slab)] for block in self._blocks], np.int64)
        self._firsts = np.array([block.rows.start for block in self._blocks], np.int64) - (self._ends - sizes)
        signs = [block.slab.signs[block.rows] for block in self._blocks]
        self._signs = np.ascontiguousarray(np.concatenate(signs).T) if signs else None  # (words, n)

    @property
    def lacks(self) -> bool:
        return len(self.blocks) < len(self.version_ids)

    @property
    def own_bytes(self) -> int:
        """Beside its blocks."""
        return 0 if self._signs is None else self._signs.nbytes

    def best(self, vector: Vectors, limit: int) -> list[Hit]:
        """By cosine, best first; of equal ones, the first of the selection."""
        if self._signs is None or limit < 1:
            return []
        unit = _unit(vector[np.newaxis])
        rows = self._proposed(_signs(unit)[0], max(_PROPOSED, _TIMES * limit))
        # Row by row: `@` adds otherwise for other numbers of rows.
        cosines = np.round(np.einsum("ij,j->i", self._vectors(rows), unit[0]), _DIGITS)
        best = np.lexsort((rows, -cosines))[:limit]
        of = np.searchsorted(self._ends, rows[best], "right").tolist()
        return [
            Hit(self._blocks[block].chunk_ids[row - self._ends[block]], float(cosine))  # counted from the block's end
            for block, row, cosine in zip(of, rows[best].tolist(), cosines[best], strict=True)
        ]

    def _vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        of = np.searchsorted(self._ends, rows, "right")
        slabs, places = self._slab_of[of], rows + self._firsts[of]
        found = np.empty((len(rows), self._slabs[0].vectors.shape[1]), np.float32)
        for index in np.unique(slabs):
            here = slabs == index
            found[here] = self._slabs[index].vectors[places[here]]
        return found

    def _proposed(self, signs: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
        """The rows with the fewest other signs, in order: so many, and all that are as near as the last."""
        assert self._signs is not None
        if self._signs.shape[1] <= count:
            return np.arange(self._signs.shape[1])
        distances = np.bitwise_count(self._signs[0] ^ signs[0]).astype(np.uint16)
        for held, own in zip(self._signs[1:], signs[1:], strict=True):
            distances += np.bitwise_count(held ^ own)
        return np.flatnonzero(distances <= np.partition(distances, count - 1)[count - 1])


BEYOND = Near((), {})
"""Stands for a selection that takes more than there is room for."""


class _Key(NamedTuple):
    generation_id: str
    selection: str


class Nearest:
    """Selections that were asked for lately, as long as they take no more than `most_bytes`; they share blocks.

    A version's vectors under one generation never change, so a block is read once. What an index itself mends or
    removes, `forget` takes out.
    """

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._blocks: WeakValueDictionary[tuple[str, str], Block] = WeakValueDictionary()
        self._known: OrderedDict[_Key, tuple[Near, float]] = OrderedDict()  # and until when they hold
        self._lock = threading.Lock()
        self._loads: list[set[tuple[str, str]]] = []  # what was forgotten while each went on

    def get(self, generation_id: str, selection: Selection) -> Near | None:
        """None: it is to be loaded."""
        key = _Key(generation_id, selection.key)
        with self._lock:
            near, until = self._known.get(key, (None, 0.0))
            if near is None or self._clock() > until:
                return None
            self._known.move_to_end(key)
            return near

    def load(
        self, generation_id: str, selection: Selection, stored: Callable[[Sequence[str]], Iterable[Stored]]
    ) -> Near:
        """`stored` reads versions, some at a time; one of which there is nothing is left out. BEYOND: there is no room."""
        forgotten: set[tuple[str, str]] = set()
        with self._lock:
            self._loads.append(forgotten)
        try:
            near = self._loaded(generation_id, selection, stored)
            with self._lock:
                if forgotten.isdisjoint((generation_id, id_) for id_ in ("", *selection.version_ids)):
                    self._keep(_Key(generation_id, selection.key), near)
            return near
        finally:
            with self._lock:
                self._loads = [each for each in self._loads if each is not forgotten]

    def _loaded(
        self, generation_id: str, selection: Selection, stored: Callable[[Sequence[str]], Iterable[Stored]]
    ) -> Near:
        with self._lock:
            found = {id_: self._blocks.get((generation_id, id_)) for id_ in selection.version_ids}
        held = {id_: block for id_, block in found.items() if block is not None}
        taken = sum(block.size_bytes for block in held.values())
        for some in stored([id_ for id_, block in found.items() if block is None]):
            new = blocks(some)
            held |= new
            taken += sum(block.size_bytes for block in new.values())
            if taken > self._most_bytes:
                return BEYOND
        return Near(selection.version_ids, gathered(held))

    def forget(self, generation_id: str, version_ids: Iterable[str]) -> None:
        gone = set(version_ids)
        with self._lock:
            for load in self._loads:
                load.update((generation_id, id_) for id_ in gone)
            for key in [key for key, (near, _) in self._known.items() if not gone.isdisjoint(near.version_ids)]:
                if key.generation_id == generation_id:
                    del self._known[key]
            for version_id in gone:
                if (block := self._blocks.pop((generation_id, version_id), None)) is not None:
                    block.slab.vectors[block.rows] = 0  # the slab may outlive it
                    block.slab.signs[block.rows] = 0

    def drop(self, generation_id: str) -> None:
        with self._lock:
            for load in self._loads:
                load.add((generation_id, ""))
            for key in [key for key in self._known if key.generation_id == generation_id]:
                del self._known[key]

    def _keep(self, key: _Key, near: Near) -> None:
        self._known[key] = near, self._clock() + _RETRY_S if near.lacks else math.inf
        self._known.move_to_end(key)
        for version_id, block in near.blocks.items():
            self._blocks[key.generation_id, version_id] = block
        while len(self._known) > 1 and (len(self._known) > _KEPT or self._size_bytes() > self._most_bytes):
            self._known.popitem(last=False)

    def _size_bytes(self) -> int:
        """Each block once, and each selection's own signs."""
        held = [block for near, _ in self._known.values() for block in near.blocks.values()]
        own = sum(near.own_bytes for near, _ in self._known.values())
        return own + sum(block.size_bytes for block in {id(block): block for block in held}.values())


def _unit(vectors: Vectors) -> NDArray[np.float32]:
    """Of length 1; what has no length stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _signs(vectors: Vectors) -> NDArray[np.uint64]:
    """Of each vector's places along fixed random directions, 64 to a word."""
    turned = vectors @ _directions(vectors.shape[1]) > 0
    return np.packbits(turned, axis=1).view(np.uint64)


@cache
def _directions(dimensions: int) -> NDArray[np.float32]:
    """As many as there are dimensions, rounded up to 64 (dimensions, n)."""
    count = -(-dimensions // 64) * 64
    return np.random.default_rng(dimensions).standard_normal((dimensions, count), dtype=np.float32)
