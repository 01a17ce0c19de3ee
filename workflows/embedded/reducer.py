"""From an answer to what is to be journalled. Pure: the same answer to the same call always means the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workflows.embedded.canonical import JSON, canonical, parse, size
from workflows.embedded.durations import milliseconds
from workflows.embedded.errors import ConfigRefused
from workflows.embedded.expressions import compile_expression
from workflows.embedded.protocol import Reply, error_of, timestamp_ms

Backoff = Callable[[int], float]  # number of the retry, from 1 -> seconds
DEFAULT_INVOKE_TIMEOUT_MS = 365 * 86_400_000


@dataclass(frozen=True)
class Limits:
    """Bytes and counts of the Inngest server (self-hosted defaults). `interruptions`: how often a call may be cut off by
    the death of the process, over and above its retries, before it fails."""

    step_output_bytes: int = 4 << 20
    state_bytes: int = 32 << 20
    request_bytes: int = 4 << 20  # above it the app fetches the state
    event_bytes: int = 512 << 10
    steps: int = 1_000
    interruptions: int = 0


@dataclass(frozen=True)
class Called:
    """The call that was answered."""

    step_id: str
    attempt: int
    max_attempts: int

    @property
    def is_last(self) -> bool:
        return self.attempt + 1 >= self.max_attempts


@dataclass(frozen=True)
class StepRef:
    id: str
    name: str
    op: str
    race: bool


@dataclass(frozen=True)
class Memo:
    """A step is over."""

    step: StepRef
    memo: str
    failed: bool


@dataclass(frozen=True)
class Plan:
    """A step to be called for."""

    step: StepRef


@dataclass(frozen=True)
class Sleep:
    step: StepRef
    until_ms: int


@dataclass(frozen=True)
class Wait:
    step: StepRef
    event: str
    expression: str | None
    until_ms: int


@dataclass(frozen=True)
class Invoke:
    step: StepRef
    function_id: str
    data: JSON
    v: str | None
    until_ms: int


@dataclass(frozen=True)
class Failing:
    """A step failed and will be tried again."""

    step: StepRef
    error: str


@dataclass(frozen=True)
class Retry:
    delay_ms: int
    error: str


@dataclass(frozen=True)
class Finish:
    status: str  # COMPLETED | FAILED
    output: str


Op = Memo | Plan | Sleep | Wait | Invoke | Failing


@dataclass(frozen=True)
class Outcome:
    """All that one answer changes; journalled as one transaction."""

    ops: tuple[Op, ...] = ()
    retry: Retry | None = None
    finish: Finish | None = None


def reduce(called: Called, reply: Reply, *, now_ms: int, backoff: Backoff, limits: Limits) -> Outcome:
    """What an answer means for the run."""
    try:
        if reply.status == 200:
            return Outcome(finish=_completed(canonical(parse(reply.body)), limits))
        if reply.status == 206:
            return _reported(called, parse(reply.body), reply, now_ms, backoff, limits)
    except ConfigRefused as error:  # will be refused again
        return Outcome(finish=Finish("FAILED", canonical({"name": "Refused", "message": str(error)})))
    except (ValueError, KeyError, TypeError) as error:
        reply = Reply(500, canonical({"name": "InvalidReply", "message": f"not understood: {error}"}).encode())
    return _failed(called, error_of(reply.body, reply.status), reply, now_ms, backoff)


def _completed(output: str, limits: Limits) -> Finish:
    if size(output) > limits.step_output_bytes:
        return _too_large("the function's output", output, limits.step_output_bytes)
    return Finish("COMPLETED", output)


def _too_large(what: str, value: str, most: int) -> Finish:
    message = f"{what} has {size(value)} bytes; the most is {most}"
    return Finish("FAILED", canonical({"name": "TooLarge", "message": message}))


def _failed(called: Called, error: JSON, reply: Reply, now_ms: int, backoff: Backoff) -> Outcome:
    text = canonical(error)
    if reply.no_retry or called.is_last:
        return Outcome(finish=Finish("FAILED", text))
    delay = reply.retry_delay_ms(now_ms)
    return Outcome(retry=Retry(_backoff_ms(called, backoff) if delay is None else delay, text))


def _backoff_ms(called: Called, backoff: Backoff) -> int:
    return int(backoff(called.attempt + 1) * 1000)


def _reported(called: Called, raw: JSON, reply: Reply, now_ms: int, backoff: Backoff, limits: Limits) -> Outcome:
    ops: list[Op] = []
    retry: Retry | None = None
    for item in map(_object, raw):
        step = _step(item)
        error = item.get("error")
        if item["op"] == "StepError" and not (reply.no_retry or called.is_last):
            retry = Retry(_backoff_ms(called, backoff), canonical(error))
            ops.append(Failing(step, canonical(error)))
            continue
        op = _op(item, step, now_ms)
        if isinstance(op, Memo) and size(op.memo) > limits.step_output_bytes:
            return Outcome(finish=_too_large(f"the output of step {step.name!r}", op.memo, limits.step_output_bytes))
        ops.append(op)
    return Outcome(tuple(ops), retry)


def _step(item: JSON) -> StepRef:
    opts = _object(item.get("opts"))
    name = item.get("displayName") or item.get("name") or item["id"]
    op = "StepRun" if item["op"] in ("StepPlanned", "StepError", "StepFailed") else str(item["op"])
    return StepRef(str(item["id"]), str(name), op, opts.get("parallelMode") == "race")


def _op(item: JSON, step: StepRef, now_ms: int) -> Op:
    opts = _object(item.get("opts"))
    match item["op"]:
        case "StepRun":
            return Memo(step, canonical({"data": item.get("data")}), failed=False)
        case "StepError" | "StepFailed":
            return Memo(step, error_memo(_object(item.get("error"))), failed=True)
        case "StepPlanned":
            return Plan(step)
        case "Sleep":
            return Sleep(step, timestamp_ms(item["name"]))
        case "WaitForEvent":
            expression = opts.get("if")
            if expression:
                compile_expression(expression)
            return Wait(step, str(item["name"]), expression, now_ms + milliseconds(opts["timeout"]))
        case "InvokeFunction":
            payload, timeout = _object(opts.get("payload")), opts.get("timeout")
            limit = milliseconds(timeout) if timeout else DEFAULT_INVOKE_TIMEOUT_MS
            return Invoke(step, str(opts["function_id"]), payload.get("data"), payload.get("v"), now_ms + limit)
    raise ConfigRefused(f"the operation {item['op']!r} is not supported")


def _object(value: JSON) -> dict[str, JSON]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("an object was expected")
    return value


def error_memo(error: JSON) -> str:
    """A failed step as the function is told of it. Any other member would make the SDK take the whole for data."""
    name, message = str(error.get("name") or "Error"), str(error.get("message") or "")
    return canonical({"error": {"name": name, "message": message, "stack": error.get("stack")}})
