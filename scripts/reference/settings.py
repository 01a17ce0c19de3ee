"""Every setting, as app/settings.py has it."""

from __future__ import annotations

from typing import Any, get_args

from app.settings import Settings
from scripts.reference.markdown import code, escaped, table

_INTRODUCTION = """# Settings

Environment over `cairn.toml` (names without `CAIRN_`, in small letters) over default; secrets also from files, named by the
variable with `_FILE`. A value that cannot be used stops the start and says what was expected. `cairn doctor` shows what is in
use.
"""


def page() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"CAIRN_{name.upper()}"
        rows.append((code(variable), _default(field.default), escaped(field.description or "")))
    return _INTRODUCTION + "\n" + table(("variable", "default", ""), rows)


def _default(value: Any) -> str:
    if value is None or value in ("", [], {}) or get_args(type(value)):
        return ""
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(str(value))
