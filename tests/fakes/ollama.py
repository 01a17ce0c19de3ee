"""A server that speaks Ollama's documented API (docs/api.md): /api/tags, /api/ps, /api/show, /api/version, /api/chat,
/api/embed.

It is no language model: it answers with the first sentences of the passages in its prompt, marked with their numbers,
or with words that a test gives it. Its embeddings are hashed bags of words. `faults` change while it runs.
Alone: `python -m tests.fakes.ollama --port 11434`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

_SPENT = {"done_reason": "stop", "eval_count": 1, "prompt_eval_count": 1} | {
    f"{phase}_duration": 2_000_000 for phase in ("load", "prompt_eval", "eval", "total")
}
_PASSAGE = re.compile(r'<passage number="(\d+)"[^\n]*>\n(.*?)\n</passage>', re.DOTALL)
_SENTENCE = re.compile(r"[A-Z][^.!?|]{20,300}[.!?](?=\s|$)")
DIMENSIONS = 256


@dataclass
class Faults:
    """delay_s before each token, first_delay_s before the first; refuse: 503; refuse_chats: 503 to so many chats;
    break_after: tokens until the connection is cut; error_after: tokens until an {"error"} line; garbage: no JSON at all."""

    delay_s: float = 0.0
    first_delay_s: float = 0.0
    refuse: bool = False
    refuse_chats: int = 0
    break_after: int | None = None
    error_after: int | None = None
    garbage: bool = False


@dataclass
class FakeOllama:
    models: tuple[str, ...] = ("gemma3:4b", "nomic-embed-text:latest")
    faults: Faults = field(default_factory=Faults)
    says: str | None = None  # instead of sentences from the passages
    writes: Callable[[str], str] | None = None  # instead: what is said to a prompt
    embeds: Callable[[str], list[float]] | None = None  # instead of hashed bags of words
    prompts: list[list[dict[str, str]]] = field(default_factory=list)
    embedded: list[list[str]] = field(default_factory=list)
    streams: int = 0  # answers that are being sent
    most_streams: int = 0  # at once, so far
    loads: int = 0  # requests to load the model and say nothing
    keep_alive: str | None = None  # as it was last asked
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def quiet(self, within_s: float = 20) -> None:
        """Returns once nobody is being answered: every listener is gone or served. Fails when that does not come."""
        deadline = time.monotonic() + within_s
        while self.streams:
            assert time.monotonic() < deadline, f"{self.streams} answers are still being sent"
            time.sleep(0.02)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/version", self._version),
                Route("/api/tags", self._tags),
                Route("/api/ps", self._ps),
                Route("/api/show", self._show, methods=["POST"]),
                Route("/api/chat", self._chat, methods=["POST"]),
                Route("/api/embed", self._embed, methods=["POST"]),
            ]
        )

    async def _version(self, _: Request) -> Response:
        return JSONResponse({"version": "0.12.0"})

    async def _tags(self, _: Request) -> Response:
        if self.faults.refuse:
            return JSONResponse({"error": "overloaded"}, 503)
        return JSONResponse(
            {"models": [{"name": name, "model": name, "size": 1, "digest": "0"} for name in self.models]}
        )

    async def _ps(self, _: Request) -> Response:
        """What was loaded since the start, all of it on the GPU."""
        if self.faults.refuse:
            return JSONResponse({"error": "overloaded"}, 503)
        loaded = self.models[:1] if self.prompts or self.loads else ()
        return JSONResponse({"models": [{"name": name, "size": 4 << 30, "size_vram": 3 << 30} for name in loaded]})

    async def _show(self, request: Request) -> Response:
        await request.json()
        return JSONResponse({"model_info": {"general.context_length": 8192}, "capabilities": ["completion"]})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.keep_alive = body.get("keep_alive")
        if not body["messages"]:
            self.loads += 1
            return JSONResponse(_line(body["model"], "", done=True) | {"done_reason": "load"})
        self.prompts.append(body["messages"])
        if self.faults.refuse or self.faults.refuse_chats > 0:
            self.faults.refuse_chats -= 1
            return JSONResponse({"error": "overloaded"}, 503)
        if not self._has(body["model"]):
            return JSONResponse({"error": f"model '{body['model']}' not found"}, 404)
        words = re.findall(r"\S+\s*", self._said(body["messages"]))
        if body.get("stream", True):
            return StreamingResponse(
                self._counted(self._tokens(body["model"], words)), media_type="application/x-ndjson"
            )
        return JSONResponse(_line(body["model"], "".join(words), done=True))

    def _said(self, messages: list[dict[str, str]]) -> str:
        if self.writes is not None:
            return self.writes(messages[-1]["content"])
        return self.says if self.says is not None else _quotes(messages)

    async def _counted(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self.streams += 1
        self.most_streams = max(self.most_streams, self.streams)
        try:
            async for line in lines:
                yield line
        finally:
            self.streams -= 1

    async def _tokens(self, model: str, words: list[str]) -> AsyncIterator[bytes]:
        await asyncio.sleep(self.faults.first_delay_s)
        for number, word in enumerate(words):
            await asyncio.sleep(self.faults.delay_s)
            if self.faults.garbage:
                yield b"<html>not json</html>\n"
            if number == self.faults.break_after:
                raise ConnectionResetError("cut by the test")
            if number == self.faults.error_after:
                yield b'{"error": "the model crashed"}\n'
                return
            yield json.dumps(_line(model, word, done=False)).encode() + b"\n"
        yield json.dumps(_line(model, "", done=True)).encode() + b"\n"

    async def _embed(self, request: Request) -> Response:
        body = await request.json()
        if self.faults.refuse:
            return JSONResponse({"error": "overloaded"}, 503)
        if not self._has(body["model"]):
            return JSONResponse({"error": f"model '{body['model']}' not found"}, 404)
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        self.embedded.append(texts)
        vectors = [(self.embeds or embedding)(text) for text in texts]
        answer = json.dumps({"model": body["model"], "embeddings": vectors})  # NaN and all
        return Response(answer, media_type="application/json")

    def _has(self, model: str) -> bool:
        return model in self.models or f"{model}:latest" in self.models


def embedding(text: str) -> list[float]:
    """The same words, the same direction."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % DIMENSIONS] += 1.0
    return vector


def _quotes(messages: list[dict[str, str]]) -> str:
    sentences = []
    for number, text in _PASSAGE.findall(messages[-1]["content"])[:2]:
        found = _SENTENCE.search(" ".join(text.split()))
        if found:
            sentences.append(f"{found.group()} [{number}]")
    return " ".join(sentences) or "NOT_FOUND"


def _line(model: str, content: str, *, done: bool) -> dict[str, Any]:
    line: dict[str, Any] = {
        "model": model,
        "created_at": datetime.now(UTC).isoformat(),
        "message": {"role": "assistant", "content": content},
        "done": done,
    }
    return line | (_SPENT if done else {})


@contextmanager
def running(fake: FakeOllama) -> Iterator[FakeOllama]:
    """Serves on a free port of loopback, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fake.port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(fake.app(), log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.should_exit = True
            thread.join(timeout=10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=11434)
    arguments = parser.parse_args()
    uvicorn.run(FakeOllama().app(), host="127.0.0.1", port=arguments.port)
