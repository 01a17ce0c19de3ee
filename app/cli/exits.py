"""Exit codes, for scripts: one table."""

from __future__ import annotations

from enum import IntEnum

from app.client import ClientError, NoCredentials, Problem, Unreachable


class Exit(IntEnum):
    OK = 0
    FAILED = 1  # it was tried, and did not work, at least for some of what was asked
    USAGE = 2  # words, options or settings that cannot be used
    NO_SERVER = 3
    NO_ACCESS = 4  # no key, one that is not accepted, or one that may not do this
    INTERRUPTED = 130  # by Ctrl-C; what was done stays


class Failure(Exception):
    """What went wrong, in words for the person at the terminal."""


def code_of(error: Failure | ClientError) -> Exit:
    if isinstance(error, Unreachable):
        return Exit.NO_SERVER
    if isinstance(error, NoCredentials) or (isinstance(error, Problem) and error.of_access):
        return Exit.NO_ACCESS
    return Exit.FAILED
