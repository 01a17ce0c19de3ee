"""The Python client: the server's shapes, when it tries again, how it reads events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.api.app import Edge, build
from app.api.sse import StreamLimits
from app.client import AsyncCairn, Cairn, Event, NoCredentials, Problem, Retries, Unreachable, calls, models
from app.client.wire import Decoder
from app.mcp.shapes import Filters
from tests.fakes.replies import JSON, Reply, serving

JOB = {
    **dict.fromkeys(models.Job.model_fields),
    **{"id": "job_1", "kind": "ingest", "status": "succeeded", "steps": [], "steps_done": 0},
    **{"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"},
}


MODELS = models.Model.__subclasses__()


def _client(address: str, slept: list[float] | None = None, **given: Any) -> Cairn:
    return Cairn(address, "secret", sleep=(slept if slept is not None else []).append, **given)


@pytest.mark.parametrize("model", [*MODELS, Filters], ids=lambda model: model.__name__)
def test_models_have_the_fields_that_the_server_says_it_takes_and_answers_with(model: type[BaseModel]) -> None:
    app = build(_never, Edge(1, 1, StreamLimits()))  # type: ignore[arg-type]  # it is never started
    told = app.openapi()["components"]["schemas"][model.__name__]
    known = model.model_json_schema()
    assert set(known["properties"]) <= set(told["properties"])
    for field, shape in known["properties"].items():
        assert _kinds(shape) == _kinds(told["properties"][field]), field


def _never() -> None: ...


def _kinds(shape: dict[str, Any]) -> set[str]:
    """Of JSON; a reference is an object, or the strings of an enumeration."""
    if "anyOf" in shape:
        return set().union(*map(_kinds, shape["anyOf"]))
    if "$ref" in shape:
        return {"string"} if shape["$ref"].endswith(("Status", "Kind", "Role", "Permission")) else {"object"}
    return {str(shape["type"])}


def test_a_lost_answer_is_asked_for_again_where_twice_is_as_good_as_once(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("hello")
    uploaded = '{"documents": [], "bundles": []}'
    slept: list[float] = []
    with serving(Reply(202, uploaded, cut=True), Reply(503), Reply(202, uploaded)) as (address, seen):
        assert _client(address, slept).upload([file]) == []
    assert len({each.headers["Idempotency-Key"] for each in seen}) == 1
    assert all(b"hello" in each.body for each in seen)
    assert len(slept) == 2
    with serving(Reply(200, cut=True)) as (address, seen), pytest.raises(Unreachable):
        _client(address).post("/v1/admin/keys", {})
    assert len(seen) == 1


def test_a_server_that_asks_for_patience_gets_it_unless_that_is_too_long() -> None:
    slept: list[float] = []
    with serving(Reply(429, headers=JSON | {"Retry-After": "3"}), Reply(200)) as (address, _):
        _client(address, slept).get("/v1/models")
    assert slept == [3.0]
    with serving(Reply(429, '{"code": "rate_limited", "detail": "Too many."}', JSON | {"Retry-After": "3600"})) as (
        address,
        _,
    ):
        with pytest.raises(Problem) as refused:
            _client(address).get("/v1/models")
        assert (refused.value.code, refused.value.retry_after_s) == ("rate_limited", 3600.0)
        assert str(refused.value) == "Too many. (rate_limited)"


def test_pauses_grow_and_end() -> None:
    retries, call, gone = Retries(attempts=4, first_s=1, longest_s=3), calls.collections(), Unreachable("x", "y")
    pauses = [retries.pause(attempt, call, gone) for attempt in (1, 2, 3, 4)]
    assert pauses[3] is None
    assert [
        low <= (pause or 0) <= high for pause, low, high in zip(pauses, (0.5, 1, 1.5), (1, 2, 3), strict=False)
    ] == [True] * 3
    assert retries.pause(1, call, Problem(404, "x", "y")) is None


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(200, "<html>"), "not_a_cairn_server"),
        (Reply(200, "[]"), "not_a_cairn_server"),
        (Reply(302, "", {"Location": "http://elsewhere.example"}), "http_302"),
        (Reply(500, "oops", {"Content-Type": "text/plain"}), "http_500"),
        (Reply(500, '["no object"]'), "http_500"),
    ],
)
def test_what_is_no_cairn_server_is_said_so(reply: Reply, code: str) -> None:
    with serving(reply) as (address, _), pytest.raises(Problem) as refused:
        _client(address).get("/v1/models")
    assert refused.value.code == code


def test_a_key_that_no_header_can_carry_is_refused_before_it_is_sent() -> None:
    with pytest.raises(NoCredentials):
        Cairn("http://127.0.0.1:9", "a\nb")
    with pytest.raises(NoCredentials):
        AsyncCairn("http://127.0.0.1:9", "schlüssel")


def _events(lines: Sequence[str]) -> list[Event]:
    decoder = Decoder()
    return [event for line in lines for event in decoder.events(line)]


def test_events_are_read_as_the_standard_says() -> None:
    found = _events(
        [": alive", "", "event: delta", "id: 7", 'data: {"text":', 'data:  "a"}', "", 'data: {"b": 1}', "", "data: cut"]
    )
    assert found == [Event("delta", {"text": "a"}, "7"), Event("message", {"b": 1}, "7")]
    with pytest.raises(Problem) as failed:
        _events(["event: error", 'data: {"code": "model_busy", "detail": "Wait.", "status": 429}', ""])
    assert (failed.value.code, failed.value.status) == ("model_busy", 429)


def test_a_job_that_breaks_off_is_followed_from_where_it_was() -> None:
    stream = {"Content-Type": "text/event-stream"}
    first, second = 'event: a\nid: 1\ndata: {"n": 1}\n\n', 'event: b\nid: 2\ndata: {"n": 2}\n\n'
    going_on, ended = ({**JOB, "status": status} for status in ("running", "succeeded"))
    with serving(
        Reply(200, first, stream, cut=True),
        Reply(200, second, stream),
        Reply(200, models.Job(**going_on).model_dump_json()),
        Reply(200, "", stream),
        Reply(200, models.Job(**ended).model_dump_json()),
    ) as (address, seen):
        found = list(_client(address).follow("job_1"))
    assert [event.data["n"] for event in found] == [1, 2]
    assert [each.headers.get("Last-Event-ID") for each in seen] == [None, "1", None, "2", None]


def test_a_question_that_breaks_off_is_not_asked_again() -> None:
    with serving(
        Reply(200, 'event: delta\ndata: {"text": "a"}\n\n', {"Content-Type": "text/event-stream"}, cut=True)
    ) as (
        address,
        seen,
    ):
        stream = _client(address).ask("why?")
        assert next(stream).data == {"text": "a"}
        with pytest.raises(Unreachable):
            next(stream)
    assert len(seen) == 1


async def test_programs_on_an_event_loop_send_the_same_calls() -> None:
    with serving(Reply(503), Reply(200, '{"collections": []}')) as (address, seen):
        async with AsyncCairn(address, "secret", retries=Retries(first_s=0.01)) as client:
            assert (await client.send(calls.collections())).collections == []
    assert [each.headers["Authorization"] for each in seen] == ["Bearer secret"] * 2


def test_a_query_within_a_path_is_refused_and_not_dropped() -> None:
    path = "/v1/collections/default/sources/src_1"
    with serving(Reply(200)) as (address, seen):
        with pytest.raises(ValueError, match="query"):
            _client(address).delete(f"{path}?documents=true")
        _client(address).delete(path, documents=True)
    assert [each.path for each in seen] == [f"{path}?documents=true"]
