#!/usr/bin/env python
"""Whether answers keep what they promise, on questions about company filings, through the server. JSON out.

scripts/bench/bench_answers.py --data-dir FOLDER [--filings ../shared/data/financebench] [--questions FILE] [--risk 0.1]

FOLDER is kept from run to run: reading the filings takes minutes. Answers come by extraction; from a stand-in for a language
model that quotes; and from one that also invents (figures changed, denials, matters that no passage speaks of). Each citation is
looked up on its page here, by other means than the product's. Then 50 questions that the filings cannot answer: how often
something is said. The threshold is calibrated on one half of all questions and judged on the other, both ways.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

import httpx
import pymupdf
from unanswerable import questions as unanswerable

from tests.e2e.server import Server, finished, upload
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama import running as serving

_PASSAGE = re.compile(r'<passage number="(\d+)"[^\n]*>\n(.*?)\n</passage>', re.DOTALL)
_SENTENCE = re.compile(r"(?<![\w.])[A-Z][^.!?|]{30,300}[.!?](?=\s|$)")
_MARKER = re.compile(r"\s*\[(\d+)\]")
_PLACEHOLDER = re.compile(r"<[A-Z_]+_[0-9a-z*]+>")
_FOREIGN = (
    "Penguins of the southern colony moult for {n} days each autumn [1].",
    "The {n} members of the choir rehearse in the old chapel on Sundays [2].",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--filings", type=Path, default=Path(__file__).parents[2] / "../shared/data/financebench")
    parser.add_argument("--questions", type=Path, help="JSON lines; default: questions.jsonl beside the filings")
    parser.add_argument("--risk", type=float, default=0.1)
    arguments = parser.parse_args()
    filings = sorted(arguments.filings.glob("*.pdf"))
    source = arguments.questions or arguments.filings / "questions.jsonl"
    asked = [json.loads(line) for line in source.read_text().splitlines()]
    golden = [
        {
            "question": each["question"],
            "answer": each["answer"],
            "evidence": [{"document": place["document"], "page": place["page"]} for place in each["evidence"]],
        }
        for each in asked
    ]
    silent = [{"question": each, "answerable": False} for each in unanswerable(_companies(filings))]
    report: dict[str, Any] = {"filings": len(filings), "questions": len(golden), "unanswerable": len(silent)}
    with serving(FakeOllama()) as ollama:
        inventor = Inventor()
        for name, url, writes in (
            ("extracted", "", None),
            ("model that quotes", ollama.url, _quoted),
            ("model that invents", ollama.url, inventor.write),
        ):
            ollama.writes = writes
            server = Server(arguments.data_dir, {"CAIRN_OLLAMA_URL": url, "CAIRN_CACHE": "false"}).start()
            try:
                with server.client() as client:
                    _take_in(client, filings)
                    answers = [_ask(client, each["question"]) for each in golden]
                    again = [_ask(client, each["question"]) for each in golden]  # its pages are at hand now
                    report[name] = {
                        **_checked(answers, arguments.filings, inventor.invented),
                        "verify_ms_per_sentence": {"at first": _waits(answers), "again": _waits(again)},
                    }
                    if not url:
                        refused = [_ask(client, each["question"]) for each in silent]
                        report["silence"] = _silence(answers, refused)
                        report["evaluation"] = _evaluated(client, [*golden, *silent])["scores"]
                        report["calibrated"] = _calibrated(client, golden, silent, arguments.risk)
            finally:
                server.stop()
    report["load"] = [round(each, 1) for each in os.getloadavg()]
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def _companies(filings: Sequence[Path]) -> list[str]:
    """As their files are named."""
    return sorted({path.name.split("_")[0].title() for path in filings})


def _take_in(client: httpx.Client, filings: Sequence[Path]) -> None:
    known = {each["latest_version"]["filename"] for each in client.get("/v1/documents?limit=100").json()["documents"]}
    for job_id in [upload(client, path)["job_id"] for path in filings if path.name not in known]:
        finished(client, job_id)


def _ask(client: httpx.Client, question: str) -> dict[str, Any]:
    return dict(client.post("/v1/query", json={"query": question, "stream": False}).raise_for_status().json())


# --- what was said ---


def _checked(answers: Sequence[dict[str, Any]], filings: Path, invented: set[str]) -> dict[str, Any]:
    given = [answer for answer in answers if not answer["abstained"]]
    citations = [citation for answer in given for citation in answer["citations"]]
    found = [_is_on_page(citation, filings) for citation in citations]
    sentences = [(answer, *sentence) for answer in given for sentence in _sentences(answer["text"])]
    return {
        "answered": len(given),
        "degraded": sum(bool(answer["degraded"]) for answer in answers),
        "citations": len(citations),
        "quotes_found_on_page": sum(found),
        "sentences": len(sentences),
        "sentences_without_citation": sum(not numbers for _, _, numbers in sentences),
        "sentences_with_figures_of_no_quote": sum(not _has_figures(*each) for each in sentences),
        "inventions_offered": len(invented),
        "inventions_shown": sum(_squeezed(text) in invented for _, text, _ in sentences),
        "answer_ms_median": round(statistics.median(answer["timings_ms"]["total"] for answer in answers)),
    }


def _waits(answers: Sequence[dict[str, Any]]) -> dict[str, float]:
    """What an answer waited for its quotes to be read again, by sentence."""
    given = [answer for answer in answers if answer["citations"]]
    waits = [answer["timings_ms"]["verify"] / len(list(_sentences(answer["text"]))) for answer in given]
    return {"median": round(statistics.median(waits), 1), "p95": round(statistics.quantiles(waits, n=20)[-1], 1)}


def _sentences(text: str) -> Iterator[tuple[str, list[int]]]:
    """Each sentence of an answer, and the numbers of its citations."""
    rest = text
    while found := re.search(r"(?:\s*\[\d+\])+", rest):
        yield rest[: found.start()].strip(), [int(number) for number in _MARKER.findall(found.group())]
        rest = rest[found.end() :]
    if rest.strip():
        yield rest.strip(), []


def _has_figures(answer: dict[str, Any], text: str, numbers: list[int]) -> bool:
    """Whether each figure is in what is cited, or heads the column or the page it stands on."""
    cited = [citation for citation in answer["citations"] if citation["number"] in numbers]
    pages = " ".join(_page(str(_filings), each["filename"], box["page"]) for each in cited for box in each["boxes"])
    return all(figure in _squeezed(pages) for figure in re.findall(r"\d+", text))


_filings = Path(__file__).parents[2] / "../shared/data/financebench"


def _is_on_page(citation: dict[str, Any], filings: Path) -> bool:
    """Whether every run of the quote's words that no cell and no placeholder ends stands on the page, letter by letter."""
    page = _squeezed(" ".join(_page(str(filings), citation["filename"], box["page"]) for box in citation["boxes"]))
    parts = re.split(r"\|", _PLACEHOLDER.sub("|", citation["quote"]))
    return all(_squeezed(part) in page or all(_squeezed(word) in page for word in part.split()) for part in parts)


@cache
def _page(filings: str, filename: str, number: int) -> str:
    with pymupdf.open(Path(filings) / filename) as document:
        return str(document[number - 1].get_text())


def _squeezed(text: str) -> str:
    return "".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))


# --- what is left unsaid ---


def _silence(answerable: Sequence[dict[str, Any]], refused: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {
        "abstention": _share(answer["abstained"] for answer in refused),
        "false_abstention": _share(answer["abstained"] for answer in answerable),
    }


def _share(values: Iterator[bool]) -> float:
    return round(statistics.fmean(values), 3)


def _evaluated(client: httpx.Client, golden: Sequence[dict[str, Any]], **calibrate: float) -> dict[str, Any]:
    body = {"questions": "".join(json.dumps(each) + "\n" for each in golden), "calibrate": calibrate or None}
    started = client.post("/v1/evaluations", json=body).raise_for_status().json()
    finished(client, started["job"]["id"])
    return dict(client.get(f"/v1/evaluations/{started['evaluation']['id']}").json())


def _calibrated(
    client: httpx.Client, golden: Sequence[dict[str, Any]], silent: Sequence[dict[str, Any]], risk: float
) -> dict[str, Any]:
    """Of the halves that were not calibrated on."""
    mixed = [*golden, *silent]
    random.Random(1).shuffle(mixed)
    halves = (mixed[::2], mixed[1::2])
    results, thresholds = [], []
    for fitted, judged in (halves, halves[::-1]):
        thresholds.append(round(_evaluated(client, fitted, risk=risk, certainty=0.9)["scores"]["threshold"], 3))
        results += [each["measures"] for each in _evaluated(client, judged)["results"]]
    client.patch("/v1/collections/default/answering", json={"calibration": None}).raise_for_status()
    return {
        "risk": risk,
        "thresholds": thresholds,
        "wrong_of_all": _share(each["wrong"] > 0 for each in results),
        "abstention": _share(each["abstained"] > 0 for each in results if "abstained" in each),
        "false_abstention": _share(each["answered"] == 0 for each in results if "answered" in each),
    }


# --- stand-ins for a language model ---


def _quoted(prompt: str) -> str:
    """The first whole sentences of the passages, with their numbers."""
    return " ".join(f"{sentence} [{number}]" for number, sentence in _told(prompt)[:3]) or "NOT_FOUND"


class Inventor:
    """Says what the passages say, and beside it what they do not."""

    def __init__(self) -> None:
        self.invented: set[str] = set()
        self._draw = random.Random(5)

    def write(self, prompt: str) -> str:
        said = []
        for number, sentence in _told(prompt)[:3]:
            said.append(f"{sentence} [{number}]")
            for change in (_other_figure, _denied):
                if (false := change(sentence)) != sentence:
                    said.append(f"{false} [{number}]")
                    self.invented.add(_squeezed(false))
        foreign = self._draw.choice(_FOREIGN).format(n=self._draw.randrange(20, 900))
        self.invented.add(_squeezed(_MARKER.sub("", foreign)))
        return " ".join([*said, foreign])


def _told(prompt: str) -> list[tuple[str, str]]:
    found = []
    for number, text in _PASSAGE.findall(prompt):
        sentence = next((each.group() for part in text.split("\n\n") for each in _SENTENCE.finditer(part)), None)
        if sentence and "\n" not in sentence:
            found.append((number, sentence))
    return found


_Change = Callable[[str], str]


def _other_figure(sentence: str) -> str:
    return re.sub(r"(?<![\w.])(\d)(\d*)", lambda found: f"{(int(found[1]) + 3) % 9 + 1}{found[2]}7", sentence, count=1)


def _denied(sentence: str) -> str:
    return re.sub(r"\b(is|are|was|were|has|have|will|may)\b", r"\1 not", sentence, count=1)


if __name__ == "__main__":
    main()
