"""A strict subset of CEL (github.com/google/cel-spec): what triggers, waits, cancels and keys are written in.

Comparison, boolean logic, arithmetic, `in`, member and index access, the conditional, lists, `has`, `size`, `int`,
`double`, `string`, `startsWith`, `endsWith`, `contains`, `matches`. Anything else is refused when the function
registers. As on the server, a missing member is null, and comparing unlike types is false rather than an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from workflows.embedded.canonical import JSON, canonical
from workflows.embedded.errors import ExpressionError
from workflows.embedded.operators import BINARY, FUNCTIONS, METHODS, is_number, member, number

Scope = Mapping[str, JSON]
Evaluate = Callable[[Scope], JSON]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+\.\d+(?:[eE][+-]?\d+)?|\d+(?:[eE][+-]?\d+)?)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<name>[A-Za-z_]\w*)
    | (?P<mark>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "`": "`"}
_EVALUATION_ERRORS = (TypeError, ValueError, ArithmeticError, LookupError, RecursionError, re.error)
_LONGEST = 4096
_NAMES = ("event", "async")
_DEEPEST = 64


@dataclass(frozen=True)
class Expression:
    source: str
    evaluate: Evaluate = field(compare=False)

    def matches(self, **scope: JSON) -> bool:
        """Whether it is true; anything but true, and any error while evaluating, is false."""
        try:
            return self.evaluate(scope) is True
        except _EVALUATION_ERRORS:
            return False

    def key(self, **scope: JSON) -> str:
        """Its value as text, for keys of concurrency, rate limits and the like."""
        try:
            value = self.evaluate(scope)
            return value if isinstance(value, str) else canonical(value)
        except _EVALUATION_ERRORS:
            return "null"

    def number(self, **scope: JSON) -> float | None:
        try:
            value = self.evaluate(scope)
        except _EVALUATION_ERRORS:
            return None
        return float(value) if is_number(value) else None


@lru_cache(maxsize=512)
def compile_expression(source: str) -> Expression:
    """Parse once; ExpressionError with the place and the reason if it is outside the subset."""
    if len(source) > _LONGEST:
        raise ExpressionError(f"expression longer than {_LONGEST} characters")
    try:
        return Expression(source, _Parser(source).parse())
    except RecursionError as error:
        raise ExpressionError("expression nested too deeply") from error


class _Parser:
    """Recursive descent, one method a level of precedence, lowest first."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = self._tokenise()
        self._at = 0
        self._depth = 0

    def parse(self) -> Evaluate:
        result = self._conditional()
        if self._peek()[0] != "end":
            raise self._error(f"unexpected {self._peek()[1]!r}")
        return result

    def _tokenise(self) -> list[tuple[str, str]]:
        tokens, at, source = [], 0, self._source.rstrip()
        while at < len(source):
            found = _TOKEN.match(source, at)
            if found is None:
                raise ExpressionError(f"{self._source!r}: unexpected character {source[at:].lstrip()[:1]!r}")
            tokens.append((str(found.lastgroup), found.group(str(found.lastgroup))))
            at = found.end()
        return [*tokens, ("end", "end")]

    def _error(self, reason: str) -> ExpressionError:
        return ExpressionError(f"{self._source!r}: {reason}")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        self._at += token[0] != "end"
        return token

    def _take(self, *texts: str) -> str | None:
        kind, text = self._peek()
        if kind in ("mark", "name") and text in texts:
            self._at += 1
            return text
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise self._error(f"expected {text!r}, found {self._peek()[1]!r}")

    def _conditional(self) -> Evaluate:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("nested too deeply")
        test = self._either()
        if self._take("?"):
            yes = self._conditional()
            self._expect(":")
            no = self._conditional()
            condition = test
            test = lambda scope: yes(scope) if condition(scope) is True else no(scope)  # noqa: E731
        self._depth -= 1
        return test

    def _either(self) -> Evaluate:
        parts = [self._both()]
        while self._take("||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda scope: any(part(scope) is True for part in parts)

    def _both(self) -> Evaluate:
        parts = [self._binary(0)]
        while self._take("&&"):
            parts.append(self._binary(0))
        return parts[0] if len(parts) == 1 else lambda scope: all(part(scope) is True for part in parts)

    def _binary(self, level: int) -> Evaluate:
        if level == len(BINARY):
            return self._unary()
        result = self._binary(level + 1)
        while operator := self._take(*BINARY[level]):
            result = _apply(BINARY[level][operator], result, self._binary(level + 1))
        return result

    def _unary(self) -> Evaluate:
        if self._take("!"):
            inner = self._unary()
            return lambda scope: inner(scope) is not True
        if self._take("-"):
            operand = self._unary()
            return lambda scope: -number(operand(scope))
        return self._postfix(self._primary())

    def _postfix(self, value: Evaluate) -> Evaluate:
        while True:
            if self._take("."):
                name = self._identifier()
                value = self._method(name, value) if self._take("(") else _apply(member, value, _constant(name))
            elif self._take("["):
                value = _apply(member, value, self._conditional())
                self._expect("]")
            else:
                return value

    def _method(self, name: str, value: Evaluate) -> Evaluate:
        if name == "size":
            self._expect(")")
            return lambda scope: len(value(scope))
        if name not in METHODS:
            raise self._error(f"{name}() is not supported")
        argument = self._conditional()
        self._expect(")")
        return _apply(METHODS[name], value, argument)

    def _identifier(self) -> str:
        kind, text = self._next()
        if kind != "name":
            raise self._error(f"expected a name, found {text!r}")
        return text

    def _primary(self) -> Evaluate:
        kind, text = self._next()
        if kind == "number":
            return _constant(float(text) if any(mark in text for mark in ".eE") else int(text))
        if kind == "string":
            return _constant(re.sub(r"\\(.)", self._unescape, text[1:-1]))
        if kind == "name":
            return self._named(text)
        if text == "(":
            inner = self._conditional()
            self._expect(")")
            return inner
        if text == "[":
            return self._list()
        raise self._error(f"unexpected {text!r}")

    def _unescape(self, found: re.Match[str]) -> str:
        if found.group(1) not in _ESCAPES:
            raise self._error(f"unknown escape \\{found.group(1)}")
        return _ESCAPES[found.group(1)]

    def _named(self, name: str) -> Evaluate:
        if name in ("true", "false", "null"):
            return _constant({"true": True, "false": False, "null": None}[name])
        if name in _NAMES:
            return lambda scope: scope.get(name)
        if not self._take("("):
            raise self._error(f"unknown name {name!r}")
        if name != "has" and name not in FUNCTIONS:
            raise self._error(f"{name}() is not supported")
        argument = self._conditional()
        self._expect(")")
        if name == "has":
            return lambda scope: argument(scope) is not None
        function = FUNCTIONS[name]
        return lambda scope: function(argument(scope))

    def _list(self) -> Evaluate:
        items: list[Evaluate] = []
        while not self._take("]"):
            items.append(self._conditional())
            if not self._take(","):
                self._expect("]")
                break
        return lambda scope: [item(scope) for item in items]


def _constant(value: JSON) -> Evaluate:
    return lambda _: value


def _apply(function: Callable[[JSON, JSON], JSON], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda scope: function(left(scope), right(scope))
