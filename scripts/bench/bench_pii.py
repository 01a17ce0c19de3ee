#!/usr/bin/env python3
"""Prints how well personal data is found, as JSON: patterns alone beside patterns and names, by entity; false hits; speed.

    scripts/bench/bench_pii.py [--sentences sentences.jsonl] [--filings FOLDER] [--code FOLDER]

A span counts as found when any part of it is. `typed` asks for the same entity too. Sentences are split in two halves by a hash
of their text: `dev` was looked at while the recognisers were written, `held_out` was not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pipelines.domain.privacy import EntityRule, PiiAction, PiiPolicy, PiiSpan  # noqa: E402
from pipelines.ingest.redact import DEFAULT_POLICY, EVERYTHING  # noqa: E402
from pipelines.ingest.redact.analyzer import BlankAnalyzer  # noqa: E402
from pipelines.ingest.redact.detect import Analyzer, blank_analyzer, detect  # noqa: E402

DATA = ROOT.parent / "shared/data"
STDLIB = Path(sysconfig.get_paths()["stdlib"])
CHUNK = 1_000  # characters

Spans = Sequence[PiiSpan]


class Sentence(NamedTuple):
    text: str
    spans: Spans

    @property
    def held_out(self) -> bool:
        return hashlib.sha256(self.text.encode()).digest()[0] % 2 == 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, default=DATA / "pii/sentences.jsonl")
    parser.add_argument("--filings", type=Path, default=DATA / "financebench")
    parser.add_argument("--code", type=Path, default=STDLIB, help="source code (.py); Python's own by default")
    parser.add_argument("--pages", type=int, default=10_000, help="of the filings, at most")
    parser.add_argument(
        "--errors", action="store_true", help="list what was missed and what was wrong, of the half looked at"
    )
    args = parser.parse_args()
    sentences = [_sentence(line) for line in args.sentences.read_text(encoding="utf-8").splitlines()]
    analyzers = {"patterns": BlankAnalyzer(None), "ours": blank_analyzer()}
    finders = {name: _finder(EVERYTHING, analyzer) for name, analyzer in analyzers.items()}
    halves = {
        "all": sentences,
        "dev": [each for each in sentences if not each.held_out],
        "held_out": [each for each in sentences if each.held_out],
    }
    report: dict[str, Any] = {"sentences": {half: len(each) for half, each in halves.items()}}
    for name, find in finders.items():
        report[name] = {half: scores([(each.spans, find(each.text)) for each in rows]) for half, rows in halves.items()}
    report["characters_per_s"] = {
        "sentences, every entity": _speed(finders["ours"], [each.text for each in sentences]),
    }
    by_default = _finder(DEFAULT_POLICY, analyzers["ours"])
    for name, texts in {"filings": _pages(args.filings, args.pages), "code": _sources(args.code)}.items():
        chunks = [text[at : at + CHUNK] for text in texts for at in range(0, len(text), CHUNK)]
        if chunks:
            hits = Counter(span.entity for chunk in chunks for span in by_default(chunk))
            report[f"hits per 1,000 chunks of {name}, default policy"] = {
                "chunks": len(chunks),
                "total": round(1000 * hits.total() / len(chunks), 2),
                **{entity: round(1000 * count / len(chunks), 2) for entity, count in hits.most_common()},
            }
            whole = [text[at : at + 8_000] for text in texts for at in range(0, len(text), 8_000)]
            report["characters_per_s"][f"{name}, default policy"] = _speed(by_default, whole)
            report["characters_per_s"][f"{name}, every entity"] = _speed(finders["ours"], whole)
    print(json.dumps(report, indent=1))
    if args.errors:
        _print_errors(halves["dev"], finders["ours"])


def scores(pairs: Sequence[tuple[Spans, Spans]]) -> dict[str, Any]:
    """Recall, precision and F2 over all entities, of any and of the same type; by entity of the same type."""
    entities = sorted({span.entity for marked, _ in pairs for span in marked})
    return {
        "any_type": _measure(pairs, _any),
        "typed": _measure(pairs, lambda one, other: one.entity == other.entity),
        "by_entity": {
            entity: _measure(
                [
                    ([s for s in marked if s.entity == entity], [s for s in found if s.entity == entity])
                    for marked, found in pairs
                ],
                _any,
                recall_of_any=[([s for s in marked if s.entity == entity], found) for marked, found in pairs],
            )
            for entity in entities
        },
    }


def _measure(
    pairs: Sequence[tuple[Spans, Spans]],
    same: Callable[[PiiSpan, PiiSpan], bool],
    recall_of_any: Sequence[tuple[Spans, Spans]] | None = None,
) -> dict[str, float]:
    def met(of: Spans, by: Spans) -> int:
        return sum(any(a.start < b.end and b.start < a.end and same(a, b) for b in by) for a in of)

    marked, found = sum(len(m) for m, _ in pairs), sum(len(f) for _, f in pairs)
    recall = sum(met(m, f) for m, f in pairs) / marked if marked else 0.0
    precision = sum(met(f, m) for m, f in pairs) / found if found else 0.0
    f2 = 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0
    result = {"n": marked, "recall": round(recall, 3), "precision": round(precision, 3), "f2": round(f2, 3)}
    if recall_of_any is not None:
        result["recall_any_type"] = round(sum(met(m, f) for m, f in recall_of_any) / marked, 3) if marked else 0.0
    return result


def _any(_one: PiiSpan, _other: PiiSpan) -> bool:
    return True


def _sentence(line: str) -> Sentence:
    row = json.loads(line)
    return Sentence(row["text"], [PiiSpan(each["start"], each["end"], each["type"], 1.0) for each in row["spans"]])


def _finder(policy: PiiPolicy, analyzer: Analyzer) -> Callable[[str], Spans]:
    known = {entity: rule for entity, rule in policy.rules.items() if entity in analyzer.entities}
    # Every rule acts: an entity that is kept is not looked for.
    acting = {entity: EntityRule(PiiAction.PLACEHOLDER, rule.threshold) for entity, rule in known.items()}
    only = {
        entity: rule
        for entity, rule in acting.items()
        if policy is EVERYTHING or policy.rules[entity].action is not PiiAction.KEEP
    }
    return lambda text: detect(text, PiiPolicy("bench", only), analyzer)


def _speed(find: Callable[[str], Spans], texts: Sequence[str]) -> int:
    """Characters a second of processor time, in one thread, warm."""
    for text in texts[:20]:
        find(text)
    began = time.process_time()
    for text in texts:
        find(text)
    return round(sum(map(len, texts)) / (time.process_time() - began))


def _pages(folder: Path, most: int) -> list[str]:
    import pymupdf

    texts: list[str] = []
    for path in sorted(folder.glob("*.pdf")):
        with pymupdf.open(path) as document:
            texts += [page.get_text() for page in document]
    return texts[:most]


def _sources(folder: Path) -> list[str]:
    skipped = {"site-packages", "test", "tests", "idlelib"}
    paths = [path for path in sorted(folder.rglob("*.py")) if skipped.isdisjoint(path.relative_to(folder).parts)]
    return [path.read_text(encoding="utf-8", errors="replace") for path in paths]


def _print_errors(sentences: Sequence[Sentence], find: Callable[[str], Spans]) -> None:
    for text, marked, found in ((each.text, each.spans, find(each.text)) for each in sentences):
        missed = [s for s in marked if not any(s.start < f.end and f.start < s.end for f in found)]
        wrong = [f for f in found if not any(f.start < s.end and s.start < f.end for s in marked)]
        other = [
            f"{s.entity}->{f.entity} {text[f.start:f.end]!r}"
            for s in marked for f in found
            if s.start < f.end and f.start < s.end and s.entity != f.entity
        ]  # fmt: skip
        if missed or wrong or other:
            print(
                "MISSED",
                [(s.entity, text[s.start : s.end]) for s in missed],
                "WRONG",
                [(f.entity, text[f.start : f.end], round(f.score, 2)) for f in wrong],
                "OTHER",
                other,
                "|",
                text[:110].replace("\n", "\\n"),
                file=sys.stderr,
            )


if __name__ == "__main__":
    main()
