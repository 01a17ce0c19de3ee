"""How many questions are answered at once: who comes when all places are taken is told so at once, and when to come again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing

from app.observability.metrics import ASKED
from app.services.ask import Answerer, AnswerEvent, Question
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from pipelines.domain.errors import ModelBusy

_SMOOTHING = 0.2  # the weight of the newest answer in what an answer takes
_LONGEST_S = 60
_KEPT_FREE = 8  # one place in so many is for who has none yet


class AdmittedAsk:
    """An Answerer with so many `places`. Raises ModelBusy before anything is done for a question that finds none.

    The last of them are for who has none: nobody's many questions shut others out. The places are those at the model and
    those in its line (app/services/chat/queue.py): who is let in is answered.
    """

    def __init__(self, ask: Answerer, *, places: int, at_once: int) -> None:
        self._ask = ask
        self._places = places
        self._at_once = at_once
        self._taken: Counter[str] = Counter()  # by principal
        self._takes_s = 1.0  # an answer, lately

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        whose = principal.who
        most = self._places - (self._places // _KEPT_FREE if self._taken[whose] else 0)
        if self._taken.total() >= most:
            ASKED.labels("refused").inc()
            raise ModelBusy(retry_after_s=self._retry_after_s)
        self._taken[whose] += 1
        began, outcome = time.perf_counter(), "left"
        try:
            async with aclosing(self._ask.stream(principal, question)) as events:
                async for event in events:
                    if isinstance(event, Answer):
                        outcome = _outcome(event)
                        self._takes_s += _SMOOTHING * (time.perf_counter() - began - self._takes_s)
                    yield event
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._taken[whose] -= 1
            self._taken += Counter()  # without those who have none
            ASKED.labels(outcome).inc()

    @property
    def _retry_after_s(self) -> float:
        """Until one in line has come to the model, as things go."""
        return min(_LONGEST_S, max(1.0, self._takes_s / self._at_once))


def _outcome(answer: Answer) -> str:
    return "degraded" if answer.degraded else "abstained" if answer.abstained else "answered"
