"""How often an answer kept for one question is given for another: for one that asks the same, and for one that does not.

Side by side on the same pairs: plain cosine at several thresholds, and ours (a lower cosine, and the guards of
pipelines/query/same_question.py). JSON on standard output.

    .venv/bin/python -m scripts.bench.bench_semantic_cache [--seed 7] [--each 60] [--show 0]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.adapters.minilm import MiniLmEmbedder
from pipelines.query.same_question import close_enough, same_question
from scripts.bench.question_pairs import Pair, pairs

THRESHOLDS = (0.80, 0.85, 0.90, 0.92, 0.95, 0.97, 0.98, 0.99)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--each", type=int, default=60, help="paraphrases, and near-misses, of each family")
    parser.add_argument("--show", type=int, default=0, help="print as many pairs that ours gets wrong")
    arguments = parser.parse_args()
    drawn = list(dict.fromkeys(pairs(arguments.seed, arguments.each)))
    with tempfile.TemporaryDirectory() as folder:
        embedder = MiniLmEmbedder(Path(folder))
        cosines = asyncio.run(_cosines(embedder, drawn))
        floor = close_enough(embedder.model)
    ours = [bool(cosine >= floor) and same_question(*pair[1:]) for cosine, pair in zip(cosines, drawn, strict=True)]
    ways = {f"cosine >= {each:.2f}": [bool(cosine >= each) for cosine in cosines] for each in THRESHOLDS}
    report = {
        "pairs": dict(Counter(pair.kind for pair in drawn)),
        **{name: _judged(drawn, hits) for name, hits in ways.items()},
        "guards alone": _judged(drawn, [same_question(*pair[1:]) for pair in drawn]),
        f"ours (cosine >= {floor:.2f} and guards)": _judged(drawn, ours),
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(report, indent=2))
    wrong = [pair for pair, hit in zip(drawn, ours, strict=True) if hit != (pair.kind == "paraphrase")]
    for pair in sorted(wrong, key=lambda each: each.kind == "paraphrase")[: arguments.show]:
        print(f"{pair.kind}: {pair.one} | {pair.other}")


async def _cosines(embedder: MiniLmEmbedder, drawn: Sequence[Pair]) -> np.ndarray:
    texts = list(dict.fromkeys(text for pair in drawn for text in pair[1:]))
    places = {text: place for place, text in enumerate(texts)}
    vectors = await embedder.embed_documents(texts)
    ones, others = (vectors[[places[pair[at]] for pair in drawn]] for at in (1, 2))
    return np.sum(ones * others, axis=1)


def _judged(drawn: Sequence[Pair], hits: Sequence[bool]) -> dict[str, object]:
    """Hit rate: of paraphrases; false-hit rate: of near-misses."""
    same = [hit for pair, hit in zip(drawn, hits, strict=True) if pair.kind == "paraphrase"]
    false = Counter(pair.kind for pair, hit in zip(drawn, hits, strict=True) if hit and pair.kind != "paraphrase")
    return {
        "hit_rate": round(float(np.mean(same)), 4),
        "false_hit_rate": round(false.total() / (len(drawn) - len(same)), 4),
        "false_hits": dict(false),
    }


if __name__ == "__main__":
    main()
