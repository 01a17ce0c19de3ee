"""What the operators, methods and functions of an expression do with values. TypeError and the like for values that they
are not for; the expression makes null or false of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from workflows.embedded.canonical import JSON, canonical


def is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(left: JSON, right: JSON) -> bool:
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[JSON, JSON], bool]:
    def evaluate(left: JSON, right: JSON) -> bool:
        alike = (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))
        return alike and compare(left, right)

    return evaluate


def _contains(item: JSON, container: JSON) -> bool:
    if isinstance(container, list):
        return any(_equal(item, member) for member in container)
    return isinstance(container, dict) and isinstance(item, str) and item in container


def _plus(left: JSON, right: JSON) -> JSON:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        return [*left, *right]
    return number(left) + number(right)


def _divide(left: JSON, right: JSON) -> JSON:
    a, b = number(left), number(right)
    if isinstance(a, int) and isinstance(b, int):
        quotient = abs(a) // abs(b)
        return quotient if (a < 0) == (b < 0) else -quotient
    return a / b


def _remainder(left: JSON, right: JSON) -> JSON:
    a, b = number(left), number(right)
    return a - b * _divide(a, b) if isinstance(a, int) and isinstance(b, int) else a % b


def number(value: JSON) -> Any:
    if not is_number(value):
        raise TypeError("not a number")
    return value


def _text(value: JSON) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


BINARY: list[dict[str, Callable[[JSON, JSON], JSON]]] = [
    {
        "==": _equal,
        "!=": lambda a, b: not _equal(a, b),
        "<": _ordered(lambda a, b: a < b),
        "<=": _ordered(lambda a, b: a <= b),
        ">": _ordered(lambda a, b: a > b),
        ">=": _ordered(lambda a, b: a >= b),
        "in": _contains,
    },
    {"+": _plus, "-": lambda a, b: number(a) - number(b)},
    {"*": lambda a, b: number(a) * number(b), "/": _divide, "%": _remainder},
]
METHODS: dict[str, Callable[[JSON, JSON], JSON]] = {
    "startsWith": lambda text, prefix: _text(text).startswith(_text(prefix)),
    "endsWith": lambda text, suffix: _text(text).endswith(_text(suffix)),
    "contains": lambda text, part: _text(part) in _text(text),
    "matches": lambda text, pattern: re.search(_text(pattern), _text(text)) is not None,
}
FUNCTIONS: dict[str, Callable[[JSON], JSON]] = {
    "size": len,
    "string": lambda value: value if isinstance(value, str) else canonical(value),
    "int": int,
    "double": float,
}


def member(value: JSON, key: JSON) -> JSON:
    if isinstance(value, dict) and isinstance(key, str):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(value):
        return value[key]
    return None
