"""What functions may ask for, and that anything else is refused by its name."""

from __future__ import annotations

import datetime as dt
import sqlite3
from typing import Any

import inngest
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.embedded import rates
from workflows.embedded.errors import ConfigRefused
from workflows.embedded.reducer import Limits
from workflows.embedded.registry import Rate, Registry, parse_functions
from workflows.embedded.schema import SCHEMA
from workflows.embedded.transaction import Policy, Transaction

MINUTE = dt.timedelta(minutes=1)


def sdk_config(**options: Any) -> dict[str, Any]:
    """What the SDK registers for these options."""
    client = inngest.Inngest(app_id="app", is_production=False)

    @client.create_function(fn_id="fn", **{"trigger": inngest.TriggerEvent(event="go"), **options})
    async def handler(ctx: inngest.Context) -> None: ...

    config = handler.get_config("http://localhost/api/inngest").main.to_dict()
    assert isinstance(config, dict)
    return config


def test_everything_that_the_sdk_can_ask_for_is_understood() -> None:
    (function,) = parse_functions(
        [
            sdk_config(
                name="A function",
                trigger=[
                    inngest.TriggerEvent(event="go", expression="event.data.n > 1"),
                    inngest.TriggerCron(cron="0 3 * * *", jitter="5m"),
                ],
                retries=7,
                cancel=[inngest.Cancel(event="stop", if_exp="event.data.id == async.data.id", timeout=MINUTE)],
                concurrency=[
                    inngest.Concurrency(limit=2),
                    inngest.Concurrency(limit=3, key="'gpu'", scope="account"),
                ],
                debounce=inngest.Debounce(period=MINUTE, key="event.data.id", timeout=2 * MINUTE),
                idempotency="event.data.id",
                priority=inngest.Priority(run="event.data.n"),
                rate_limit=inngest.RateLimit(limit=20, period=MINUTE, key="event.data.id"),
                throttle=inngest.Throttle(limit=4, period=MINUTE, burst=3, key="event.data.id"),
                timeouts=inngest.Timeouts(start=MINUTE, finish=2 * MINUTE),
                singleton=inngest.Singleton(mode="skip", key="event.data.id"),
            )
        ]
    )
    assert (function.id, function.name, function.max_attempts) == ("app-fn", "A function", 8)
    assert [schedule.text for schedule in function.schedules] == ["0 3 * * *"]
    assert [(rule.limit, rule.scope) for rule in function.concurrency] == [(2, "fn"), (3, "account")]
    assert function.throttle is not None
    assert (function.throttle.limit, function.throttle.burst, function.throttle.period_ms) == (4, 3, 60_000)
    assert function.rate_limit is not None
    assert function.rate_limit.burst == 2  # a tenth of the limit, as on the server
    assert (function.start_timeout_ms, function.finish_timeout_ms) == (60_000, 120_000)
    assert function.cancellations[0].within_ms == 60_000
    assert function.debounce is not None
    assert (function.debounce.period_ms, function.debounce.timeout_ms) == (60_000, 120_000)


def test_a_batch_is_understood_and_has_the_servers_time_out_when_it_has_none() -> None:
    (function,) = parse_functions([sdk_config(batch_events=inngest.Batch(max_size=5, key="event.data.id"))])
    assert function.batch is not None
    assert (function.batch.max_size, function.batch.timeout_ms) == (5, 60_000)


def test_without_a_number_of_retries_there_are_four() -> None:
    assert parse_functions([sdk_config()])[0].max_attempts == 5
    assert parse_functions([sdk_config(retries=0)])[0].max_attempts == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"checkpoint": {"batchSteps": 1}}, "checkpoint is not supported"),
        ({"throttle": {"limit": 1, "period": "1m", "smooth": True}}, "throttle: smooth is not supported"),
        ({"concurrency": [{"limit": 0}]}, "concurrency limit is not a positive number"),
        ({"concurrency": [{"limit": 1}] * 3}, "concurrency has more than 2"),
        ({"concurrency": [{"limit": 1, "scope": "galaxy"}]}, "scope 'galaxy' is not supported"),
        ({"singleton": {"mode": "replace"}}, "mode 'replace' is not supported"),
        ({"triggers": [{"event": "go", "expression": "event.data.x.map(y, y)"}]}, r"map\(\) is not supported"),
        ({"triggers": [{"event": "go", "filter": "x"}]}, "trigger: filter is not supported"),
        ({"triggers": [{"cron": "x"}]}, "five fields"),
        ({"timeouts": {"start": "soon"}}, "not a duration: 'soon'"),
        ({"batchEvents": {"maxSize": 2}, "priority": {"run": "1"}}, "batchEvents does not combine with priority"),
        ({"priority": {"run": "event.data."}}, "expected a name"),
        ({"steps": {"step": {"id": "step", "runtime": {"type": "ws", "url": "ws://x"}}}}, "runtime type"),
        ({"steps": {}}, "'step' is missing|not an object|steps"),
    ],
)
def test_anything_else_is_refused_with_the_functions_name_and_the_options(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigRefused, match=reason) as refusal:
        parse_functions([{**sdk_config(), **change}])
    assert "'app-fn'" in str(refusal.value)


def test_two_functions_of_one_id_are_refused() -> None:
    with pytest.raises(ConfigRefused, match="registered twice: app-fn"):
        parse_functions([sdk_config(), sdk_config()])


def test_an_app_replaces_its_own_functions_and_no_others() -> None:
    registry = Registry()
    first, second = sdk_config(), {**sdk_config(), "id": "other-fn"}
    assert registry.replace("app", parse_functions([first]))
    assert registry.replace("other", parse_functions([second]))
    assert not registry.replace("app", parse_functions([first]))
    assert registry.replace("app", [])
    assert [function.id for function in registry] == ["other-fn"]


@given(
    st.integers(1, 50),
    st.integers(0, 5),
    st.integers(1_000, 600_000),
    st.lists(st.integers(0, 60_000), min_size=1, max_size=40),
)
def test_a_rate_lets_through_its_burst_and_then_keeps_its_pace(
    limit: int, burst: int, period_ms: int, pauses: list[int]
) -> None:
    sql = sqlite3.connect(":memory:", isolation_level=None)
    sql.row_factory = sqlite3.Row
    sql.executescript(SCHEMA)
    policy = Policy(Registry(), lambda _: 1.0, Limits(), 1)
    rate, now, passed = Rate(limit, period_ms, None, burst), 1_700_000_000_000, 0
    start = now
    for pause in pauses:
        now += pause
        tx = Transaction(sql, now, policy)
        available, next_at = rates.tokens(tx, "key", rate)
        assert next_at > now or available > 0
        if available:
            rates.spend(tx, "key", rate)
            passed += 1
            assert rates.tokens(tx, "key", rate)[0] == available - 1
    emission = period_ms / limit
    assert 1 <= passed <= burst + 1 + (now - start) / emission + 0.01
    sql.close()
