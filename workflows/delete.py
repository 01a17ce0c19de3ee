"""From a document that is invisible already to the proof that nothing is left of it."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import inngest

from workflows.events import FUNCTION_FAILED, DocumentDeleted, ended, original_of
from workflows.steps import JobRecord, RecordedSteps, Retries, StepOutput, close_unsuccessful


class Deletion(Protocol):
    """What the steps do. Each may run twice: removing what is gone is no error."""

    async def purge_index(self, deleted: DocumentDeleted) -> StepOutput: ...
    async def purge_files(self, deleted: DocumentDeleted) -> StepOutput: ...
    async def invalidate_caches(self, deleted: DocumentDeleted) -> StepOutput: ...
    async def purge_catalog(self, deleted: DocumentDeleted) -> StepOutput: ...
    async def verify(self, deleted: DocumentDeleted) -> StepOutput: ...  # retriable error while anything is left


class Erasure(Protocol):
    """The proof: what only the document holds is chosen before it goes, and looked for afterwards."""

    async def plan(self, deleted: DocumentDeleted) -> StepOutput: ...
    async def search(self, deleted: DocumentDeleted) -> StepOutput: ...  # retriable error where something is found
    async def certify(self, deleted: DocumentDeleted) -> StepOutput: ...  # signs the receipt


def functions(
    client: inngest.Inngest, deletion: Deletion, erasure: Erasure, record: JobRecord, retries: Retries
) -> list[inngest.Function[Any]]:
    """`delete-document` and `close-delete`."""

    @client.create_function(
        fn_id="delete-document",
        name="Delete document",
        trigger=inngest.TriggerEvent(event=DocumentDeleted.name),
        retries=retries.times,
    )
    async def delete_document(ctx: inngest.Context) -> StepOutput:
        deleted = DocumentDeleted.of(ctx.event)
        steps = RecordedSteps(ctx, record, deleted.job_id, retries)
        await steps.run("invalidate-caches", partial(deletion.invalidate_caches, deleted))
        await steps.run("plan-erasure", partial(erasure.plan, deleted))
        await steps.run("purge-index", partial(deletion.purge_index, deleted))
        await steps.run("purge-files", partial(deletion.purge_files, deleted))
        await steps.run("verify-purge", partial(deletion.verify, deleted))
        await steps.run("purge-catalog", partial(deletion.purge_catalog, deleted))
        await steps.run("search-remains", partial(erasure.search, deleted))
        await steps.run("sign-receipt", partial(erasure.certify, deleted))
        await steps.close()
        return {"document_id": deleted.document_id}

    @client.create_function(
        fn_id="close-delete",
        name="Close the job of a deletion that did not succeed",
        trigger=ended(FUNCTION_FAILED, delete_document),
        retries=retries.times,
    )
    async def close_delete(ctx: inngest.Context) -> None:
        deleted = original_of(ctx, DocumentDeleted)
        await close_unsuccessful(ctx, record, deleted.job_id)

    return [delete_document, close_delete]
