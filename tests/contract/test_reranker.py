"""The promises of Reranker (pipelines/ports.py): by a cross-encoder, and by a language model through LlamaIndex."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.adapters.cross_encoder import CrossEncoder
from app.adapters.llama_index import PostprocessorReranker
from app.adapters.ollama import language_reranker
from pipelines.domain.answers import Passage
from pipelines.domain.errors import ModelFilesInvalid, ModelUnavailable
from pipelines.llama_index_import import import_llama_index
from pipelines.ports import Reranker
from tests.fakes import cross_encoder
from tests.fakes.ollama import FakeOllama, Faults
from tests.fakes.passages import passage

QUESTION = "How much leave do employees get ?"
PARKING, LEAVE, HOURS = [
    passage(text, chunk_id=f"chk_{number}")
    for number, text in enumerate(("Parking is free .", "Annual leave is 28 days .", "Doors open at nine ."))
]
FOUND = [PARKING, LEAVE, HOURS]
WORTH = {"leave": 2.0, "days": 1.5, "Parking": -3.0}


def _texts(passages: list[Passage]) -> list[str]:
    return [each.source.chunk.text for each in passages]


@pytest.mark.parametrize("logits", [1, 2])
@pytest.mark.parametrize("place", ["model.onnx", "onnx/model.onnx"])
async def test_a_cross_encoder_orders_by_what_it_reads(tmp_path: Path, logits: int, place: str) -> None:
    reranker: Reranker = CrossEncoder(cross_encoder.write(tmp_path, WORTH, logits=logits, model=place))
    ordered = await reranker.rerank(QUESTION, FOUND)
    assert _texts(ordered) == _texts([LEAVE, HOURS, PARKING])
    assert [each.score for each in ordered] == [each.scores.rerank for each in ordered]
    assert 1 > ordered[0].score > 0.9 > 0.5 > ordered[2].score > 0
    assert [each.scores.dense for each in ordered] == [0.6] * 3  # what others said of it stays


async def test_padding_is_worth_nothing_and_no_batch_mixes_its_scores(tmp_path: Path) -> None:
    reranker = CrossEncoder(cross_encoder.write(tmp_path, WORTH))
    many = [
        passage(f"{'word ' * (number % 7)}{'leave ' * (number % 3)}.", chunk_id=str(number)) for number in range(20)
    ]
    together = {each.source.chunk.id: each.score for each in await reranker.rerank(QUESTION, many)}
    alone = {each.source.chunk.id: (await reranker.rerank(QUESTION, [each]))[0].score for each in many}
    assert together == pytest.approx(alone)
    assert len(set(together.values())) > 1


async def test_nothing_is_nothing_and_a_long_passage_is_cut(tmp_path: Path) -> None:
    reranker = CrossEncoder(cross_encoder.write(tmp_path, WORTH))
    assert await reranker.rerank(QUESTION, []) == []
    late = passage("word " * 2_000 + "leave", chunk_id="late")
    assert _texts(await reranker.rerank(QUESTION, [late, LEAVE]))[0] == LEAVE.source.chunk.text


async def test_a_question_that_fills_the_model_is_not_an_error_of_the_server(tmp_path: Path) -> None:
    reranker = CrossEncoder(cross_encoder.write(tmp_path, WORTH))
    with pytest.raises(ModelUnavailable):
        await reranker.rerank("leave " * 1_000, FOUND)
    assert _texts(await reranker.rerank(QUESTION, FOUND))[0] == LEAVE.source.chunk.text


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json"])
async def test_a_folder_that_holds_no_cross_encoder_says_so(tmp_path: Path, missing: str) -> None:
    folder = cross_encoder.write(tmp_path, WORTH)
    (folder / missing).write_bytes(b"{}")
    with pytest.raises(ModelFilesInvalid):
        await CrossEncoder(folder).ping()
    (folder / missing).unlink()
    with pytest.raises(ModelFilesInvalid, match=missing):
        await CrossEncoder(folder).ping()
    with pytest.raises(ModelUnavailable):  # of a question, which is answered without it
        await CrossEncoder(folder).rerank(QUESTION, FOUND)


async def test_a_model_with_other_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="384 figures"):
        await CrossEncoder(cross_encoder.write(tmp_path, WORTH, logits=384)).rerank(QUESTION, FOUND)


async def test_another_model_has_another_name(tmp_path: Path) -> None:
    before = CrossEncoder(cross_encoder.write(tmp_path, WORTH)).name
    assert CrossEncoder(tmp_path).name == before
    cross_encoder.write(tmp_path, {**WORTH, "nine": 4.0})
    assert CrossEncoder(tmp_path).name != before


# --- a language model ---


@pytest.fixture
def ollama(fake_ollama: FakeOllama) -> FakeOllama:
    fake_ollama.faults, fake_ollama.says = Faults(), "Doc: 2, Relevance: 9\nDoc: 3, Relevance: 4"
    fake_ollama.prompts.clear()
    return fake_ollama


async def test_a_language_model_orders_and_what_it_does_not_name_follows(ollama: FakeOllama) -> None:
    reranker: Reranker = language_reranker(ollama.url, "gemma3:4b")
    ordered = await reranker.rerank(QUESTION, FOUND)
    assert _texts(ordered) == _texts([LEAVE, HOURS, PARKING])
    assert [each.scores.rerank for each in ordered] == [0.9, 0.4, None]
    told = " ".join(said["content"] for said in ollama.prompts[0])
    assert QUESTION in told
    assert LEAVE.source.chunk.text in told


@pytest.mark.parametrize(
    "said",
    ["I would rather talk about penguins.", "Doc: 7, Relevance: 9", "Doc: one, Relevance: nine", ""],
    ids=["prose", "a passage that is not there", "no numbers", "nothing"],
)
async def test_a_language_model_that_names_no_passage_is_no_reranker(ollama: FakeOllama, said: str) -> None:
    ollama.says = said
    with pytest.raises(ModelUnavailable):
        await language_reranker(ollama.url, "gemma3:4b").rerank(QUESTION, FOUND)


async def test_a_passage_that_is_named_twice_stands_once(ollama: FakeOllama) -> None:
    ollama.says = "Doc: 3, Relevance: 90\nDoc: 3, Relevance: 2\nDoc: 1, Relevance: 1"
    ordered = await language_reranker(ollama.url, "gemma3:4b").rerank(QUESTION, FOUND)
    assert _texts(ordered) == _texts([HOURS, PARKING, LEAVE])


async def test_a_language_model_that_fails_is_model_unavailable(ollama: FakeOllama) -> None:
    ollama.faults = Faults(refuse=True)
    with pytest.raises(ModelUnavailable):
        await language_reranker(ollama.url, "gemma3:4b").rerank(QUESTION, FOUND)


async def test_any_postprocessor_fits() -> None:
    def build() -> Any:
        import_llama_index()
        from llama_index.core.postprocessor import LongContextReorder

        return LongContextReorder()

    ordered = await PostprocessorReranker("long context", build).rerank(QUESTION, FOUND)
    assert sorted(_texts(ordered)) == sorted(_texts(FOUND))
    assert _texts(ordered) != _texts(FOUND)  # it puts the best at both ends
