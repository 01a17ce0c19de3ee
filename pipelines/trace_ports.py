"""What follows a piece of work from part to part (a part of pipelines/ports.py)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

Facts = Mapping[str, str | int | float | bool]
"""By OpenTelemetry's names where it has one, else cairn.NAME. Never text of documents or questions, nor names of people."""


class Span(Protocol):
    """A piece of work while it lasts."""

    def note(self, facts: Facts) -> None: ...
    def end(self, error: BaseException | None = None) -> None: ...  # with the error's code, never what it says


class Tracer(Protocol):
    def span(
        self, name: str, facts: Facts | None = None, *, parent: str | None = None
    ) -> AbstractContextManager[Span]: ...

    """What begins within is its child. `parent`: a traceparent, instead of what is under way here."""

    def begin(self, name: str, facts: Facts | None = None) -> Span: ...

    """Like `span`, for work that comes in pieces, such as a stream: whoever begins it ends it, and it is nobody's parent."""

    def traceparent(self) -> str | None: ...  # of what is under way here, as W3C's Trace Context has it
