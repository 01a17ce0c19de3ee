"""Calls that the workflow engine did not make, or made before, run nothing."""

from __future__ import annotations

import time

import fastapi
import inngest
import inngest.fast_api
import pytest
from fastapi.testclient import TestClient

from app.api.engine_calls import FreshCalls
from tests.integration.embedded.support import EVENT_KEY, SIGNING_KEY
from workflows.embedded.transport import canonical, signature

PATH = "/api/inngest"
STEP = f"{PATH}?fnId=app-work&stepId=step"
OTHER_KEY = "signkey-prod-" + "cd" * 16


class Engine:
    """An app with one function, and calls of it as the engine makes them."""

    def __init__(self) -> None:
        self.now, self.runs = time.time(), 0
        client = inngest.Inngest(app_id="app", is_production=True, event_key=EVENT_KEY, signing_key=SIGNING_KEY)

        @client.create_function(fn_id="work", trigger=inngest.TriggerEvent(event="go"))
        async def work(ctx: inngest.Context) -> str:
            self.runs += 1
            return "done"

        app = fastapi.FastAPI()
        inngest.fast_api.serve(app, client, [work])
        self.http = TestClient(FreshCalls(app, PATH, lambda: self.now))

    def body(self, attempt: int = 0) -> str:
        event = {"name": "go", "data": {}, "id": "evt_1", "ts": 1}
        context = {"attempt": attempt, "disable_immediate_execution": False, "run_id": "run_1", "stack": {"stack": []}}
        context |= {"use_api": False, "fn_id": "work"}
        return canonical({"ctx": context, "event": event, "events": [event], "steps": {}, "use_api": False})

    def call(self, body: str, signed: str | None, url: str = STEP) -> int:
        headers = {"content-type": "application/json", "x-inngest-server-kind": "cloud"}
        if signed is not None:
            headers["x-inngest-signature"] = signed
        return int(self.http.post(url, content=body, headers=headers).status_code)

    def signed(self, body: str, key: str = SIGNING_KEY, ago_s: int = 0) -> str:
        return signature(key, body, int(self.now) - ago_s)


@pytest.fixture
def engine() -> Engine:
    return Engine()


def test_what_the_engine_calls_runs(engine: Engine) -> None:
    body = engine.body()
    assert engine.call(body, engine.signed(body)) in (200, 206)
    assert engine.runs == 1


def test_unsigned_forged_and_changed_calls_run_nothing(engine: Engine) -> None:
    body = engine.body()
    mac_only = engine.signed(body).partition("&")[2]
    forged = [
        (body, None),
        (body, ""),
        (body, "t=1&s=x"),
        (body, engine.signed(body, OTHER_KEY)),
        (body.replace("run_1", "run_2"), engine.signed(body)),
        (body, mac_only),  # of a body and a time, sent without the time
        (body, f"t={int(engine.now)}&{mac_only}x"),
        (body, f"t=1e9&{mac_only}"),
    ]
    for said, signed in forged:
        assert engine.call(said, signed) == 401, signed
    assert engine.runs == 0


def test_a_call_that_somebody_heard_runs_nothing_again(engine: Engine) -> None:
    body = engine.body()
    heard = engine.signed(body)
    assert engine.call(body, heard) in (200, 206)
    assert [engine.call(body, heard), engine.call(body, heard, STEP)] == [401, 401]
    engine.now += 301
    assert engine.call(body, heard) == 401
    assert engine.call(body, engine.signed(body, ago_s=301)) == 401
    assert engine.call(body, engine.signed(body, ago_s=-301)) == 401, "nor one for later"
    assert engine.runs == 1
    again = engine.body(attempt=1)
    assert engine.call(again, engine.signed(again)) in (200, 206), "the engine's next attempt is signed anew"


def test_steps_that_run_side_by_side_are_calls_of_their_own(engine: Engine) -> None:
    body = engine.body()
    signed = engine.signed(body)
    assert engine.call(body, signed) in (200, 206)
    assert engine.call(body, signed, f"{PATH}?fnId=app-work&stepId=other") != 401
