"""From a question to an answer whose every sentence is bound to the words it rests on before anyone sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from app.services.retrieval import Retrieval
from app.services.timings import Timings
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer, Citation, Passage
from pipelines.domain.errors import DependencyUnavailable, ModelUnavailable
from pipelines.domain.ids import new_id
from pipelines.ports import ChatModel, Embedder, Vectors
from pipelines.query import extract, prompt
from pipelines.query.cite import Citations
from pipelines.query.claims import Claim, ClaimBuffer
from pipelines.query.evidence import Evidence, pieces
from pipelines.query.ground import support
from pipelines.query.pack import pack
from pipelines.query.relevance import certain, floor_of

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
    """The answer as it grows. Only `release` adds to it."""

    passages: Sequence[Passage] = ()
    evidence: Sequence[Evidence] = ()
    vectors: Vectors | None = None  # of the evidence, once they are needed
    embeds: bool = True  # whether vectors can be had
    model: str = "extractive"
    degraded: list[str] = field(default_factory=list)
    citations: Citations = field(default_factory=Citations)
    sentences: dict[str, str] = field(default_factory=dict)  # with the numbers they are shown with
    withheld: int = 0
    timings: Timings = field(default_factory=Timings)

    def release(self, sentence: str, rests_on: Sequence[Evidence]) -> list[AnswerEvent]:
        """A supported sentence, as events: its new citations, then its text. One that was said already adds nothing."""
        if sentence in self.sentences:
            return []
        self.timings.mark("first_sentence")
        cited = [self.citations.cite(piece) for piece in rests_on]
        shown = f"{sentence} {''.join(f'[{citation.number}]' for citation, _ in cited)}"
        text = f" {shown}" if self.sentences else shown
        self.sentences[sentence] = shown
        return [*(CitationFound(citation) for citation, new in cited if new), Delta(text)]

    def answer(self) -> Answer:
        self.timings.mark("total")
        abstained = not self.sentences
        return Answer(
            id=new_id("ans"),
            text=ABSTENTION if abstained else " ".join(self.sentences.values()),
            citations=tuple(self.citations.found),
            grounded=not abstained,
            abstained=abstained,
            degraded=tuple(self.degraded),
            model=self.model,
            timings_ms=self.timings,
        )


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
        embed_timeout_s: float = 30,
    ) -> None:
        self._retrieval = retrieval
        self._embedder = embedder
        self._chat = chat
        self._first_token_timeout_s = first_token_timeout_s
        self._token_timeout_s = token_timeout_s
        self._embed_timeout_s = embed_timeout_s
        self._floor = floor_of(embedder.model)

    async def answer(self, principal: Principal, question: Question) -> Answer:
        """Raises what `stream` does."""
        async for event in self.stream(principal, question):
            if isinstance(event, Answer):
                return event
        raise AssertionError("a stream ends with its answer")

    async def stream(self, principal: Principal, question: Question) -> AsyncIterator[AnswerEvent]:
        """Passages, then sentences with their citations, then the whole answer. Raises CollectionNotFound, IndexUnavailable."""
        draft = _Draft()
        found = await self._retrieval.search(principal, question.collection, question.text, question.top_k)
        draft.degraded += found.degraded
        draft.embeds = "vectors" not in found.degraded
        draft.timings |= found.timings_ms
        yield PassagesFound(found.passages)
        draft.passages = pack(found.passages)
        draft.evidence = pieces(draft.passages)
        async for event in self._write(question, draft):
            yield event
        answer = draft.answer()
        if answer.abstained:
            yield Delta(answer.text)
        yield answer

    async def _write(self, question: Question, draft: _Draft) -> AsyncIterator[AnswerEvent]:
        if self._chat is not None and await self._chat.available():
            if not certain(draft.passages, self._floor) and not await self._extract(question, draft):
                return
            try:
                async for event in self._generate(self._chat, question, draft):
                    yield event
            except ModelUnavailable:
                draft.degraded.append("model")
            else:
                if not draft.withheld:
                    return  # it answered, or found nothing
            if draft.sentences:
                return  # what was released stands
        elif self._chat is not None:
            draft.degraded.append("model")
        draft.model = "extractive"
        for piece in await self._extract(question, draft):
            for event in draft.release(piece.text, [piece]):
                yield event

    async def _generate(self, chat: ChatModel, question: Question, draft: _Draft) -> AsyncIterator[AnswerEvent]:
        """The model's sentences that the passages support; the others are withheld."""
        draft.model = chat.name
        buffer = ClaimBuffer()
        async for piece in self._paced(chat.stream(prompt.messages(question.text, draft.passages))):
            draft.timings.mark("first_token")
            for claim in buffer.add(piece):
                for event in await self._bind(claim, draft):
                    yield event
        for claim in buffer.rest():
            for event in await self._bind(claim, draft):
                yield event

    async def _bind(self, claim: Claim, draft: _Draft) -> list[AnswerEvent]:
        if prompt.NOT_FOUND in claim.text:
            return []
        with draft.timings.measure("bind"):
            rests_on = support(claim, draft.evidence, await self._closeness(claim, draft))
        draft.withheld += not rests_on
        return draft.release(claim.text, rests_on) if rests_on else []

    async def _closeness(self, claim: Claim, draft: _Draft) -> Vectors | None:
        """The cosine of the claim to each piece of evidence; None where nobody measured what this model's cosines mean."""
        if self._floor is None:
            return None
        if draft.vectors is None:
            draft.vectors = await self._texts([piece.text for piece in draft.evidence], draft)
        said = await self._texts([claim.text], draft)
        return None if draft.vectors is None or said is None else draft.vectors @ said[0]

    async def _extract(self, question: Question, draft: _Draft) -> list[Evidence]:
        """The sentences of the passages that answer; none when nothing is relevant."""
        with draft.timings.measure("extract"):
            candidates = extract.candidates(question.text, draft.evidence)
            asked = await self._embedded(lambda: self._embedder.embed_query(question.text), draft)
            vectors = await self._texts([piece.text for piece in candidates], draft)
            meaning = None if asked is None or vectors is None else (asked, vectors)
            return extract.best(question.text, candidates, meaning, self._floor)

    async def _texts(self, texts: Sequence[str], draft: _Draft) -> Vectors | None:
        return await self._embedded(lambda: self._embedder.embed_documents(texts), draft)

    async def _embedded(self, work: Callable[[], Awaitable[Vectors]], draft: _Draft) -> Vectors | None:
        """None when there is no embedder to ask; one that failed is not asked again for this answer."""
        try:
            async with asyncio.timeout(self._embed_timeout_s):
                return await work() if draft.embeds else None
        except (DependencyUnavailable, TimeoutError):
            draft.embeds = False
            return None

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
