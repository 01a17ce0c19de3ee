"""From one build of a collection to the next, while the old one answers (blue/green)."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any, Protocol

import inngest

from workflows.events import FUNCTION_CANCELLED, FUNCTION_FAILED, ReindexRequested, ended, original_of
from workflows.steps import JobRecord, RecordedSteps, Retries, StepOutput, close_unsuccessful


class Reindexing(Protocol):
    """What the steps do. Each may run twice: a version that is complete in the new generation is not built again."""

    async def plan(self, request: ReindexRequested) -> StepOutput: ...  # {"page_size", "redaction": or "", ...}
    async def forget(self, request: ReindexRequested) -> StepOutput: ...  # of how documents were read before
    async def build(self, request: ReindexRequested, page_size: int) -> StepOutput: ...  # {"left", ...}
    async def refuse(self, request: ReindexRequested, why: str) -> StepOutput: ...  # drops the build; raises
    async def flip(self, request: ReindexRequested) -> StepOutput: ...  # {"flipped": 0} while a version is missing
    async def drop_old(self, request: ReindexRequested) -> StepOutput: ...


class Gate(Protocol):
    async def evaluate(self, request: ReindexRequested) -> StepOutput: ...  # {"refused": why, or ""}


def functions(
    client: inngest.Inngest, reindexing: Reindexing, gate: Gate, record: JobRecord, retries: Retries
) -> list[inngest.Function[Any]]:
    """`reindex-collection` and `close-reindex`."""

    @client.create_function(
        fn_id="reindex-collection",
        name="Reindex collection",
        trigger=inngest.TriggerEvent(event=ReindexRequested.name),
        retries=retries.times,
        concurrency=[inngest.Concurrency(limit=1)],  # it may take hours, and uploads need the model too
    )
    async def reindex_collection(ctx: inngest.Context) -> StepOutput:
        request = ReindexRequested.of(ctx.event)
        steps = RecordedSteps(ctx, record, request.job_id, retries)
        plan = await steps.run("plan-generation", partial(reindexing.plan, request))
        build = partial(reindexing.build, request, int(plan["page_size"]))
        reads_again = bool(plan["redaction"])  # by the policy of now, whatever it costs: nothing is compared
        if reads_again:
            await steps.run("forget-before", partial(reindexing.forget, request))
        pages, flips = count(), count()
        refused = "" if reads_again else None
        while True:  # each round catches up with what changed during the one before
            while (await steps.run(f"build-page-{next(pages)}", build))["left"]:
                pass
            if refused is None:
                refused = str((await steps.run("evaluate-builds", partial(gate.evaluate, request)))["refused"])
            if refused:
                await steps.run("refuse-build", partial(reindexing.refuse, request, refused))
            if (await steps.run(f"flip-{next(flips)}", partial(reindexing.flip, request)))["flipped"]:
                break
        await steps.run("drop-old", partial(reindexing.drop_old, request))
        if reads_again:  # what was under way at the first time
            await steps.run("forget-after", partial(reindexing.forget, request))
        await steps.close()
        return {"generation_id": request.generation_id}

    @client.create_function(
        fn_id="close-reindex",
        name="Close the job of a reindex that did not succeed",
        trigger=[ended(FUNCTION_FAILED, reindex_collection), ended(FUNCTION_CANCELLED, reindex_collection)],
        retries=retries.times,
    )
    async def close_reindex(ctx: inngest.Context) -> None:
        """What was built stays, for a retry; a request for another generation removes it."""
        request = original_of(ctx, ReindexRequested)
        await close_unsuccessful(ctx, record, request.job_id)

    return [reindex_collection, close_reindex]
