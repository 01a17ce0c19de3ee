"""Routes and shapes, as /openapi.json tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from app.api.app import Edge, build
from app.api.sse import StreamLimits
from scripts.reference.markdown import code, escaped, table

Shape = Mapping[str, Any]

_INTRODUCTION = """# HTTP API

JSON in snake_case, times RFC 3339 in UTC, pages from 1, boxes `[x0, y0, x1, y1]` in PDF points from the top left. The key goes
into `Authorization: Bearer`. A running server describes itself at `/openapi.json`. Every route may refuse what it is sent (400,
408, 413, 422), who sends it (401, 403, 429) and when (503); [every error](errors.md) is a problem document with a stable `code`.
`/v1/models` and `/v1/chat/completions` are for [OpenAI's clients](../openai.md), `/mcp` for [assistants](mcp.md).
"""
_EVERYWHERE = {"400", "401", "403", "408", "413", "422", "429", "500", "503"}
_TITLES = {"openai": "OpenAI's clients"}


def description() -> dict[str, Any]:
    @asynccontextmanager
    async def lifespan(_: object) -> Any:
        yield

    return build(lifespan, Edge(max_upload_bytes=1, max_files=1, streams=StreamLimits())).openapi()


def page() -> str:
    told = description()
    parts, used = [_INTRODUCTION], set[str]()
    by_tag: dict[str, list[str]] = {}
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["health"])[0]
            by_tag.setdefault(tag, []).append(_operation(method.upper(), path, operation, told, used))
    for tag, operations in by_tag.items():
        parts += [f"## {_TITLES.get(tag, tag.capitalize())}\n", *operations]
    parts.append("## Shapes\n")
    schemas = told["components"]["schemas"]
    for name in sorted(_reached(used, schemas)):
        parts.append(_shape(name, schemas[name]))
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Shape, told: Shape, used: set[str]) -> str:
    lines = [f"### `{method} {path}`\n"]
    if operation.get("description"):
        lines.append(escaped(operation["description"]) + "\n")
    rows = [
        (code(each["name"]), each["in"], _type(each["schema"], used), escaped(_said(each)))
        for each in operation.get("parameters", [])
    ]
    lines.append(table(("parameter", "in", "type", ""), rows))
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        reference = content["schema"].get("$ref", "").rpartition("/")[2]
        if kind.startswith("multipart"):
            lines.append(_fields("form field", told["components"]["schemas"][reference], used))
        elif reference:
            used.add(reference)
            lines.append(f"Body: {_link(reference)}\n")
        else:
            lines.append(f"Body: {kind}\n")
    lines.append("Answers: " + "; ".join(_answers(operation, used)) + "\n")
    return "\n".join(line for line in lines if line)


def _answers(operation: Shape, used: set[str]) -> Iterator[str]:
    for status, answer in operation["responses"].items():
        if status in _EVERYWHERE:
            continue
        kinds = []
        for kind, content in answer.get("content", {}).items():
            if "problem" in kind:
                continue
            shape = _type(content.get("schema", {}), used) if "json" in kind else ""
            kinds.append(f"{shape or kind}")
        yield f"{status} {', '.join(dict.fromkeys(kinds))}".strip()


def _said(parameter: Shape) -> str:
    return str(parameter.get("description") or parameter.get("schema", {}).get("description") or "")


def _fields(head: str, schema: Shape, used: set[str]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            code(name) + (" *" if name in required else ""),
            _type(each, used),
            escaped(" ".join(filter(None, (str(each.get("description", "")), _default(each))))),
        )
        for name, each in schema.get("properties", {}).items()
    ]
    return table((head, "type", ""), rows)


def _default(schema: Shape) -> str:
    given = schema.get("default")
    return "" if given in (None, "", [], {}) else f"Default: `{given}`."


def _shape(name: str, schema: Shape) -> str:
    lines = [f"### {_title(name)}\n"]
    if schema.get("description"):
        lines.append(escaped(schema["description"]) + "\n")
    if "enum" in schema:
        lines.append("One of " + ", ".join(code(str(value)) for value in schema["enum"]) + ".\n")
    lines.append(_fields("field", schema, set()))
    return "\n".join(line for line in lines if line)


def _reached(used: set[str], schemas: Shape) -> set[str]:
    """Those, and what they are made of."""
    found, new = set[str](), set(used)
    while new:
        found |= new
        inside = set[str]()
        for name in new:
            for each in schemas[name].get("properties", {}).values():
                _type(each, inside)
        new = inside - found
    return found


def _type(schema: Shape, used: set[str]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        used.add(name)
        return _link(name)
    if "anyOf" in schema:
        kinds = [_type(each, used) for each in schema["anyOf"]]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null")) + (
            " or null" if "null" in kinds else ""
        )
    if "enum" in schema or "const" in schema:
        return ", ".join(code(str(value)) for value in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", ""))
    if kind == "array":
        return f"list of {_type(schema['items'], used)}" if "items" in schema else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'], used)}"
    return str(schema.get("format") or kind)


def _title(name: str) -> str:
    """A shape that shares its name with another is told by where it is from."""
    parts = name.split("__")
    return name if len(parts) == 1 else f"{parts[-1]} ({parts[-2].replace('_', ' ')})"


def _link(name: str) -> str:
    anchor = _title(name).lower().replace("(", "").replace(")", "").replace(" ", "-")
    return f"[{_title(name)}](#{anchor})"
