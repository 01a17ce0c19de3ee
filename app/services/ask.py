"""From a question to an answer whose every sentence is bound to the words it rests on before anyone sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from app.services.retrieval import Retrieval
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer, Citation, Passage
from pipelines.domain.errors import DependencyUnavailable, ModelUnavailable
from pipelines.domain.ids import new_id
from pipelines.ports import ChatModel, Embedder
from pipelines.query import extract, prompt
from pipelines.query.cite import Citations, Claim, support
from pipelines.query.evidence import Evidence, pieces
from pipelines.query.pack import pack
from pipelines.query.stream import SentenceBuffer

ABSTENTION = "I could not find this in the documents you can read."


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    collection: str
    top_k: int = 8


@dataclass(frozen=True, slots=True)
class PassagesFound:
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """A sentence with its citations' numbers: "Leave is 28 days. [1] "."""

    text: str


@dataclass(frozen=True, slots=True)
class CitationFound:
    citation: Citation


AnswerEvent: TypeAlias = PassagesFound | Delta | CitationFound | Answer


@dataclass(slots=True)
class _Draft:
    """The answer as it grows."""

    passages: Sequence[Passage]
    model: str = "extractive"
    degraded: list[str] = field(default_factory=list)
    citations: Citations = field(default_factory=Citations)
    sentences: list[str] = field(default_factory=list)
    timings_ms: dict[str, float] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def release(self, sentence: str, rests_on: Sequence[Evidence]) -> list[AnswerEvent]:
        """A supported sentence, as events: its new citations, then its text."""
        cited = [self.citations.cite(piece) for piece in rests_on]
        marks = "".join(f"[{citation.number}]" for citation, _ in cited)
        self.timings_ms.setdefault("first_sentence", self.elapsed())
        self.sentences.append(f"{sentence} {marks}")
        text = self.sentences[-1] if len(self.sentences) == 1 else f" {self.sentences[-1]}"
        return [*(CitationFound(citation) for citation, new in cited if new), Delta(text)]

    def answer(self) -> Answer:
        self.timings_ms["total"] = self.elapsed()
        abstained = not self.sentences
        return Answer(
            id=new_id("ans"),
            text=ABSTENTION if abstained else " ".join(self.sentences),
            citations=tuple(self.citations.found),
            grounded=not abstained,
            abstained=abstained,
            degraded=tuple(self.degraded),
            model=self.model,
            timings_ms=self.timings_ms,
        )

    def elapsed(self) -> float:
        return round((time.perf_counter() - self.began) * 1000, 1)


class Ask:
    """Answers by the language model while it answers, else by extraction. `chat` None: always by extraction."""

    def __init__(
        self,
        retrieval: Retrieval,
        embedder: Embedder,
        chat: ChatModel | None,
        *,
        first_token_timeout_s: float = 120,
        token_timeout_s: float = 30,
    ) -> None:
        self._retrieval = retrieval
        self._embedder = embedder
        self._chat = chat
        self._first_token_timeout_s = first_token_timeout_s
        self._token_timeout_s = token_timeout_s

    async def answer(self, principal: Principal, question: Question) -> Answer:
        """Raises what `stream` does."""
        async for event in self.stream(principal, question):
            if isinstance(event, Answer):
                return event
        raise AssertionError("a stream ends with its answer")

    async def stream(self, principal: Principal, question: Question) -> AsyncIterator[AnswerEvent]:
        """Passages, then sentences with their citations, then the whole answer. Raises CollectionNotFound, IndexUnavailable."""
        draft = _Draft(())
        found = await self._retrieval.search(principal, question.collection, question.text, question.top_k)
        draft.degraded += found.degraded
        draft.timings_ms |= found.timings_ms
        yield PassagesFound(found.passages)
        draft.passages = pack(question.text, found.passages)
        draft.evidence = pieces(draft.passages)
        if draft.passages:
            async for event in self._write(question, draft):
                yield event
        answer = draft.answer()
        if answer.abstained:
            yield Delta(answer.text)
        yield answer

    async def _write(self, question: Question, draft: _Draft) -> AsyncIterator[AnswerEvent]:
        chat = self._chat
        if chat is not None and await chat.available():
            draft.model = chat.name
            try:
                async for event in self._generated(chat, question, draft):
                    yield event
            except ModelUnavailable:
                draft.degraded.append("model")
            else:
                return  # also when it found nothing, or nothing that is supported
            if draft.sentences:
                return  # what was released stands, and is marked as cut short
            draft.model = "extractive"
        elif chat is not None:
            draft.degraded.append("model")
        for event in await self._extracted(question, draft):
            yield event

    async def _generated(self, chat: ChatModel, question: Question, draft: _Draft) -> AsyncIterator[AnswerEvent]:
        """The model's sentences that the passages support; the others are withheld."""
        buffer = SentenceBuffer()
        async for piece in self._paced(chat.stream(prompt.messages(question.text, draft.passages))):
            draft.timings_ms.setdefault("first_token", draft.elapsed())
            for sentence in buffer.add(piece):
                for event in self._bound(sentence, question, draft):
                    yield event
        for sentence in buffer.rest():
            for event in self._bound(sentence, question, draft):
                yield event

    def _bound(self, sentence: str, question: Question, draft: _Draft) -> list[AnswerEvent]:
        claim = Claim.of(sentence)
        if not claim.text or prompt.NOT_FOUND in claim.text:
            return []
        rests_on = support(claim, draft.evidence, question.text)
        return draft.release(claim.text, rests_on) if rests_on else []

    async def _extracted(self, question: Question, draft: _Draft) -> list[AnswerEvent]:
        candidates = extract.candidates(draft.evidence)
        asked = vectors = None
        if "vectors" not in draft.degraded:
            try:
                asked = await self._embedder.embed_query(question.text)
                vectors = await self._embedder.embed_documents([piece.text for piece in candidates])
            except DependencyUnavailable:
                asked = vectors = None
        chosen = await asyncio.to_thread(extract.best, question.text, candidates, asked, vectors)
        return [event for piece in chosen for event in draft.release(piece.text, [piece])]

    async def _paced(self, pieces: AsyncIterator[str]) -> AsyncIterator[str]:
        """The same pieces; ModelUnavailable when one does not come in time."""
        timeout_s = self._first_token_timeout_s
        while True:
            try:
                async with asyncio.timeout(timeout_s):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise ModelUnavailable(f"The model said nothing for {timeout_s:g} seconds.") from None
            yield piece
            timeout_s = self._token_timeout_s
