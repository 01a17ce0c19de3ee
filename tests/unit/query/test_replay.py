"""Whatever is not as it was has a name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.domain.manifests import Drift, DriftCause, Manifest, Source, SourceStanding
from pipelines.query.replay import compare

A, B = (Source(f"chk_{name}", f"doc_{name}", f"ver_{name}", f"sha_{name}", given=True) for name in "ab")
THEN = Manifest("col", "gen", 3, "minilm", "topics", 8, (A, B), "gemma3:4b", "sha256:1", "answer", "sha_prompt")
STANDINGS = {"doc_a": SourceStanding(True, "ver_a"), "doc_b": SourceStanding(True, "ver_b")}


def test_what_is_the_same_has_not_drifted() -> None:
    replay = compare(THEN, replace(THEN, revision=4), STANDINGS)  # a change of something else
    assert (replay.same, replay.drift) == (True, ())


@pytest.mark.parametrize(
    ("standing", "cause"),
    [
        (None, DriftCause.DOCUMENT_DELETED),
        (SourceStanding(False, "ver_b"), DriftCause.ACCESS_CHANGED),
        (SourceStanding(True, "ver_other"), DriftCause.DOCUMENT_CHANGED),
    ],
)
def test_a_document_that_is_not_what_it_was_is_named(standing: SourceStanding | None, cause: DriftCause) -> None:
    replay = compare(THEN, replace(THEN, sources=(A,)), {**STANDINGS, "doc_b": standing})
    assert not replay.same
    assert replay.drift == (Drift(cause, "doc_b"),)


@pytest.mark.parametrize(
    ("now", "cause"),
    [
        (replace(THEN, generation_id="gen_2", sources=()), DriftCause.GENERATION_CHANGED),
        (replace(THEN, sources=(B, A), degraded=("vectors",)), DriftCause.INDEX_UNAVAILABLE),
        (replace(THEN, sources=(A,), settings={"floor": "0.5"}), DriftCause.SETTINGS_CHANGED),
        (replace(THEN, sources=(B, A), revision=9), DriftCause.COLLECTION_CHANGED),
        (replace(THEN, sources=(B, A)), DriftCause.SEARCH_CHANGED),
        (replace(THEN, model_digest="sha256:2"), DriftCause.MODEL_CHANGED),
        (replace(THEN, model="qwen3:8b"), DriftCause.MODEL_CHANGED),
        (replace(THEN, template="summarise"), DriftCause.PROMPT_CHANGED),
        (replace(THEN, prompt_sha256="another"), DriftCause.PROMPT_CHANGED),
    ],
)
def test_every_other_cause_is_named(now: Manifest, cause: DriftCause) -> None:
    replay = compare(THEN, now, STANDINGS)
    assert [drift.cause for drift in replay.drift] == [cause]
    assert replay.same == (now.sources == THEN.sources)


def test_an_extracted_answer_asks_no_model_that_could_change() -> None:
    extracted = replace(THEN, model="extractive", model_digest="", prompt_sha256="")
    assert compare(extracted, THEN, STANDINGS).drift == ()
