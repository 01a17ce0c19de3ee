"""Logs: events with fields, one line each, as text for people or JSON for machines."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Collection

import structlog

from app.observability.traces import under_way

_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 [secret]"),
    (re.compile(r"\bcairn_sk_[\w-]+"), "[secret]"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "[secret]"),  # a JSON Web Token
    (re.compile(r"\bsignkey-\w+-[0-9a-fA-F]+"), "[secret]"),
    (re.compile(r"(://[^/\s:@'\"]*):[^@/\s'\"]+@"), r"\1:[secret]@"),
)
_SHORTEST = 6  # of a secret that is looked for in each line


def redacted(line: str, known: Collection[str] = ()) -> str:
    """The line without what opens something: keys, tokens, passwords in addresses, and the secrets that are `known`."""
    for secret in known:
        line = line.replace(secret, "[secret]")
    for pattern, instead in _SECRETS:
        line = pattern.sub(instead, line)
    return line


def configure(level: str, log_format: str, secrets: Collection[str] = ()) -> None:
    """For our events and the libraries'; no line says a secret, tracebacks included.

    Libraries speak from warning up; the workflow SDK and uvicorn from info up.
    """
    known = [secret for secret in secrets if len(secret) >= _SHORTEST]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _with_trace,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _without_colours],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
                lambda _, __, line: redacted(str(line), known),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    set_level(level)


def set_level(level: str) -> None:
    """Of our events, of the workflow SDK's and of uvicorn's."""
    for name in ("app", "workflows", "uvicorn.error"):
        logging.getLogger(name).setLevel(level.upper())


def _with_trace(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    event.update(under_way())
    return event


def _without_colours(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    event.pop("color_message", None)  # uvicorn's second copy of its message
    return event
