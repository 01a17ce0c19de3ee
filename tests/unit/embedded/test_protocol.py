"""The edges of the protocol: canonical JSON, durations, ids, answers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inngest._internal import net, server_lib, transforms

from workflows.embedded.canonical import canonical, canonical_object, parse
from workflows.embedded.durations import milliseconds
from workflows.embedded.errors import ConfigRefused
from workflows.embedded.ids import derived, ulid
from workflows.embedded.protocol import Reply, request_body
from workflows.embedded.reducer import (
    Called,
    Failing,
    Finish,
    Invoke,
    Limits,
    Memo,
    Outcome,
    Plan,
    Retry,
    Sleep,
    Wait,
    reduce,
)
from workflows.embedded.transport import bearer, signature

KEY = "signkey-prod-" + "0f" * 16
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(VALUES)
def test_canonical_text_is_what_the_sdk_makes_of_it(value: Any) -> None:
    text = canonical(value)
    assert transforms.canonicalize(text.encode()) == text.encode()
    assert canonical(parse(text)) == text


@given(st.dictionaries(st.sampled_from(["a", "b", "ctx", "event", "0f"]), VALUES))
def test_an_object_of_canonical_parts_is_canonical(members: dict[str, Any]) -> None:
    assert canonical_object({key: canonical(value) for key, value in members.items()}) == canonical(members)


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", {"a": object()}])
def test_what_json_cannot_say_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        canonical(value)


def test_the_sdk_accepts_what_is_signed_and_nothing_else() -> None:
    body = request_body(
        run_id="run", attempt=1, max_attempts=4, disable_immediate_execution=False,
        events=[canonical({"name": "é", "data": {"b": 1, "a": 1e21}, "id": "1", "ts": 5})],
        memos={"0f": canonical({"data": "ü"}), "0a": "null"}, by_reference=False,
    )  # fmt: skip

    def verdict(sent: bytes, header: str) -> object:
        return net.validate_request_sig(
            body=sent, headers={"x-inngest-signature": header}, mode=server_lib.ServerKind.CLOUD,
            signing_key=KEY, signing_key_fallback=None,
        )  # fmt: skip

    header = signature(KEY, body, 1_700_000_000)
    assert verdict(body.encode(), header) == KEY
    assert isinstance(verdict(body.replace("é", "e").encode(), header), Exception)
    assert isinstance(verdict(body.encode(), header.replace("t=17", "t=18")), Exception)
    assert bearer(KEY) == f"Bearer {transforms.hash_signing_key(KEY)}"
    request = server_lib.ServerRequest.from_raw(body.encode())
    assert isinstance(request, server_lib.ServerRequest)
    assert (request.ctx.max_attempts, request.steps) == (4, {"0a": None, "0f": {"data": "ü"}})


@pytest.mark.parametrize(
    ("text", "expected"), [("1s", 1_000), ("1m30s", 90_000), ("2w", 1_209_600_000), ("1d12h", 129_600_000)]
)
def test_durations(text: str, expected: int) -> None:
    assert milliseconds(text) == expected


@given(st.integers(1, 10**7))
def test_durations_are_those_of_the_sdk(seconds: int) -> None:
    text = transforms.to_duration_str(seconds * 1000)
    assert isinstance(text, str)
    assert milliseconds(text) == seconds * 1000


@pytest.mark.parametrize("text", ["", "5", "s", "1.5s", "-1s", "1s ", "1y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigRefused):
        milliseconds(text)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1))
def test_ids_sort_by_time_and_the_same_thing_has_the_same_id(one: int, two: int) -> None:
    assert (ulid(one, b"\xff" * 10) < ulid(two, b"\x00" * 10)) == (one < two)
    assert derived(one, "run", 1) == derived(one, "run", 1)
    assert derived(one, "run", 1) != derived(one, "run", 2)
    assert derived(one, "ab", "c") != derived(one, "a", "bc")


NOW = 1_700_000_000_000


def outcome(reply: Reply, *, attempt: int = 0, max_attempts: int = 3) -> Outcome:
    called = Called("step", attempt, max_attempts)
    return reduce(called, reply, now_ms=NOW, backoff=lambda retry: retry * 10.0, limits=Limits())


def ops(*items: dict[str, Any], no_retry: bool = False, attempt: int = 0) -> Outcome:
    defaults = {"id": "h", "displayName": "name", "name": "name"}
    body = json.dumps([{**defaults, **item} for item in items]).encode()
    return outcome(Reply(206, body, no_retry), attempt=attempt)


def test_a_value_ends_the_run() -> None:
    assert outcome(Reply(200, b'{"b": 1, "a": 2}')).finish == Finish("COMPLETED", '{"a":2,"b":1}')
    assert outcome(Reply(200, b"null")).finish == Finish("COMPLETED", "null")


def test_an_error_is_tried_again_until_attempts_are_used_up() -> None:
    error = b'{"code": "unknown", "message": "no", "name": "E"}'
    text = '{"code":"unknown","message":"no","name":"E"}'
    assert outcome(Reply(500, error)).retry == Retry(10_000, text)
    assert outcome(Reply(500, error), attempt=1).retry == Retry(20_000, text)
    assert outcome(Reply(500, error), attempt=2).finish == Finish("FAILED", text)
    assert outcome(Reply(500, error, no_retry=True)).finish == Finish("FAILED", text)


@pytest.mark.parametrize(
    ("retry_after", "delay"),
    [
        ("30", 30_000),
        ("0", 1_000),
        ("99999999", 86_400_000),
        ("2023-11-14T22:14:20.000Z", 60_000),
        ("2020-01-01T00:00:00Z", 1_000),
        ("soon", 10_000),
    ],
)
def test_retry_after_is_clamped_and_nonsense_ignored(retry_after: str, delay: int) -> None:
    retry = outcome(Reply(500, b'{"message": "later"}', retry_after=retry_after)).retry
    assert retry is not None
    assert retry.delay_ms == delay


def test_steps_become_what_they_are() -> None:
    found = ops(
        {"op": "StepPlanned", "opts": {"parallelMode": "race"}},
        {"op": "Sleep", "name": "2023-11-14T22:13:21.000Z", "displayName": "nap"},
        {"op": "WaitForEvent", "name": "approved", "opts": {"if": "async.data.x == 1", "timeout": "1m"}},
        {"op": "InvokeFunction", "opts": {"function_id": "app-f", "payload": {"data": {"n": 1}}, "timeout": None}},
        {"op": "StepRun", "data": [1]},
    ).ops
    plan, sleep, wait, invoke, memo = found
    assert isinstance(plan, Plan)
    assert plan.step.race
    assert isinstance(sleep, Sleep)
    assert (sleep.step.name, sleep.until_ms) == ("nap", NOW + 1_000)
    assert isinstance(wait, Wait)
    assert (wait.event, wait.until_ms) == ("approved", NOW + 60_000)
    assert isinstance(invoke, Invoke)
    assert (invoke.function_id, invoke.data) == ("app-f", {"n": 1})
    assert isinstance(memo, Memo)
    assert (memo.memo, memo.failed) == ('{"data":[1]}', False)


def test_a_failed_step_is_tried_again_unless_it_must_not_be() -> None:
    error = {"op": "StepError", "error": {"code": "unknown", "name": "E", "message": "m", "stack": "s"}}
    again = ops(error)
    assert isinstance(again.ops[0], Failing)
    assert again.retry is not None
    for final in (ops(error, no_retry=True), ops(error, attempt=2), ops({**error, "op": "StepFailed"})):
        assert final.retry is None
        assert isinstance(final.ops[0], Memo)
        # any other member would make the SDK take the whole for data
        assert final.ops[0].memo == '{"error":{"message":"m","name":"E","stack":"s"}}'


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]]", b'{"a": NaN}', b'"' + b"\\ud800" + b'"', b"[" * 100_000])
@pytest.mark.parametrize("status", [200, 206, 500, 404, 0])
def test_an_answer_that_is_not_understood_is_an_error_and_never_an_exception(status: int, body: bytes) -> None:
    found = outcome(Reply(status, body), attempt=2).finish
    assert found is not None
    assert found.status == "FAILED"
    assert parse(found.output)["message"]


@pytest.mark.parametrize(
    "item", [{"op": "AIGateway"}, {"op": "WaitForEvent", "opts": {"if": "nope(", "timeout": "1m"}}]
)
def test_what_is_not_supported_fails_at_once_by_name(item: dict[str, Any]) -> None:
    found = ops(item).finish
    assert found is not None
    assert "AIGateway" in found.output or "nope" in found.output


def test_a_streamed_answer_is_unpacked() -> None:
    inner = {"status": 206, "headers": {"X-Inngest-No-Retry": "true"}, "body": "[]"}
    assert Reply.of(201, {}, b"   " + json.dumps(inner).encode()) == Reply(206, b"[]", no_retry=True)


ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "id": VALUES,
        "op": st.sampled_from(
            ["StepRun", "StepError", "StepFailed", "StepPlanned", "Sleep", "WaitForEvent", "InvokeFunction"]
        ),
        "name": st.text(max_size=3) | VALUES,
        "opts": VALUES | st.fixed_dictionaries({"timeout": st.just("1m") | VALUES, "if": VALUES}),
        "error": VALUES,
        "data": VALUES,
    },
)


@given(st.sampled_from([0, 200, 206, 500]), st.lists(ITEMS, max_size=3) | VALUES)
def test_no_answer_whatever_makes_the_reducer_raise(status: int, body: object) -> None:
    found = outcome(Reply(status, json.dumps(body).encode()))
    assert isinstance(found, Outcome)
    assert status == 206 or (found.finish is None) != (found.retry is None)
