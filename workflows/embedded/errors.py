"""What can go wrong in the executor.

EmbeddedError
├── JournalLocked        another process holds the journal
├── JournalUnavailable   the disk refused a commit: nothing of it happened
├── ConfigRefused        a function asks for what the executor does not do
│   └── ExpressionError  an expression outside the supported subset of CEL
├── EventRefused         an event that is malformed, too large, or reserved
└── RunNotFound          no such run in the journal
"""

from __future__ import annotations


class EmbeddedError(Exception):
    """Base of everything that the executor raises."""


class JournalLocked(EmbeddedError):
    pass


class JournalUnavailable(EmbeddedError):
    pass


class ConfigRefused(EmbeddedError):
    pass


class ExpressionError(ConfigRefused):
    pass


class EventRefused(EmbeddedError):
    pass


class RunNotFound(EmbeddedError):
    pass
