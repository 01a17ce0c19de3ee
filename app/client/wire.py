"""What both clients know of HTTP: which answers are problems, when to try again, how events are read."""

from __future__ import annotations

import json
import random
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import httpx

from app.client.calls import Call
from app.client.errors import ClientError, NoCredentials, Problem, Unreachable

T = TypeVar("T")

TIMEOUT = httpx.Timeout(30, read=600)
_REFUSED = 429
_AWAY = (502, 503, 504)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often something is tried, and how long the pauses between may be (seconds). A server that asks for more is obeyed
    by giving up: `Problem.retry_after_s` says when to come again."""

    attempts: int = 3
    first_s: float = 0.2
    longest_s: float = 20.0

    def pause(self, attempt: int, call: Call[Any], error: ClientError) -> float | None:
        """Before the next attempt after this one (from 1), which ended in `error`; None: there is none."""
        if attempt >= self.attempts or not _worth_it(call, error):
            return None
        asked = error.retry_after_s if isinstance(error, Problem) else None
        if asked is not None:
            return asked if asked <= self.longest_s else None
        most: float = min(self.longest_s, self.first_s * 2 ** (attempt - 1))
        return most * random.uniform(0.5, 1)  # noqa: S311 - so that clients do not come back all at once


def _worth_it(call: Call[Any], error: ClientError) -> bool:
    if isinstance(error, Problem):
        return error.status == _REFUSED or (error.status in _AWAY and call.may_repeat)
    return isinstance(error, Unreachable) and (call.may_repeat or isinstance(error.__cause__, _NEVER_SENT))


def options(address: str, key: str | None) -> dict[str, Any]:
    """Of an httpx client. Certificates are those the system trusts; no proxy of the environment is used."""
    if key is not None and not (key.isascii() and key.isprintable()):
        raise NoCredentials("The API key has characters that no key has.")
    found: dict[str, Any] = {
        "base_url": address,
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "timeout": TIMEOUT,
        "trust_env": False,
    }
    return found | ({"verify": ssl.create_default_context()} if address.startswith("https:") else {})


def result(call: Call[T], response: httpx.Response) -> T:
    """Raises Problem."""
    if not response.is_success:
        raise problem(response)
    try:
        return call.read(response.content)
    except ValueError as error:
        detail = f"{response.url.host} did not answer as a Cairn server does."
        raise Problem(response.status_code, "not_a_cairn_server", detail) from error


def problem(response: httpx.Response) -> Problem:
    try:
        body = response.json()
    except ValueError:
        body = {}
    asked = response.headers.get("Retry-After", "")
    return _problem(body, response.status_code, response.reason_phrase, float(asked) if asked.isdecimal() else None)


def _problem(body: object, status: int, phrase: str, retry_after_s: float | None = None) -> Problem:
    told = body if isinstance(body, dict) else {}
    code, detail = str(told.get("code", f"http_{status}")), str(told.get("detail", phrase))
    errors = told.get("errors", [])
    return Problem(status, code, detail, errors=errors if isinstance(errors, list) else [], retry_after_s=retry_after_s)


def unreachable(address: str, error: Exception) -> Unreachable:
    found = Unreachable(address, type(error).__name__)
    found.__cause__ = error
    return found


class Event(NamedTuple):
    """A server-sent event; its data is a JSON object."""

    name: str
    data: dict[str, Any]
    id: str = ""


class Decoder:
    """Server-sent events (WHATWG HTML, 9.2) out of lines. An event named `error` is raised as a Problem."""

    def __init__(self) -> None:
        self.last_id = ""
        self._name, self._data = "message", list[str]()

    def events(self, line: str) -> Iterator[Event]:
        """The event that this line completes, if it does."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self.last_id = value
        elif not line and self._data:
            event = Event(self._name, json.loads("\n".join(self._data)), self.last_id)
            self._name, self._data = "message", []
            if event.name == "error":
                raise _problem(event.data, int(event.data.get("status", 500)), "")
            yield event
