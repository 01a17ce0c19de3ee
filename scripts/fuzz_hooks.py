"""What schemathesis does not know: JSON lines are sent as text (see fuzz_api.py)."""

from __future__ import annotations

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def json_lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    rows = value if isinstance(value, list) else [value]
    return "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows).encode("utf-8", "replace")
