"""From an archive to a document for each of its files."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import inngest

from workflows.events import FUNCTION_CANCELLED, FUNCTION_FAILED, BundleUploaded, ended, original_of
from workflows.steps import JobRecord, RecordedSteps, Retries, StepOutput, close_unsuccessful


class Unpacking(Protocol):
    """What the steps do. Each may run twice: a file that is through is not taken again."""

    async def open(self, uploaded: BundleUploaded) -> StepOutput: ...  # {"files", "batches"}
    async def take(self, uploaded: BundleUploaded, batch: int) -> StepOutput: ...
    async def finish(self, uploaded: BundleUploaded) -> StepOutput: ...  # removes the archive


def functions(
    client: inngest.Inngest, unpacking: Unpacking, record: JobRecord, retries: Retries
) -> list[inngest.Function[Any]]:
    """`unpack-bundle` and `close-unpack`."""

    @client.create_function(
        fn_id="unpack-bundle",
        name="Unpack a bundle",
        trigger=inngest.TriggerEvent(event=BundleUploaded.name),
        retries=retries.times,
        concurrency=[inngest.Concurrency(limit=1, key="event.data.tenant_id"), inngest.Concurrency(limit=2)],
    )
    async def unpack_bundle(ctx: inngest.Context) -> StepOutput:
        uploaded = BundleUploaded.of(ctx.event)
        steps = RecordedSteps(ctx, record, uploaded.job_id, retries)
        found = await steps.run("open-bundle", partial(unpacking.open, uploaded))
        for batch in range(int(found["batches"])):
            await steps.run(f"take-batch-{batch}", partial(unpacking.take, uploaded, batch))
        taken = await steps.run("remove-bundle", partial(unpacking.finish, uploaded))
        await steps.close()
        return taken

    @client.create_function(
        fn_id="close-unpack",
        name="Close the job of a bundle that could not be unpacked",
        trigger=[ended(FUNCTION_FAILED, unpack_bundle), ended(FUNCTION_CANCELLED, unpack_bundle)],
        retries=retries.times,
    )
    async def close_unpack(ctx: inngest.Context) -> None:
        """The bundle stays for a retry, until the history of its job is forgotten."""
        uploaded = original_of(ctx, BundleUploaded)
        await close_unsuccessful(ctx, record, uploaded.job_id)

    return [unpack_bundle, close_unpack]
