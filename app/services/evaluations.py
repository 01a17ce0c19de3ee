"""Golden questions asked as people ask them, and scored: requests, results, comparisons; and calibration, which is a run too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime

from app.observability.metrics import SCORES
from app.services.ask import Answerer, PassagesFound, Question
from app.services.collections import Collections
from app.services.documents import start_event
from app.services.draft import EXTRACTIVE
from app.services.ingestion import ProgressRecord
from app.services.outbox import Outbox
from pipelines.domain.access import Principal, Role
from pipelines.domain.answering import Calibration
from pipelines.domain.answers import Answer, Passage
from pipelines.domain.documents import Collection
from pipelines.domain.errors import CollectionNotFound, InvalidRequest, ModelUnavailable, NotFound
from pipelines.domain.evaluation import EvaluatedQuestion, Evaluation, GoldenQuestion, Measures
from pipelines.domain.ids import derived_id, job_id, new_id
from pipelines.domain.jobs import Job, JobKind, Progress, queued
from pipelines.evaluation import golden, judge
from pipelines.evaluation.calibrate import Tried, check_size, fit
from pipelines.evaluation.compare import Difference, differences
from pipelines.evaluation.outcome import outcome, scores
from pipelines.ports import Catalog, ChatModel, Clock
from workflows.events import EvaluationRequested
from workflows.steps import StepOutput

_LISTED = 100
_BATCH = 8
_MOST_BATCHES = 400  # a run has 1,000 steps at most
_TOP_K = 10
_LONGEST_VERDICT = 40  # characters: it is one word
_RISK, _CERTAINTY = "risk", "certainty"  # settings of a run that calibrates
_NIGHTLY = "evaluation"  # who asks at night: nobody in particular, so only what everyone may read


class EvaluationNotFound(NotFound):
    """There is no such evaluation."""

    code = "evaluation_not_found"


class NothingToEvaluate(InvalidRequest):
    """The collection has no golden set: put one, or send the questions."""

    code = "nothing_to_evaluate"


@dataclass(frozen=True, slots=True)
class Bound:
    """At most a share `risk` of questions answered wrongly, with probability `certainty`."""

    risk: float
    certainty: float


class Evaluations:
    """Requests and results. All but `request` is sync: call it from a thread."""

    def __init__(self, catalog: Catalog, collections: Collections, outbox: Outbox, clock: Clock) -> None:
        self._catalog = catalog
        self._collections = collections
        self._outbox = outbox
        self._clock = clock

    async def request(
        self,
        principal: Principal,
        name: str,
        questions: str | None = None,
        bound: Bound | None = None,
        occasion: str | None = None,
    ) -> tuple[Evaluation, Job]:
        """A run of the JSON lines given, else of the collection's golden set; with a `bound` it calibrates the collection.
        On the same `occasion`, the same run.

        Raises CollectionNotFound, InvalidGoldenSet, NothingToEvaluate, GoldenSetTooSmall.
        """
        evaluation, job = await asyncio.to_thread(self._commit, principal, name, questions, bound, occasion)
        await self._outbox.dispatch([start_event(job)])
        return evaluation, job

    async def request_all(self, night: str) -> StepOutput:
        """A run for each collection with a golden set, of what everyone of its tenant may read; once a night."""
        with_one = await asyncio.to_thread(self._with_golden_set)
        for tenant_id, name in with_one:
            await self.request(Principal(tenant_id, _NIGHTLY, roles=frozenset({Role.READER})), name, occasion=night)
        return {"runs": len(with_one)}

    def page(self, principal: Principal, name: str) -> list[Evaluation]:
        """One's own and those of the night, newest first: others' were made from what others may read."""
        collection_id = self._collections.get(principal, name).id
        with self._catalog.read(principal) as uow:
            found = uow.evaluations.of_collection(collection_id, _LISTED)
        return [each for each in found if _is_for(principal, each)]

    def get(self, principal: Principal, evaluation_id: str) -> tuple[Evaluation, list[EvaluatedQuestion]]:
        """Raises EvaluationNotFound."""
        with self._catalog.read(principal) as uow:
            found = uow.evaluations.get(principal.tenant_id, evaluation_id)
            if found is None or not _is_for(principal, found):
                raise EvaluationNotFound
            return found, uow.evaluations.results(evaluation_id)

    def compare(self, principal: Principal, before_id: str, after_id: str) -> Mapping[str, Difference]:
        """By measure, over the questions that both runs asked. Raises EvaluationNotFound."""
        runs = [
            {each.question: each.measures for each in self.get(principal, evaluation_id)[1]}
            for evaluation_id in (before_id, after_id)
        ]
        shared = [question for question in runs[0] if question in runs[1]]
        return differences(*([run[question] for question in shared] for run in runs))

    def _commit(
        self, principal: Principal, name: str, text: str | None, bound: Bound | None, occasion: str | None
    ) -> tuple[Evaluation, Job]:
        collection = self._collections.get(principal, name)
        at = self._clock()
        id_ = new_id("evl") if occasion is None else derived_id("evl", collection.id, occasion)
        with self._catalog.begin(principal) as uow:
            known, started = uow.evaluations.get(principal.tenant_id, id_), uow.jobs.find(job_id(JobKind.EVALUATE, id_))
            if known is not None and started is not None:
                return known, started
            asked = golden.parse(text) if text is not None else uow.golden_sets.get(collection.id)
            view = uow.collections.view(principal, name)
            if not asked:
                raise NothingToEvaluate
            if bound is not None:
                check_size(len(asked), bound.risk, bound.certainty)
            evaluation = Evaluation(
                id=id_,
                tenant_id=principal.tenant_id,
                collection_id=collection.id,
                created_at=at,
                asker={
                    "user": principal.user_id,
                    "groups": sorted(principal.groups),
                    "roles": sorted(role.value for role in principal.roles),
                },
                questions=tuple(asked),
                settings=_settings(collection, view.revision if view else 0, bound),
            )
            job = queued(
                JobKind.EVALUATE,
                principal.tenant_id,
                evaluation.id,
                at,
                collection_id=collection.id,
                evaluation_id=evaluation.id,
            )
            uow.evaluations.add(evaluation)
            uow.jobs.add(job)
            uow.outbox.add(start_event(job), at)
        return evaluation, job

    def _with_golden_set(self) -> list[tuple[str, str]]:
        with self._catalog.read() as uow:
            return uow.golden_sets.collections()


@dataclass(frozen=True, slots=True)
class CollectionEvaluation:
    """What the steps of `evaluate-collection` do (the Evaluating of workflows/evaluate.py)."""

    catalog: Catalog
    answers: Answerer  # without caches and without records: it is measured, not used
    chat: ChatModel | None
    progress: ProgressRecord
    clock: Clock

    async def plan(self, request: EvaluationRequested) -> StepOutput:
        run = await asyncio.to_thread(self._run, request)
        size = _batch_size(run)
        return {"questions": len(run.questions), "batches": -(-len(run.questions) // size)}

    async def ask(self, request: EvaluationRequested, batch: int) -> StepOutput:
        run = await asyncio.to_thread(self._run, request)
        collection = await asyncio.to_thread(self._collection, run.collection_id)
        size = _batch_size(run)
        positions = range(batch * size, min((batch + 1) * size, len(run.questions)))
        measured = {at: await self._measure(run, collection, run.questions[at]) for at in positions}
        await asyncio.to_thread(self._put, run.id, measured)
        done = positions.stop
        await self.progress.progress(request.job_id, Progress(done, len(run.questions), "questions"))
        return {"questions": len(measured)}

    async def score(self, request: EvaluationRequested) -> StepOutput:
        """Closes the run; one with a bound calibrates its collection, for the model that answers now."""
        model = self.chat.name if self.chat is not None and await self.chat.available() else EXTRACTIVE
        run, found = await asyncio.to_thread(self._close, request, model)
        for measure, value in found.items():
            SCORES.labels(run.collection_id, measure).set(value)
        return {name: f"{value:.3f}" for name, value in found.items()}

    async def _measure(self, run: Evaluation, collection: Collection, asked: GoldenQuestion) -> Measures:
        asker = Principal(
            run.tenant_id,
            str(run.asker["user"]),
            frozenset(run.asker["groups"]),
            frozenset(Role(role) for role in run.asker["roles"]),
        )
        threshold = 0.0 if _RISK in run.settings else None
        question = Question(asked.question, collection.name, _TOP_K, threshold=threshold)
        began, passages = time.perf_counter(), tuple[Passage, ...]()
        async with aclosing(self.answers.stream(asker, question)) as events:
            async for event in events:
                if isinstance(event, PassagesFound):
                    passages = event.passages
                elif isinstance(event, Answer):
                    measures = outcome(asked, passages, event, (time.perf_counter() - began) * 1000)
                    model = float(event.model != EXTRACTIVE)
                    judged = await self._judged(asked, event)
                    return {**measures, **judged, "confidence": event.confidence or 0.0, "by_model": model}
        raise AssertionError("a stream ends with its answer")

    async def _judged(self, asked: GoldenQuestion, answer: Answer) -> Measures:
        """`judged_correct` by the language model, where there is one and an answer to judge."""
        if self.chat is None or asked.answer is None or answer.abstained or not await self.chat.available():
            return {}
        reply = ""
        try:
            async with aclosing(self.chat.stream(judge.messages(asked.question, asked.answer, answer.text))) as pieces:
                async for piece in pieces:
                    reply += piece
                    if len(reply) > _LONGEST_VERDICT:
                        break
        except ModelUnavailable:
            return {}
        found = judge.verdict(reply)
        return {} if found is None else {"judged_correct": found}

    # --- the catalog, from a thread ---

    def _run(self, request: EvaluationRequested) -> Evaluation:
        with self.catalog.read() as uow:
            found = uow.evaluations.get(None, request.evaluation_id)
        if found is None:
            raise EvaluationNotFound
        return found

    def _collection(self, collection_id: str) -> Collection:
        with self.catalog.read() as uow:
            found = uow.collections.by_id(collection_id)
        if found is None:
            raise CollectionNotFound
        return found

    def _put(self, evaluation_id: str, measured: Mapping[int, Measures]) -> None:
        with self.catalog.begin() as uow:
            for position, measures in measured.items():
                uow.evaluations.put_result(evaluation_id, position, measures)

    def _close(self, request: EvaluationRequested, model: str) -> tuple[Evaluation, Measures]:
        run = self._run(request)
        with self.catalog.begin() as uow:
            results = [each.measures for each in uow.evaluations.results(run.id)]
            found = scores(results)
            if _RISK in run.settings:
                calibration = _calibration(run, results, model, self.clock())
                collection = uow.collections.by_id(run.collection_id)
                if collection is not None:
                    uow.collections.answer_by(collection.id, replace(collection.answering, calibration=calibration))
                found = {**found, "threshold": calibration.threshold}
            uow.evaluations.close(run.id, found)
        return run, found


def _is_for(principal: Principal, run: Evaluation) -> bool:
    return run.asker["user"] in (principal.user_id, _NIGHTLY)


def _settings(collection: Collection, revision: int, bound: Bound | None) -> dict[str, str]:
    generation, calibration = collection.active_generation, collection.answering.calibration
    return {
        "generation_id": generation.id,
        "embedding_model": generation.embedding_model,
        "chunker": generation.chunker,
        "revision": str(revision),
        **({"threshold": str(calibration.threshold)} if calibration else {}),
        **({_RISK: str(bound.risk), _CERTAINTY: str(bound.certainty)} if bound else {}),
    }


def _calibration(run: Evaluation, results: Sequence[Measures], model: str, at: datetime) -> Calibration:
    risk, certainty = float(run.settings[_RISK]), float(run.settings[_CERTAINTY])
    fitted = fit([Tried(each["confidence"], each["wrong"] > 0) for each in results], risk, certainty)
    return Calibration(
        threshold=fitted.threshold,
        risk=risk,
        certainty=certainty,
        generation_id=run.settings["generation_id"],
        model=model,
        questions=len(results),
        answered=fitted.answered,
        wrong=fitted.wrong,
        at=at,
    )


def _batch_size(run: Evaluation) -> int:
    return max(_BATCH, -(-len(run.questions) // _MOST_BATCHES))
