"""An HTTP interface that speaks JSON, asked with an account of the operator's and reaching that host alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.adapters.guarded_http import INTERNAL, Answer, GuardedHttp, Reach, hosts_of
from pipelines.domain.intake_errors import FileBlocked, FileUnavailable, SourceMissing, SourceUnavailable

_MOST_BYTES = 64 * 1024 * 1024
_LONGEST_S = 540  # of a look at a source


class JsonApi:
    """Below `url`; the operator wrote that, so it may be in the organisation's own networks. Blocks: call it from a thread.

    `secret` gives the headers that open it. `hosts` are others that it may send us to, without them.
    """

    def __init__(
        self,
        url: str,
        secret: Callable[[], Mapping[str, str]],
        *,
        requests_per_s: float,
        hosts: frozenset[str] = frozenset(),
    ) -> None:
        self.url = url
        self._secret = secret
        self._http = GuardedHttp(
            Reach(hosts_of([urlsplit(url).netloc]) | hosts, INTERNAL), requests_per_s=requests_per_s
        )

    def get(
        self,
        path: str,
        query: Mapping[str, object] | None = None,
        deadline: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What the answer holds. Raises FileNotFoundError, and what `ask` does."""
        url = f"{path}?{urlencode(query)}" if query else path
        with self.ask(url, deadline, {"Accept": "application/json", **(headers or {})}) as answer:
            return _parsed(answer)

    def post(self, url: str, form: Mapping[str, str]) -> Any:
        """A form, to an address of `hosts`, without the headers that open this. Raises what `ask` does."""
        with self._http.request(
            url, {"Content-Type": "application/x-www-form-urlencoded"}, body=urlencode(form).encode()
        ) as answer:
            _check(answer)
            return _parsed(answer)

    def send(self, path: str, content: object, deadline: float | None = None) -> Any:
        """JSON, to a path below `url`. Raises what `ask` does."""
        with self.ask(path, deadline, {"Content-Type": "application/json"}, json.dumps(content).encode()) as answer:
            return _parsed(answer)

    @contextmanager
    def ask(
        self,
        path: str,
        deadline: float | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Iterator[Answer]:
        """`path` below `url`, or a whole address that begins with that. Raises FileNotFoundError (404, 410), SourceMissing where
        the account may not, FileUnavailable, FileBlocked, SourceUnavailable.
        """
        below = path.startswith(f"{self.url}/")
        if not below and not path.startswith("/"):
            raise FileBlocked("It leads to a host that the operator does not name.")
        url = path if below else self.url + path
        until = time.monotonic() + _LONGEST_S if deadline is None else deadline
        with self._http.request(url, headers, secret=self._secret(), body=body, deadline=until) as answer:
            _check(answer)
            yield answer


def deadline() -> float:
    """Of a look that begins now."""
    return time.monotonic() + _LONGEST_S


def _check(answer: Answer) -> None:
    if answer.status in (404, 410):
        raise FileNotFoundError(answer.url)
    if answer.status in (401, 403):
        raise SourceMissing("It is not there, or the connection's account may not read it.")
    if answer.status >= 500:
        raise SourceUnavailable(f"It answers {answer.status}.")
    if answer.status != 200:
        raise FileUnavailable(f"It answers {answer.status}.")


def _parsed(answer: Answer) -> Any:
    try:
        return json.loads(answer.read(_MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise SourceUnavailable("What it answers is no JSON.") from error
