"""From a place (folder, bucket, wiki) to documents that are like it: new files come in, changed ones replace, removed ones go."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

import inngest

from workflows.events import FUNCTION_CANCELLED, FUNCTION_FAILED, SourceSyncRequested, ended, original_of
from workflows.steps import JobRecord, RecordedSteps, Retries, StepOutput, close_unsuccessful


class Sync(Protocol):
    """What the steps do. Each may run twice: a file that is in the catalog as it is in the source is left alone."""

    async def list_files(self, request: SourceSyncRequested) -> StepOutput: ...  # {"take_batches", "gone_batches", ...}
    async def share(self, request: SourceSyncRequested, batch: int) -> StepOutput: ...
    async def fetch(self, request: SourceSyncRequested, batch: int) -> StepOutput: ...
    async def remove(self, request: SourceSyncRequested, batch: int) -> StepOutput: ...
    async def finish(self, request: SourceSyncRequested, outputs: Sequence[StepOutput]) -> StepOutput: ...


class Schedule(Protocol):
    async def start_due(self) -> StepOutput: ...  # sources whose time has come


def functions(
    client: inngest.Inngest, sync: Sync, schedule: Schedule, record: JobRecord, retries: Retries
) -> list[inngest.Function[Any]]:
    """`sync-source`, `close-sync` and `sync-sources`."""

    @client.create_function(
        fn_id="sync-source",
        name="Sync a source",
        trigger=inngest.TriggerEvent(event=SourceSyncRequested.name),
        retries=retries.times,
        # One pass at a time; a second one waits rather than being dropped, since a job waits for it.
        concurrency=[inngest.Concurrency(limit=1, key="event.data.source_id"), inngest.Concurrency(limit=2)],
    )
    async def sync_source(ctx: inngest.Context) -> None:
        request = SourceSyncRequested.of(ctx.event)
        steps = RecordedSteps(ctx, record, request.job_id, retries)
        plan = await steps.run("list-files", partial(sync.list_files, request))
        outputs = [plan]
        for batch in range(int(plan.get("share_batches", 0))):  # who may not read a file any more, before all else
            outputs.append(await steps.run(f"share-batch-{batch}", partial(sync.share, request, batch)))
        for batch in range(int(plan["take_batches"])):  # before what is gone: a file that moved is in both
            outputs.append(await steps.run(f"fetch-batch-{batch}", partial(sync.fetch, request, batch)))
        for batch in range(int(plan["gone_batches"])):
            outputs.append(await steps.run(f"remove-batch-{batch}", partial(sync.remove, request, batch)))
        await steps.run("finish-pass", partial(sync.finish, request, outputs))
        await steps.close()

    @client.create_function(
        fn_id="close-sync",
        name="Close the job of a sync that did not succeed",
        trigger=[ended(FUNCTION_FAILED, sync_source), ended(FUNCTION_CANCELLED, sync_source)],
        retries=retries.times,
    )
    async def close_sync(ctx: inngest.Context) -> None:
        request = original_of(ctx, SourceSyncRequested)
        await close_unsuccessful(ctx, record, request.job_id)

    @client.create_function(
        fn_id="sync-sources",
        name="Start the syncs that are due",
        trigger=inngest.TriggerCron(cron="* * * * *"),
        retries=0,  # the next minute is the retry
    )
    async def sync_sources(ctx: inngest.Context) -> StepOutput:
        return await ctx.step.run("start", schedule.start_due)

    return [sync_source, close_sync, sync_sources]
