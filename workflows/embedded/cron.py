"""Cron schedules: five fields, names, ranges, lists, steps, `@daily` and the like, and a `TZ=` prefix."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflows.embedded.errors import ConfigRefused

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = {name: number for number, name in enumerate(_DAY_NAMES)}
_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_HORIZON_DAYS = 366 * 28 + 7  # 29 February on a given weekday comes back within 28 years


@dataclass(frozen=True)
class Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool  # day of month and day of week both restricted: either one suffices (crontab(5))
    zone: ZoneInfo

    def after(self, moment_ms: int) -> int:
        """The first time after `moment_ms` (ms since the epoch). A time that the zone skips in spring does not
        come; one that it repeats in autumn comes once."""
        start = dt.datetime.fromtimestamp(moment_ms / 1000, self.zone)
        for offset in range(_HORIZON_DAYS):
            day = start.date() + dt.timedelta(days=offset)
            if self._on(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        found = self._instant(day, hour, minute)
                        if found is not None and found > moment_ms:
                            return found
        raise ConfigRefused("a schedule that never comes")

    def _on(self, day: dt.date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_day or by_weekday) if self.either_day else (by_day and by_weekday)

    def _instant(self, day: dt.date, hour: int, minute: int) -> int | None:
        local = dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
        instant = local.astimezone(dt.UTC)
        if instant.astimezone(self.zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            return None
        return int(instant.timestamp()) * 1000


@lru_cache(maxsize=128)
def parse_cron(text: str) -> Cron:
    """Parse a schedule; ConfigRefused says what is wrong with it."""
    fields, zone = text.split(), ZoneInfo("UTC")
    if fields and fields[0].startswith(("TZ=", "CRON_TZ=")):
        name = fields.pop(0).partition("=")[2]
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigRefused(f"cron {text!r}: unknown time zone {name!r}") from error
    if len(fields) == 1 and fields[0] in _NAMED:
        fields = _NAMED[fields[0]].split()
    if len(fields) != 5:
        raise ConfigRefused(f"cron {text!r}: five fields expected")
    try:
        minutes, hours = _field(fields[0], 0, 59), _field(fields[1], 0, 23)
        days, months = _field(fields[2], 1, 31), _field(fields[3], 1, 12, _MONTHS)
        weekdays = frozenset(day % 7 for day in _field(fields[4], 0, 7, _DAYS))
    except ValueError as error:
        raise ConfigRefused(f"cron {text!r}: {error}") from error
    either_day = not fields[2].startswith(("*", "?")) and not fields[4].startswith(("*", "?"))
    cron = Cron(minutes, hours, days, months, weekdays, either_day, zone)
    cron.after(0)
    return cron


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _, step_text = part.partition("/")
        step = int(step_text) if "/" in part else 1
        if span in ("*", "?"):
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, names)
            last = _number(end, names) if dash else (high if "/" in part else first)
        if step < 1 or not low <= first <= last <= high:
            raise ValueError(f"{part!r} is not within {low}-{high}")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _number(text: str, names: dict[str, int] | None) -> int:
    named = (names or {}).get(text.lower())
    return int(text) if named is None else named
