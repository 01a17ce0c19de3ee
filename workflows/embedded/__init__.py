"""An executor for Inngest functions in one process, journalled in SQLite. It speaks the SDK's public protocol, so what
works here works on the Inngest server."""

from workflows.embedded.clock import Clock, SystemClock
from workflows.embedded.errors import (
    ConfigRefused,
    EmbeddedError,
    EventRefused,
    ExpressionError,
    JournalLocked,
    JournalUnavailable,
    RunNotFound,
)
from workflows.embedded.executor import EmbeddedExecutor, server_backoff
from workflows.embedded.reading import RunRecord, StepRecord
from workflows.embedded.reducer import Limits

__all__ = [
    "Clock",
    "ConfigRefused",
    "EmbeddedError",
    "EmbeddedExecutor",
    "EventRefused",
    "ExpressionError",
    "JournalLocked",
    "JournalUnavailable",
    "Limits",
    "RunNotFound",
    "RunRecord",
    "StepRecord",
    "SystemClock",
    "server_backoff",
]
