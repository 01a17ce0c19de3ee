"""The promises of Embedder (pipelines/ports.py), kept by the built-in embedder."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from app.adapters.minilm import MiniLmEmbedder
from pipelines.ports import Embedder

TEXTS = ["Employees get 28 days of leave.", "", "The telescope is moved after a call. " * 200, "leave"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
async def embedder(cache: Path) -> AsyncIterator[Embedder]:
    built_in = MiniLmEmbedder(cache, threads=1)
    yield built_in
    await built_in.close()


async def test_vectors_come_in_the_order_of_the_texts(embedder: Embedder) -> None:
    vectors = await embedder.embed_documents(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimensions)
    assert vectors.dtype == np.float32
    backwards = await embedder.embed_documents(TEXTS[::-1])
    np.testing.assert_allclose(backwards[::-1], vectors, atol=2e-6)


async def test_vectors_have_length_one(embedder: Embedder) -> None:
    words = [text for text in TEXTS if text]
    vectors = [*await embedder.embed_documents(words), await embedder.embed_query(words[0])]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


async def test_a_question_has_one_vector_near_its_answers(embedder: Embedder) -> None:
    question = await embedder.embed_query("How many days of leave?")
    assert question.shape == (embedder.dimensions,)
    near, far = await embedder.embed_documents(["Employees get 28 days of leave.", "A dome closes when ash falls."])
    assert question @ near > question @ far


async def test_no_texts_have_no_vectors(embedder: Embedder) -> None:
    assert (await embedder.embed_documents([])).shape[0] == 0


def test_the_counter_travels_to_other_processes(embedder: Embedder) -> None:
    counter = pickle.loads(pickle.dumps(embedder.token_counter()))
    few, many = counter(["leave", "leave " * 5000])
    assert 0 < few < embedder.max_tokens < many
