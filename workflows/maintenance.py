"""Work by the clock. Every function may run twice, or not at all for a while."""

from __future__ import annotations

from typing import Any, Protocol

import inngest

from workflows.steps import StepOutput


class Outbox(Protocol):
    async def sweep(self) -> StepOutput: ...  # sends what was committed and not yet accepted by the engine


def functions(client: inngest.Inngest, outbox: Outbox) -> list[inngest.Function[Any]]:
    """`sweep-outbox`."""

    @client.create_function(
        fn_id="sweep-outbox",
        name="Send events that are waiting",
        trigger=inngest.TriggerCron(cron="* * * * *"),
        retries=0,  # the next minute is the retry
    )
    async def sweep_outbox(ctx: inngest.Context) -> StepOutput:
        return await ctx.step.run("send", outbox.sweep)

    return [sweep_outbox]
