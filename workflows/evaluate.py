"""Golden questions asked of a collection, some at a time, and scored; nightly where that is wanted."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import inngest

from workflows.events import FUNCTION_CANCELLED, FUNCTION_FAILED, EvaluationRequested, ended, original_of
from workflows.steps import JobRecord, RecordedSteps, Retries, StepOutput, close_unsuccessful


class Evaluating(Protocol):
    """What the steps do. Each may run twice: a result replaces the one of before."""

    async def plan(self, request: EvaluationRequested) -> StepOutput: ...  # {"batches", ...}
    async def ask(self, request: EvaluationRequested, batch: int) -> StepOutput: ...
    async def score(self, request: EvaluationRequested) -> StepOutput: ...


class Nightly(Protocol):
    async def request_all(self, night: str) -> StepOutput: ...  # one run a night for each collection with a golden set


def functions(
    client: inngest.Inngest, evaluating: Evaluating, nightly: Nightly | None, record: JobRecord, retries: Retries
) -> list[inngest.Function[Any]]:
    """`evaluate-collection`, `close-evaluation`, and with `nightly` `evaluate-nightly`."""

    @client.create_function(
        fn_id="evaluate-collection",
        name="Evaluate collection",
        trigger=inngest.TriggerEvent(event=EvaluationRequested.name),
        retries=retries.times,
        concurrency=[inngest.Concurrency(limit=1)],  # people's questions need the model too
    )
    async def evaluate_collection(ctx: inngest.Context) -> StepOutput:
        request = EvaluationRequested.of(ctx.event)
        steps = RecordedSteps(ctx, record, request.job_id, retries)
        plan = await steps.run("plan-questions", partial(evaluating.plan, request))
        for batch in range(int(plan["batches"])):
            await steps.run(f"ask-batch-{batch}", partial(evaluating.ask, request, batch))
        await steps.run("score-answers", partial(evaluating.score, request))
        await steps.close()
        return {"evaluation_id": request.evaluation_id}

    @client.create_function(
        fn_id="close-evaluation",
        name="Close the job of an evaluation that did not succeed",
        trigger=[ended(FUNCTION_FAILED, evaluate_collection), ended(FUNCTION_CANCELLED, evaluate_collection)],
        retries=retries.times,
    )
    async def close_evaluation(ctx: inngest.Context) -> None:
        request = original_of(ctx, EvaluationRequested)
        await close_unsuccessful(ctx, record, request.job_id)

    if nightly is None:
        return [evaluate_collection, close_evaluation]

    @client.create_function(
        fn_id="evaluate-nightly",
        name="Evaluate collections that have a golden set",
        trigger=inngest.TriggerCron(cron="0 2 * * *"),
        retries=retries.times,
    )
    async def evaluate_nightly(ctx: inngest.Context) -> StepOutput:
        return await ctx.step.run("request-runs", partial(nightly.request_all, ctx.run_id))

    return [evaluate_collection, close_evaluation, evaluate_nightly]
