"""What became of one golden question, in measures; and of a set of them, in scores.

A measure that does not apply to a question is left out of it, and of the mean.

- `recall@k`, `ndcg@10`, `mrr`: of the passages found.
- `answered`: of what the documents answer; `abstained`: of what they do not.
- `correct`, `token_f1`: where an answer is expected and was given.
- `citation_precision`: share of citations that show evidence; `citation_recall`: of places of evidence that are cited.
- `grounded`: whether every sentence has a citation; `wrong`: something was said, and nothing that was cited is evidence.
- `latency_ms`. A run notes `confidence` and `by_model` (whether a language model answered) too, and `judged_correct` by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pipelines.domain.answers import Answer, Citation, Passage
from pipelines.domain.evaluation import EvidencePlace, GoldenQuestion, Measures
from pipelines.evaluation.correct import is_correct, token_f1
from pipelines.evaluation.measures import quality

_DEPTHS = (1, 3, 5, 10)
_RANKED = 10


def outcome(golden: GoldenQuestion, found: Sequence[Passage], answer: Answer, latency_ms: float) -> Measures:
    said = not answer.abstained
    measures: dict[str, float] = {"latency_ms": latency_ms}
    if said:
        measures["grounded"] = float(answer.grounded)
    if not golden.answerable:
        return {**measures, "abstained": float(not said), "wrong": float(said)}
    ranking = [passage.source for passage in found]
    measures |= {f"recall@{k}": quality(golden, ranking, k).recall for k in _DEPTHS}
    ranked = quality(golden, ranking, _RANKED)
    measures |= {f"ndcg@{_RANKED}": ranked.ndcg, "mrr": ranked.reciprocal_rank, "answered": float(said)}
    shown = [[_cites(citation, place) for place in golden.evidence] for citation in answer.citations]
    measures["citation_recall"] = sum(map(any, zip(*shown, strict=True))) / len(golden.evidence)
    measures["wrong"] = float(said and not any(map(any, shown)))
    if shown:
        measures["citation_precision"] = sum(map(any, shown)) / len(shown)
    if said and golden.answer:
        measures["correct"] = float(is_correct(answer.text, golden.answer))
        measures["token_f1"] = token_f1(answer.text, golden.answer)
    return measures


def scores(outcomes: Sequence[Measures]) -> Measures:
    """The mean of each measure over the questions that it applies to; of the latency, the median and the 95th percentile."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for measures in outcomes:
        for name, value in measures.items():
            values[name].append(value)
    latencies = sorted(values.pop("latency_ms", []))
    means = {name: sum(each) / len(each) for name, each in sorted(values.items())}
    if latencies:
        means["latency_p50_ms"] = latencies[len(latencies) // 2]
        means["latency_p95_ms"] = latencies[min(len(latencies) - 1, round(0.95 * len(latencies)))]
    return {**means, "questions": float(len(outcomes))}


def _cites(citation: Citation, place: EvidencePlace) -> bool:
    if place.document not in (citation.document_id, citation.title, citation.filename):
        return False
    pages = {citation.page, *(box.page for box in citation.boxes)}
    if place.page is not None and place.page not in pages:
        return False
    one, other = (" ".join(text.casefold().split()) for text in (place.quote or "", citation.quote))
    return place.quote is None or one in other or other in one
