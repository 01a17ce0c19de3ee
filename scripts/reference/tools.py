"""The tools that assistants get, as they are told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from app.mcp import tools
from scripts.reference.markdown import code, escaped, table

_INTRODUCTION = """# MCP tools

At `URL/mcp` (streamable HTTP, with `Authorization: Bearer KEY`) and by `cairn mcp` (standard input and output);
[how to connect an assistant](../how-to/assistants.md). All of them only read. What the key may not read is not there.
"""


def page() -> str:
    parts = [_INTRODUCTION]
    for tool in asyncio.run(tools.server(_nowhere).list_tools()):
        required = set(tool.input_schema.get("required", ()))
        result = tool.output_schema or {}
        parts += [f"## `{tool.name}`\n", escaped(tool.description or "") + "\n"]
        parts += [_fields(tool.input_schema, "argument", required), *_named(tool.input_schema)]
        parts += [_fields(result, "result"), *_named(result)]
    return "\n".join(parts)


def _fields(schema: dict[str, Any], heading: str, required: Collection[str] = ()) -> str:
    rows = [
        (code(name) + (" *" if name in required else ""), _kind(shape), escaped(str(shape.get("description", ""))))
        for name, shape in schema.get("properties", {}).items()
    ]
    return table((heading, "type", ""), rows)


def _named(schema: dict[str, Any]) -> list[str]:
    """The types that it speaks of by name."""
    return [part for name, shape in schema.get("$defs", {}).items() for part in (f"{name}:\n", _fields(shape, "field"))]


def _nowhere(_: Any) -> Any:
    raise AssertionError("nothing is asked")


def _kind(shape: dict[str, Any]) -> str:
    if "anyOf" in shape:
        return " or ".join(_kind(each) for each in shape["anyOf"])
    if "$ref" in shape:
        return str(shape["$ref"].rpartition("/")[2])
    if shape.get("type") == "array" and "items" in shape:
        return f"list of {_kind(shape['items'])}"
    return str(shape.get("type", ""))
