"""Work by the clock. Every function may run twice, or not at all for a while."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, Protocol

import inngest

from workflows.events import FUNCTION_FAILED, ReconcileRequested, ended, original_of
from workflows.steps import JobRecord, RecordedSteps, Retries, StepOutput, close_unsuccessful

Run = Callable[[str, Callable[[], Awaitable[StepOutput]]], Awaitable[StepOutput]]
"""A durable step: its id, and its work."""

_MAX_STEPS = 400  # a run has 1,000 at most


class Outbox(Protocol):
    async def sweep(self) -> StepOutput: ...  # sends what was committed and not yet accepted by the engine


class Indexes(Protocol):
    """Finds and mends what is not as the catalog says; of one tenant, or (None) of all."""

    async def count(self, tenant_id: str | None) -> int: ...  # collections
    async def reconcile(self, tenant_id: str | None, after: str, limit: int) -> StepOutput: ...  # {"last", ...}


class Files(Protocol):
    async def reconcile(self) -> StepOutput: ...


class Jobs(Protocol):
    async def send_again(self) -> StepOutput: ...  # what the engine took and did not begin
    async def reconcile(self, tenant_id: str | None) -> StepOutput: ...  # starts what nobody works on again


class Garbage(Protocol):
    async def collect(self) -> StepOutput: ...  # what is over and of no use to anybody


class Retention(Protocol):
    async def apply_batch(self) -> int: ...  # deletes documents that were kept long enough; 0 when there are none


@dataclass(frozen=True, slots=True)
class Upkeep:
    outbox: Outbox
    indexes: Indexes
    files: Files
    jobs: Jobs
    garbage: Garbage
    retention: Retention


def functions(
    client: inngest.Inngest, upkeep: Upkeep, record: JobRecord, retries: Retries
) -> list[inngest.Function[Any]]:
    """`sweep-outbox`, `reconcile`, `reconcile-tenant`, `close-reconcile`, `collect-garbage`, `apply-retention`."""

    @client.create_function(
        fn_id="sweep-outbox",
        name="Send events that are waiting",
        trigger=inngest.TriggerCron(cron="* * * * *"),
        retries=0,  # the next minute is the retry
    )
    async def sweep_outbox(ctx: inngest.Context) -> None:
        await ctx.step.run("send", upkeep.outbox.sweep)
        await ctx.step.run("send-again", upkeep.jobs.send_again)

    async def mend(run: Run, tenant_id: str | None) -> None:
        async def plan() -> StepOutput:
            collections = await upkeep.indexes.count(tenant_id)
            return {"collections": collections, "page_size": max(1, -(-collections // _MAX_STEPS))}

        page_size = int((await run("plan", plan))["page_size"])
        after, pages = "", count()
        while True:
            page = partial(upkeep.indexes.reconcile, tenant_id, after, page_size)
            after = str((await run(f"reconcile-indexes-{next(pages)}", page))["last"])
            if not after:
                break
        await run("reconcile-files", upkeep.files.reconcile)
        await run("restart-jobs", partial(upkeep.jobs.reconcile, tenant_id))

    @client.create_function(
        fn_id="reconcile",
        name="Reconcile catalog, indexes and files",
        trigger=inngest.TriggerCron(cron="0 3 * * *"),
        retries=retries.times,
        concurrency=[inngest.Concurrency(limit=1)],
    )
    async def reconcile(ctx: inngest.Context) -> None:
        async def run(step_id: str, work: Callable[[], Awaitable[StepOutput]]) -> StepOutput:
            return await ctx.step.run(step_id, work)

        await mend(run, None)

    @client.create_function(
        fn_id="reconcile-tenant",
        name="Reconcile a tenant's catalog, indexes and files",
        trigger=inngest.TriggerEvent(event=ReconcileRequested.name),
        retries=retries.times,
        concurrency=[inngest.Concurrency(limit=1)],
    )
    async def reconcile_tenant(ctx: inngest.Context) -> None:
        request = ReconcileRequested.of(ctx.event)
        steps = RecordedSteps(ctx, record, request.job_id, retries)
        await mend(steps.run, request.tenant_id)
        await steps.close()

    @client.create_function(
        fn_id="close-reconcile",
        name="Close the job of a reconciliation that did not succeed",
        trigger=ended(FUNCTION_FAILED, reconcile_tenant),
        retries=retries.times,
    )
    async def close_reconcile(ctx: inngest.Context) -> None:
        request = original_of(ctx, ReconcileRequested)
        await close_unsuccessful(ctx, record, request.job_id)

    @client.create_function(
        fn_id="collect-garbage",
        name="Clear what is over",
        trigger=inngest.TriggerCron(cron="30 * * * *"),
        retries=retries.times,
    )
    async def collect_garbage(ctx: inngest.Context) -> StepOutput:
        return await ctx.step.run("collect", upkeep.garbage.collect)

    @client.create_function(
        fn_id="apply-retention",
        name="Delete documents that were kept long enough",
        trigger=inngest.TriggerCron(cron="15 * * * *"),
        retries=retries.times,
        concurrency=[inngest.Concurrency(limit=1)],
    )
    async def apply_retention(ctx: inngest.Context) -> None:
        async def delete_batch() -> StepOutput:
            return {"documents": await upkeep.retention.apply_batch()}

        for batch in range(_MAX_STEPS):  # what is left then is the next hour's
            if not (await ctx.step.run(f"delete-batch-{batch}", delete_batch))["documents"]:
                break

    return [sweep_outbox, reconcile, reconcile_tenant, close_reconcile, collect_garbage, apply_retention]
