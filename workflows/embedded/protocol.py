"""What the SDK answers to a call, and what it is asked. Shapes: https://github.com/inngest/inngest/blob/main/docs/SDK_SPEC.md"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workflows.embedded.canonical import JSON, canonical, canonical_object, parse

UNTARGETED = "step"  # the step id that means: go on with whatever comes next


@dataclass(frozen=True)
class Reply:
    """One answer to a call, or the lack of one."""

    status: int  # 0: the app could not be reached
    body: bytes
    no_retry: bool = False
    retry_after: str | None = None

    @staticmethod
    def unanswered(name: str, message: str) -> Reply:
        return Reply(0, canonical({"name": name, "message": message}).encode())

    @staticmethod
    def of(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
        """A streaming app answers 201 and keeps the real status, headers and body in the body."""
        if status == 201:
            inner = parse(body)
            status, headers, body = int(inner["status"]), inner["headers"], str(inner["body"]).encode()
        lower = {key.lower(): value for key, value in headers.items()}
        return Reply(status, body, lower.get("x-inngest-no-retry") == "true", lower.get("retry-after"))

    def retry_delay_ms(self, now_ms: int) -> int | None:
        """Milliseconds that the app asks to wait, between 1 s and 24 h."""
        if not self.retry_after:
            return None
        try:
            in_seconds = self.retry_after.isdigit()
            delay = int(self.retry_after) * 1000 if in_seconds else timestamp_ms(self.retry_after) - now_ms
        except ValueError:
            return None
        return min(max(delay, 1_000), 86_400_000)


def timestamp_ms(text: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 time; one without a zone is UTC."""
    moment = dt.datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp() * 1000)


def request_body(
    *,
    run_id: str,
    attempt: int,
    max_attempts: int,
    disable_immediate_execution: bool,
    events: Sequence[str],
    memos: Mapping[str, str],
    by_reference: bool,
) -> str:
    """The canonical body of a call, from canonical events and memos. `by_reference`: the app fetches them itself."""
    context = canonical_object(
        {
            "attempt": str(attempt),
            "disable_immediate_execution": "true" if disable_immediate_execution else "false",
            "max_attempts": str(max_attempts),
            "run_id": f'"{run_id}"',
            "stack": '{"stack":[]}',
        }
    )
    members = {
        "ctx": context,
        "event": events[0],
        "steps": "{}" if by_reference else canonical_object(memos),
        "use_api": "true" if by_reference else "false",
    }
    if not by_reference:
        members["events"] = f"[{','.join(events)}]"
    return canonical_object(members)


def error_of(body: bytes, status: int) -> dict[str, JSON]:
    """The error that an app reported: at least {name, message}."""
    try:
        error = parse(body)
    except ValueError:
        error = None
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return {"name": "Error", **error}
    return {"name": "InvalidReply", "message": f"the app answered {status} with something that is no error of the SDK"}
