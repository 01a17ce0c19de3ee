"""From a document that is invisible already to one of which nothing is left."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import inngest

from workflows.events import FUNCTION_FAILED, DocumentDeleted, ended, original_of
from workflows.steps import JobRecord, RecordedSteps, StepOutput


class Deletion(Protocol):
    """What the steps do. Each may run twice: removing what is gone is no error."""

    async def purge_index(self, deleted: DocumentDeleted) -> StepOutput: ...
    async def purge_files(self, deleted: DocumentDeleted) -> StepOutput: ...
    async def invalidate_caches(self, deleted: DocumentDeleted) -> StepOutput: ...
    async def purge_catalog(self, deleted: DocumentDeleted) -> StepOutput: ...
    async def verify(self, deleted: DocumentDeleted) -> StepOutput: ...  # retriable error while anything is left


def functions(
    client: inngest.Inngest, deletion: Deletion, record: JobRecord, retries: int
) -> list[inngest.Function[Any]]:
    """`delete-document` and `close-delete`."""

    @client.create_function(
        fn_id="delete-document",
        name="Delete document",
        trigger=inngest.TriggerEvent(event=DocumentDeleted.name),
        retries=retries,
    )
    async def delete_document(ctx: inngest.Context) -> StepOutput:
        deleted = DocumentDeleted.of(ctx.event)
        steps = RecordedSteps(ctx, record, deleted.job_id)
        await steps.run("invalidate-caches", partial(deletion.invalidate_caches, deleted))
        await steps.run("purge-index", partial(deletion.purge_index, deleted))
        await steps.run("purge-files", partial(deletion.purge_files, deleted))
        await steps.run("verify-purge", partial(deletion.verify, deleted))
        await steps.run("purge-catalog", partial(deletion.purge_catalog, deleted))
        await ctx.step.run("close-job", partial(record.succeeded, deleted.job_id))
        return {"document_id": deleted.document_id}

    @client.create_function(
        fn_id="close-delete",
        name="Close the job of a deletion that did not succeed",
        trigger=ended(FUNCTION_FAILED, delete_document),
        retries=retries,
    )
    async def close_delete(ctx: inngest.Context) -> None:
        deleted = original_of(ctx, DocumentDeleted)

        async def close_job() -> str:
            return (await record.failed(deleted.job_id)).code

        await ctx.step.run("close-failed-job", close_job)

    return [delete_document, close_delete]
