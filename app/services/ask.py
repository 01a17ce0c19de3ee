"""From a question to an answer whose every sentence is bound to the words it rests on before anyone sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from app.services import several
from app.services.chat import in_line
from app.services.confidence import Confidence, Threshold
from app.services.draft import ABSTENTION, EXTRACTIVE, AnswerEvent, CitationFound, Delta, Draft, PassagesFound
from app.services.embedding_cache import made_from
from app.services.grounds import Grounds, Pages
from app.services.retrieval import Retrieved, Search
from pipelines.domain.access import Principal
from pipelines.domain.answering import Task, Unsupported
from pipelines.domain.answers import Answer, Passage
from pipelines.domain.documents import Collection
from pipelines.domain.errors import ModelUnavailable, SensitiveContent
from pipelines.domain.filters import EVERYTHING, Filters
from pipelines.domain.manifests import Manifest, Searched
from pipelines.ports import ChatModel, Embedder, Embedders, Message
from pipelines.query import manifest, prompt
from pipelines.query.asked import Asked
from pipelines.query.claims import Claim, ClaimBuffer
from pipelines.query.glossary import Glossary, built_in
from pipelines.query.pack import pack

__all__ = [
    "ABSTENTION",
    "AnswerEvent",
    "Answerer",
    "Ask",
    "CitationFound",
    "Delta",
    "PassagesFound",
    "Question",
    "whole",
]


@dataclass(frozen=True, slots=True)
class Question:
    """`task` None: as the collection says, else as the question reads. `threshold`: instead of the collection's.

    `also`: further collections to find passages in. The first one says how the question is answered.
    """

    text: str
    collection: str
    top_k: int = 8
    leans_on: frozenset[str] = frozenset()  # documents of a conversation, whose words may have come into the text
    task: Task | None = None
    threshold: float | None = None
    filters: Filters = EVERYTHING
    also: tuple[str, ...] = ()


class Answerer(Protocol):
    """What answers questions: `Ask`, or something around it."""

    def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]: ...


async def whole(events: AsyncGenerator[AnswerEvent, None]) -> Answer:
    """The answer at the end of a stream. Raises what the stream does."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answer):
                return event
    raise AssertionError("a stream ends with its answer")


class Ask:
    """Answers by the language model while it answers, else by extraction. `chat` None: always by extraction.

    Nothing is released before its quotes were read again where they are said to stand (`pages`). `digest`: the model's name
    for its weights, as far as is known. `finding`: another one finds other passages; "" is the product's own.
    `redact`: what the model says without the personal data that the collection's policy names.
    """

    def __init__(
        self,
        retrieval: Search,
        embedders: Embedders,
        chat: ChatModel | None,
        pages: Pages,
        *,
        glossary: Glossary | None = None,
        digest: Callable[[], str] = lambda: "",
        finding: str = "",
        redact: Callable[[Collection, str], str] = lambda _, text: text,
        embed_timeout_s: float = 30,
    ) -> None:
        self._retrieval = retrieval
        self._embedders = embedders
        self._chat = chat
        self._pages = pages
        self._glossary = built_in() if glossary is None else glossary
        self._digest = digest
        self._finding = finding
        self._redact = redact
        self._embed_timeout_s = embed_timeout_s

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """Passages, then sentences with their citations, then the whole answer. Raises CollectionNotFound, IndexUnavailable."""
        draft = Draft()
        found = await self._found(principal, question)
        draft.degraded += found.degraded
        draft.timings |= found.timings_ms
        draft.cache = found.cache
        yield PassagesFound(found.passages, found.cache)
        draft.passages = pack(found.passages)
        grounds = Grounds(draft.passages, self._embedder(found), self._pages, draft, timeout_s=self._embed_timeout_s)
        async with aclosing(self._write(principal, question, found, draft, grounds)) as events:
            async for event in events:
                yield event
        answer = draft.answer(self._manifest(question, found, draft.passages, draft.model, draft.asked))
        if answer.abstained:
            yield Delta(answer.text)
        yield answer

    async def _found(self, principal: Principal, question: Question) -> Retrieved:
        collections = question.collection, *question.also
        return await several.search(
            self._retrieval, principal, collections, question.text, question.top_k, question.filters
        )

    async def manifest(self, principal: Principal, question: Question) -> Manifest:
        """Of an answer that would begin now; no model is asked. Raises CollectionNotFound, IndexUnavailable."""
        found = await self._found(principal, question)
        passages = pack(found.passages)
        if self._chat is None:
            return self._manifest(question, found, passages, EXTRACTIVE, ())
        await self._chat.available()  # so that its digest is today's
        asked = prompt.messages(question.text, passages, _task(question, found))
        return self._manifest(question, found, passages, self._chat.name, asked)

    def _manifest(
        self, question: Question, found: Retrieved, given: Sequence[Passage], model: str, asked: Sequence[Message]
    ) -> Manifest:
        generation = found.collection.active_generation
        return Manifest(
            collection_id=found.collection.id,
            generation_id=generation.id,
            revision=found.revision,
            embedding_model=generation.embedding_model,
            chunker=generation.chunker,
            top_k=question.top_k,
            sources=manifest.sources(found.passages, given),
            model=model,
            model_digest=self._digest() if asked else "",
            template=_task(question, found).value,
            prompt_sha256=manifest.prompt_sha256(asked) if asked else "",
            degraded=found.degraded,
            settings=_settings(question, found, model) | ({"finding": self._finding} if self._finding else {}),
            filters=question.filters,
            also=tuple(_searched(each) for each in found.also),
        )

    def _embedder(self, found: Retrieved) -> Embedder | None:
        """The one whose cosines the passages have."""
        try:
            if "vectors" in found.degraded:
                return None
            versions = {each.source.chunk.version_id for each in found.passages}
            return made_from(self._embedders.of(found.embedding_model), versions)
        except ModelUnavailable:
            return None

    async def _write(
        self, principal: Principal, question: Question, found: Retrieved, draft: Draft, grounds: Grounds
    ) -> AsyncGenerator[AnswerEvent, None]:
        chat = self._chat if self._chat is not None and await self._chat.available() else None
        threshold = Threshold.of(found, chat.name if chat else EXTRACTIVE, question.threshold)
        asked = Asked.of(question.text, self._glossary)
        confidence = await Confidence.of(principal, asked, found, grounds, self._retrieval)
        draft.confidence = confidence.value
        if self._chat is not None and chat is None:
            draft.degrade("model")
        if chat is not None:
            if not confidence.lets_ask(found, threshold):
                return
            try:
                async with aclosing(
                    self._generate(in_line(chat, principal), question, found, draft, grounds)
                ) as events:
                    async for event in events:
                        yield event
            except ModelUnavailable:
                draft.degrade("model")
            else:
                if not draft.withheld:
                    return  # it answered, or found nothing
            if draft.sentences:
                return  # what was released stands
        draft.model = EXTRACTIVE
        if confidence.reaches(threshold):
            for piece in await grounds.of_question(asked, threshold.of_sentences):
                for event in draft.release(piece.text, [piece]):
                    yield event

    async def _generate(
        self, chat: ChatModel, question: Question, found: Retrieved, draft: Draft, grounds: Grounds
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The model's sentences that the passages support; the others are withheld, or marked."""
        draft.model = chat.name
        draft.asked = prompt.messages(question.text, draft.passages, _task(question, found))
        buffer = ClaimBuffer()
        draft.timings.mark("model_asked")
        async with aclosing(chat.stream(draft.asked)) as pieces:
            async for piece in pieces:
                if not piece:
                    draft.timings.since("model_asked", "queue")
                    continue
                draft.timings.mark("first_token")
                for claim in buffer.add(piece):
                    for event in await self._bind(claim, found, draft, grounds):
                        yield event
        for claim in buffer.rest():
            for event in await self._bind(claim, found, draft, grounds):
                yield event

    async def _bind(self, claim: Claim, found: Retrieved, draft: Draft, grounds: Grounds) -> list[AnswerEvent]:
        try:
            for collection in found.collections:
                claim = replace(claim, text=await asyncio.to_thread(self._redact, collection, claim.text))
        except SensitiveContent:
            draft.withheld += 1
            return []
        return await _bind(claim, draft, grounds, found.collection.answering.unsupported)


async def _bind(claim: Claim, draft: Draft, grounds: Grounds, unsupported: Unsupported) -> list[AnswerEvent]:
    if prompt.NOT_FOUND in claim.text:
        return []
    if rests_on := await grounds.of_claim(claim):
        return draft.release(claim.text, rests_on)
    if unsupported is Unsupported.FLAG:
        return draft.flag(claim.text)
    draft.withheld += 1
    return []


def _searched(found: Retrieved) -> Searched:
    generation = found.collection.active_generation
    return Searched(found.collection.name, found.collection.id, generation.id, found.revision)


def _task(question: Question, found: Retrieved) -> Task:
    return question.task or found.collection.answering.task or prompt.task_of(question.text)


def _settings(question: Question, found: Retrieved, model: str) -> dict[str, str]:
    """What else decides what is said."""
    threshold = Threshold.of(found, model, question.threshold).value
    return {"threshold": str(threshold), "unsupported": found.collection.answering.unsupported.value}
