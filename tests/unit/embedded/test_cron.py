from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.embedded.cron import parse_cron
from workflows.embedded.errors import ConfigRefused


def after(cron: str, moment: str) -> str:
    start = int(dt.datetime.fromisoformat(moment).timestamp() * 1000)
    found = dt.datetime.fromtimestamp(parse_cron(cron).after(start) / 1000, dt.UTC)
    return found.strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("cron", "moment", "expected"),
    [
        ("* * * * *", "2026-01-01T00:00:30Z", "2026-01-01 00:01"),
        ("*/15 * * * *", "2026-01-01T00:15:00Z", "2026-01-01 00:30"),  # strictly after
        ("0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-02 03:00"),
        ("30 9-17/4 * * 1-5", "2026-01-02T17:31:00Z", "2026-01-05 09:30"),  # over the weekend
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29 00:00"),
        ("0 0 1 jan,jul *", "2026-02-01T00:00:00Z", "2026-07-01 00:00"),
        ("0 12 * * SUN", "2026-01-01T00:00:00Z", "2026-01-04 12:00"),
        ("0 12 * * 7", "2026-01-01T00:00:00Z", "2026-01-04 12:00"),
        ("0 0 13 * 5", "2026-01-01T00:00:00Z", "2026-01-02 00:00"),  # the 13th or a Friday
        ("0 0 */2 * 5", "2026-01-02T00:00:00Z", "2026-01-09 00:00"),  # a star restricts with the other: odd Fridays
        ("5/20 * * * *", "2026-01-01T00:00:00Z", "2026-01-01 00:05"),
        ("@daily", "2026-01-01T00:00:00Z", "2026-01-02 00:00"),
        ("@weekly", "2026-01-01T00:00:00Z", "2026-01-04 00:00"),
        ("TZ=America/New_York 0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01 14:00"),
        ("CRON_TZ=America/New_York 0 9 * * *", "2026-07-01T00:00:00Z", "2026-07-01 13:00"),
        # 29 March 2026: Berlin goes from 02:00 to 03:00; 25 October: from 03:00 back to 02:00
        ("TZ=Europe/Berlin 30 2 * * *", "2026-03-29T00:00:00Z", "2026-03-30 00:30"),
        ("TZ=Europe/Berlin 30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25 00:30"),
        ("TZ=Europe/Berlin 30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26 01:30"),
    ],
)
def test_next_time(cron: str, moment: str, expected: str) -> None:
    assert after(cron, moment) == expected


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "60 * * * *", "* 24 * * *", "0 0 0 * *", "0 0 * 13 *", "5-1 * * * *", "*/0 * * * *", "a * * * *",
     "TZ=Mars/Olympus 0 0 * * *", "0 0 31 2 *", "@sometimes", "1,,2 * * * *", "* * * * * *"],
)  # fmt: skip
def test_schedules_that_are_none_are_refused(cron: str) -> None:
    with pytest.raises(ConfigRefused, match=r"cron|never"):
        parse_cron(cron)


@given(
    st.sampled_from(["*/7 * * * *", "0 2 * * *", "30 2 1 * *", "15 */6 * * 1", "59 23 31 12 *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2040, 1, 1)),
)
def test_a_time_found_is_later_and_matches_and_none_lies_between(cron: str, zone: str, moment: dt.datetime) -> None:
    parsed = parse_cron(f"TZ={zone} {cron}")
    start = int(moment.replace(tzinfo=dt.UTC).timestamp() * 1000)
    found = parsed.after(start)
    local = dt.datetime.fromtimestamp(found / 1000, ZoneInfo(zone))
    assert found > start
    assert local.minute in parsed.minutes
    assert local.hour in parsed.hours
    assert local.month in parsed.months
    assert parsed.after(found - 1) == found
    if found - start > 60_000:
        assert parsed.after(start + (found - start) // 2) == found
