"""The promises of ChatModel and Embedder (pipelines/ports.py), kept through Ollama's API."""

from __future__ import annotations

import asyncio
import base64
import time

import numpy as np
import pytest

from app.adapters.ollama import OllamaChat, OllamaEmbedder, OllamaVision
from pipelines.domain.errors import ModelUnavailable
from pipelines.ports import ChatModel, Embedder, Message
from tests.fakes.ollama import FakeOllama, Faults

ASKED = [Message("system", "Answer."), Message("user", "How much leave?")]
BAD = [Faults(refuse=True), Faults(break_after=1), Faults(error_after=1), Faults(garbage=True)]
NAMES = ["refuses", "cuts the connection", "reports an error", "answers with garbage"]


@pytest.fixture
def ollama(fake_ollama: FakeOllama) -> FakeOllama:
    fake_ollama.faults, fake_ollama.says = Faults(), "Leave is 28 days. [1]"
    fake_ollama.prompts.clear()
    return fake_ollama


async def _said(chat: ChatModel) -> str:
    return "".join([piece async for piece in chat.stream(ASKED)])


async def test_an_answer_streams_whole(ollama: FakeOllama) -> None:
    chat: ChatModel = OllamaChat(ollama.url, "gemma3:4b")
    assert await chat.available()
    assert await _said(chat) == "Leave is 28 days. [1]"
    assert [(said["role"], said["content"]) for said in ollama.prompts[0]] == [tuple(message) for message in ASKED]


@pytest.mark.parametrize("faults", BAD, ids=NAMES)
async def test_whatever_goes_wrong_is_model_unavailable(ollama: FakeOllama, faults: Faults) -> None:
    chat = OllamaChat(ollama.url, "gemma3:4b")
    ollama.faults = faults
    with pytest.raises(ModelUnavailable):
        await _said(chat)
    ollama.faults = Faults()
    assert await _said(chat)  # and works again at once


async def test_a_server_that_is_not_there_is_said_so_within_a_second(ollama: FakeOllama) -> None:
    nowhere = OllamaChat("http://127.0.0.1:9", "gemma3:4b")
    assert not await nowhere.available()
    with pytest.raises(ModelUnavailable):
        await _said(nowhere)


async def test_a_model_that_is_not_installed_is_not_available(ollama: FakeOllama) -> None:
    absent = OllamaChat(ollama.url, "not-there")
    assert not await absent.available()
    with pytest.raises(ModelUnavailable):
        await _said(absent)


async def test_the_server_is_not_asked_for_its_state_with_every_question(ollama: FakeOllama) -> None:
    chat = OllamaChat(ollama.url, "gemma3:4b")
    assert await chat.available()
    ollama.faults = Faults(refuse=True)
    assert await chat.available()
    with pytest.raises(ModelUnavailable):
        await _said(chat)
    assert not await chat.available()  # looked again, after the failure


async def test_an_address_is_reached_directly_whatever_proxy_is_set(
    ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await OllamaChat(ollama.url, "gemma3:4b").available()
    assert await _said(OllamaChat(ollama.url, "gemma3:4b"))
    assert (await OllamaEmbedder(ollama.url, "nomic-embed-text").embed_query("leave")).any()


async def test_a_listener_who_leaves_ends_the_request(ollama: FakeOllama) -> None:
    ollama.faults = Faults(delay_s=0.05)
    ollama.says = "word " * 1000
    async for _ in OllamaChat(ollama.url, "gemma3:4b").stream(ASKED):
        break
    deadline = time.monotonic() + 10
    while ollama.streams and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert ollama.streams == 0


async def test_vectors_have_length_one_and_keep_the_order_of_the_texts(ollama: FakeOllama) -> None:
    embedder: Embedder = OllamaEmbedder(ollama.url, "nomic-embed-text", batch=2)
    texts = ["leave of absence", "a telescope", "domes and lasers", "leave", "ash"]
    vectors = await embedder.embed_documents(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, await asyncio.to_thread(lambda: embedder.dimensions))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose((await embedder.embed_documents([text]))[0], vector, atol=1e-6)
    assert (await embedder.embed_documents([])).shape == (0, vectors.shape[1])


async def test_questions_and_documents_are_marked_as_the_model_wants(ollama: FakeOllama) -> None:
    embedder = OllamaEmbedder(ollama.url, "library/nomic-embed-text:latest")
    ollama.models = (*ollama.models, "library/nomic-embed-text:latest")
    await embedder.embed_query("leave")
    await embedder.embed_documents(["leave"])
    assert ollama.embedded[-2:] == [["search_query: leave"], ["search_document: leave"]]


async def test_an_embedder_that_does_not_answer_is_model_unavailable(ollama: FakeOllama) -> None:
    ollama.faults = Faults(refuse=True)
    embedder = OllamaEmbedder(ollama.url, "nomic-embed-text")
    with pytest.raises(ModelUnavailable):
        await embedder.embed_query("leave")
    with pytest.raises(ModelUnavailable):
        await embedder.embed_documents(["leave"])
    with pytest.raises(ModelUnavailable):
        await asyncio.to_thread(lambda: embedder.dimensions)


def test_tokens_are_counted_without_a_server() -> None:
    counter = OllamaEmbedder("http://127.0.0.1:9", "nomic-embed-text").token_counter()
    few, many = counter(["leave", "leave " * 500])
    assert 0 < few < many


async def test_a_picture_is_described_under_its_caption(ollama: FakeOllama) -> None:
    ollama.says = "Three bars. The tallest is May."
    said = await OllamaVision(ollama.url, "gemma3:4b").describe(b"\x89PNG", "Figure 1: Ships by month")
    assert said == "Three bars. The tallest is May."
    ((message,),) = ollama.prompts
    assert message["images"] == [base64.b64encode(b"\x89PNG").decode()]
    assert "Figure 1: Ships by month" in message["content"]


async def test_a_model_for_pictures_that_is_down_is_an_error_that_passes(ollama: FakeOllama) -> None:
    ollama.faults = Faults(refuse=True)
    with pytest.raises(ModelUnavailable):
        await OllamaVision(ollama.url, "gemma3:4b").describe(b"", "")
