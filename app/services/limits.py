"""How much a key and a tenant may ask for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from app.services.ask import Answerer, AnswerEvent, Question
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from pipelines.domain.errors import RateLimited
from pipelines.domain.limits import Policy, Standing
from pipelines.limit_ports import Charge, Meters
from pipelines.ports import TokenCounter

MINUTE_S, DAY_S = 60, 86_400
_GIVEN_AGAIN = ("exact", "semantic")


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one kind of thing: units in a window, for a key and for a tenant; None: as many as they like."""

    name: str
    window_s: int
    key: int | None = None
    tenant: int | None = None

    def of(self, principal: Principal) -> list[tuple[Policy, str]]:
        """Each policy that this principal is held to, and its meter."""
        whose = {"key": (self.key, principal.key_id or principal.who), "tenant": (self.tenant, principal.tenant_id)}
        return [
            (Policy(f"{scope}-{self.name}", quota, self.window_s), f"{scope}-{self.name}:{id_}")
            for scope, (quota, id_) in whose.items()
            if quota is not None
        ]


class Limits:
    """Raises RateLimited, which says when to come again. Without any policy nothing is counted."""

    def __init__(self, meters: Meters, requests: Rates, questions: Rates, tokens: Rates) -> None:
        self._meters = meters
        self._requests = requests
        self._questions = questions
        self._tokens = tokens

    def hold_to(self, requests: Rates, questions: Rates, tokens: Rates) -> None:
        """From now on; what was used counts on."""
        self._requests, self._questions, self._tokens = requests, questions, tokens

    async def request(self, principal: Principal) -> tuple[Standing, ...]:
        return await self._take(self._requests.of(principal))

    async def question(self, principal: Principal) -> tuple[Standing, ...]:
        return await self._take([*self._questions.of(principal), *self._tokens.of(principal)])

    async def tokens(self, principal: Principal, count: int) -> None:
        """That an answer took: it is there, so they are charged anyway, and the next question waits until they are back."""
        if charged := self._tokens.of(principal):
            await self._meters.take([_charge(policy, meter, count) for policy, meter in charged], anyway=True)

    def counts_tokens(self, principal: Principal) -> bool:
        return bool(self._tokens.of(principal))

    async def _take(self, held_to: Iterable[tuple[Policy, str]]) -> tuple[Standing, ...]:
        policies = list(held_to)
        if not policies:
            return ()
        charges = [_charge(policy, meter) for policy, meter in policies]
        taken = await self._meters.take(charges)
        standings = tuple(
            Standing(policy, max(0, math.floor((policy.window_s - used) / policy.unit_s + 1e-6)), used)
            for (policy, _), used in zip(policies, taken.used_s, strict=True)
        )
        if not taken.accepted:
            waits = [used + charge.cost_s - charge.most_s for used, charge in zip(taken.used_s, charges, strict=True)]
            full = policies[waits.index(max(waits))][0]
            raise RateLimited(full, max(waits), standings)
        return standings


def _charge(policy: Policy, meter: str, units: int = 1) -> Charge:
    return Charge(meter, units * policy.unit_s, policy.window_s)


class MeteredAsk:
    """An Answerer whose questions are charged, and the tokens of question and answer where an answer is made for them."""

    def __init__(self, ask: Answerer, limits: Limits, count_tokens: TokenCounter) -> None:
        self._ask = ask
        self._limits = limits
        self._count_tokens = count_tokens

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """Raises RateLimited before anything is done."""
        await self._limits.question(principal)
        async with aclosing(self._ask.stream(principal, question)) as events:
            async for event in events:
                if isinstance(event, Answer) and event.cache not in _GIVEN_AGAIN:
                    await self._charge(principal, question, event)
                yield event

    async def _charge(self, principal: Principal, question: Question, answer: Answer) -> None:
        if self._limits.counts_tokens(principal):
            counted = await asyncio.to_thread(self._count_tokens, [question.text, answer.text])
            await self._limits.tokens(principal, sum(counted))
