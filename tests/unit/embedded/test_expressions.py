"""The subset of CEL: what it means, what it refuses, and that nothing makes it crash."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.embedded.errors import ExpressionError
from workflows.embedded.expressions import compile_expression

EVENT = {
    "name": "doc/uploaded",
    "data": {"id": 7, "tenant": "acme", "tags": ["a", "b"], "size": 1.5, "done": False, "nested": {"x": None}},
}


def value(source: str) -> Any:
    return compile_expression(source).evaluate({"event": EVENT, "async": {"data": {"id": 7.0}}})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("event.data.id == 7", True),
        ("event.data.id == async.data.id", True),  # an int equals the same float
        ("event.data['tenant'] == 'acme'", True),
        ('event.data.tenant == "acme" && event.data.size < 2', True),
        ("event.data.id > 7 || event.data.size >= 1.5", True),
        ("!(event.data.id != 7)", True),
        ("!event.data.done", True),
        ("event.data.missing.deeper == null", True),
        ("event.data.missing < 3", False),
        ("event.data.tenant > 3", False),
        ("event.data.done == 0", False),  # a boolean is no number
        ("'b' in event.data.tags", True),
        ("'tenant' in event.data", True),
        ("event.data.id in [1, 2, 7]", True),
        ("event.data.tags[1] == 'b' && event.data.tags[9] == null", True),
        ("has(event.data.tenant) && !has(event.data.nope) && !has(event.data.nested.x)", True),
        ("size(event.data.tags) + event.data.tenant.size()", 6),
        ("event.name.startsWith('doc/') && event.name.endsWith('ed') && event.name.contains('load')", True),
        ("event.name.matches('^doc/[a-z]+$')", True),
        ("event.data.done ? 'yes' : event.data.id == 7 ? 'seven' : 'no'", "seven"),
        ("1 + 2 * 3 - 4 / 2", 5),
        ("(1 + 2) * 3 % 4", 1),
        ("-7 / 2", -3),  # as in CEL, towards zero
        ("-7 % 2", -1),
        ("7.0 / 2", 3.5),
        ("'a' + 'b' + string(1)", "ab1"),
        ("[1] + [2]", [1, 2]),
        ("int('12') + int(1.9)", 13),
        ("double(1)", 1.0),
        (r"'it\'s\n'", "it's\n"),
        ("true && null == null", True),
    ],
)
def test_it_means_what_cel_means(source: str, expected: object) -> None:
    assert value(source) == expected
    assert type(value(source)) is type(expected)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("event.data.id ==", "unexpected 'end'"),
        ("event.data.id = 7", "unexpected character '='"),
        ("steps.foo", "unknown name 'steps'"),
        ("event.data.x.lower()", r"lower\(\) is not supported"),
        ("timestamp('2024-01-01')", r"timestamp\(\) is not supported"),
        ("[1, 2].all(x, x > 0)", r"all\(\) is not supported"),
        ("event.data.id == 7 extra", "unexpected 'extra'"),
        ("(1", "expected '\\)'"),
        ("event.", "expected a name"),
        (r"'\x41'", "unknown escape"),
        ("1 ? 2", "expected ':'"),
        ("(" * 100 + "1" + ")" * 100, "nested too deeply"),
        ("!" * 4_000 + "true", "nested too deeply"),
        ("1" * 5_000, "longer than"),
    ],
)
def test_what_is_outside_the_subset_is_refused_with_the_reason(source: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason):
        compile_expression(source)


def test_a_key_is_text_and_a_match_is_only_what_is_true() -> None:
    assert compile_expression("event.data.tenant").key(event=EVENT) == "acme"
    assert compile_expression("event.data.tags").key(event=EVENT) == '["a","b"]'
    assert compile_expression("event.data.gone").key(event=EVENT) == "null"
    assert compile_expression("1 / 0").key(event=EVENT) == "null"
    assert compile_expression("1e308 * 10.0").key(event=EVENT) == "null"  # infinity is no JSON
    assert not compile_expression("+".join(["1"] * 2_000)).matches(event=EVENT)
    assert not compile_expression("event.data.id").matches(event=EVENT)
    assert not compile_expression("event.data.id + 'x' == 1").matches(event=EVENT)
    assert compile_expression("event.data.id * 10").number(event=EVENT) == 70.0
    assert compile_expression("event.data.tenant").number(event=EVENT) is None


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.floats(-1e6, 1e6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "&&", "||", "in", "+", "-", "*", "/", "%"]
SOURCES = st.recursive(
    st.sampled_from(["event.data.a", "async.data.b", "1", "2.5", "'x'", "null", "true", "[1]", "event.data.a[0]"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})")
        | inner.map(lambda source: f"!({source})")
        | inner.map(lambda source: f"size({source})")
        | inner.map(lambda source: f"({source}).startsWith('x')")
        | st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} ? {parts[1]} : {parts[2]})")
    ),
    max_leaves=8,
)


@given(SOURCES, JSON_VALUES, JSON_VALUES)
def test_whatever_an_event_holds_a_match_is_a_boolean_and_a_key_is_text(source: str, a: object, b: object) -> None:
    expression = compile_expression(source)
    scope = {"event": {"data": {"a": a}}, "async": {"data": {"b": b}}}
    assert isinstance(expression.matches(**scope), bool)
    assert isinstance(expression.key(**scope), str)


@given(st.text(max_size=40))
def test_any_text_either_compiles_or_is_refused(source: str) -> None:
    try:
        compile_expression(source).matches(event=EVENT)
    except ExpressionError:
        return
