"""Named places at which a test has the process killed: `CRASH_AT=journal.before-commit:3` kills it the third time
it gets there. Off unless that is set."""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "CRASH_AT"
POINTS = (
    "journal.before-commit",  # a group of transactions is written, and not durable
    "journal.after-commit",  # it is durable, and nobody knows
    "call.before",  # a claimed job is about to be called
    "call.after",  # it was answered, and the answer is not journalled
    "events.before-accept",  # events were received
    "events.after-accept",  # they are durable, and not acknowledged
    "start.recovering",  # a restart is taking up what was left
)
_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Kill this process if it is told to die here."""
    point, _, count = os.environ.get(VARIABLE, "").partition(":")
    if point == name:
        _passed[name] += 1
        if _passed[name] == int(count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
