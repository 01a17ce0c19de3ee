"""Every error code, its status, and what it says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import app.bootstrap  # all there are
from app.api.errors import status_of
from pipelines.domain import errors
from scripts.reference.markdown import code, escaped, table

_INTRODUCTION = """# Errors

Each is a problem document (RFC 9457): `{type, title, status, code, detail, instance, errors?}`. `code` is stable: programs may
rely on it; `detail` is for people. Where trying again may help, `Retry-After` says after how many seconds. A job's `error` has
such a code too.
"""


def page() -> str:
    assert app.bootstrap
    rows = {}
    for kind in _kinds(errors.CairnError):
        detail = getattr(kind, "detail", "")
        rows[kind.code] = (
            code(kind.code),
            str(int(status_of(kind.__new__(kind)))),
            "yes" if kind.retriable else "",
            escaped(inspect.getdoc(kind) or (detail if isinstance(detail, str) else "")),
        )
    return _INTRODUCTION + "\n" + table(("code", "status", "again?", ""), (rows[name] for name in sorted(rows)))


def _kinds(kind: type[errors.CairnError]) -> Iterator[type[errors.CairnError]]:
    if "code" in vars(kind) and kind.__module__.startswith(("app.", "pipelines.", "workflows.")):
        yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)
