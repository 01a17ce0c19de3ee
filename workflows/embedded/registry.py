"""What functions there are and what they ask for. An option that the executor does not implement is refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

from workflows.embedded.canonical import JSON
from workflows.embedded.cron import Cron, parse_cron
from workflows.embedded.durations import milliseconds
from workflows.embedded.errors import ConfigRefused
from workflows.embedded.expressions import Expression, compile_expression

DEFAULT_RETRIES = 4
FUNCTION_FAILED = "inngest/function.failed"
_MOST_CONCURRENCY_RULES = 2


@dataclass(frozen=True)
class Trigger:
    event: str
    expression: Expression | None


@dataclass(frozen=True)
class Schedule:
    text: str
    cron: Cron
    jitter_ms: int

    def after(self, moment_ms: int) -> int:
        """The next tick, up to the jitter late; the same tick is always equally late."""
        tick = self.cron.after(moment_ms)
        return tick + (crc32(f"{self.text} {tick}".encode()) % self.jitter_ms if self.jitter_ms else 0)


@dataclass(frozen=True)
class Cancellation:
    event: str
    expression: Expression | None
    within_ms: int | None  # only this long after the run was created


@dataclass(frozen=True)
class Concurrency:
    limit: int
    scope: str  # fn | env | account
    key: Expression | None

    def slot(self, function_id: str, value: str) -> str:
        """The name under which calls count against this limit."""
        owner = function_id if self.scope == "fn" else self.scope
        return "\x1f".join((owner, self.key.source if self.key else "", value))


@dataclass(frozen=True)
class Rate:
    """One every `period_ms` / `limit`, and `burst` more at once."""

    limit: int
    period_ms: int
    key: Expression | None
    burst: int


@dataclass(frozen=True)
class Debounce:
    period_ms: int
    key: Expression | None
    timeout_ms: int | None


@dataclass(frozen=True)
class Batch:
    max_size: int
    timeout_ms: int
    key: Expression | None
    eligible: Expression | None  # an event for which it is false runs alone


@dataclass(frozen=True)
class Singleton:
    mode: str  # skip | cancel
    key: Expression | None


@dataclass(frozen=True)
class Function:
    """One function's configuration."""

    id: str
    name: str
    url: str
    retries: int = DEFAULT_RETRIES
    triggers: tuple[Trigger, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    cancellations: tuple[Cancellation, ...] = ()
    concurrency: tuple[Concurrency, ...] = ()
    priority: Expression | None = None
    throttle: Rate | None = None
    rate_limit: Rate | None = None
    idempotency: Expression | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None
    singleton: Singleton | None = None
    start_timeout_ms: int | None = None
    finish_timeout_ms: int | None = None

    @property
    def max_attempts(self) -> int:
        return self.retries + 1

    @property
    def handles_failures(self) -> bool:
        """Whether it is an `on_failure` handler."""
        return bool(self.triggers) and all(trigger.event == FUNCTION_FAILED for trigger in self.triggers)


class Registry:
    """The functions of one or more apps, by id and by what they listen to."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}

    def __iter__(self) -> Iterator[Function]:
        return iter(self._functions.values())

    def get(self, function_id: str) -> Function | None:
        return self._functions.get(function_id)

    def replace(self, app_id: str, functions: Iterable[Function]) -> bool:
        """Make these the functions of the app; True if that changed anything."""
        prefix = f"{app_id}-"
        kept = {id_: function for id_, function in self._functions.items() if not id_.startswith(prefix)}
        after = kept | {function.id: function for function in functions}
        changed, self._functions = after != self._functions, after  # one assignment: readers are on another thread
        return changed


def parse_functions(configs: Iterable[JSON]) -> list[Function]:
    """Functions of the configurations an app registers; ConfigRefused names the function and the option."""
    functions = [_named(_object(config, "function")) for config in configs]
    repeated = {function.id for function in functions if sum(other.id == function.id for other in functions) > 1}
    if repeated:
        raise ConfigRefused(f"function ids registered twice: {', '.join(sorted(repeated))}")
    return functions


def _named(config: Mapping[str, JSON]) -> Function:
    try:
        return _function({key: value for key, value in config.items() if value not in (None, [], {})})
    except (ConfigRefused, KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigRefused(f"function {config.get('id')!r}: {reason}") from error


def _function(config: Mapping[str, JSON]) -> Function:
    _only(
        config,
        "function",
        "id name steps triggers batchEvents cancel concurrency debounce idempotency priority rateLimit throttle "
        "timeouts singleton",
    )
    _only(config["steps"], "steps", "step")
    step = config["steps"]["step"]
    _only(step, "step", "id name retries runtime")
    url = str(step["runtime"]["url"])
    if step["runtime"].get("type", "http") != "http":
        raise ConfigRefused("runtime type is not supported: only http is")
    timeouts = config.get("timeouts", {})
    _only(timeouts, "timeouts", "start finish")
    limits = config.get("concurrency", [])
    if len(limits) > _MOST_CONCURRENCY_RULES:
        raise ConfigRefused(f"concurrency has more than {_MOST_CONCURRENCY_RULES} rules")
    triggers = config["triggers"]
    function = Function(
        id=str(config["id"]),
        name=str(config.get("name") or config["id"]),
        url=url,
        retries=int((step.get("retries") or {}).get("attempts", DEFAULT_RETRIES)),
        triggers=tuple(_trigger(trigger) for trigger in triggers if "event" in trigger),
        schedules=tuple(_schedule(trigger) for trigger in triggers if "event" not in trigger),
        cancellations=tuple(_cancellation(rule) for rule in config.get("cancel", [])),
        concurrency=tuple(_concurrency(rule) for rule in limits),
        priority=_expression(config.get("priority", {}).get("run")),
        throttle=_rate(config.get("throttle"), "throttle"),
        rate_limit=_rate(config.get("rateLimit"), "rateLimit"),
        idempotency=_expression(config.get("idempotency")),
        debounce=_debounce(config.get("debounce")),
        batch=_batch(config.get("batchEvents")),
        singleton=_singleton(config.get("singleton")),
        start_timeout_ms=_duration(timeouts.get("start")),
        finish_timeout_ms=_duration(timeouts.get("finish")),
    )
    excluded = {"debounce", "singleton", "rateLimit", "idempotency", "cancel", "priority"} & set(config)
    if function.batch and excluded:
        raise ConfigRefused(f"batchEvents does not combine with {', '.join(sorted(excluded))}")
    return function


def _trigger(config: Mapping[str, JSON]) -> Trigger:
    _only(config, "trigger", "event expression")
    return Trigger(str(config["event"]), _expression(config.get("expression")))


def _schedule(config: Mapping[str, JSON]) -> Schedule:
    _only(config, "trigger", "cron jitter")
    return Schedule(str(config["cron"]), parse_cron(str(config["cron"])), _duration(config.get("jitter")) or 0)


def _cancellation(config: Mapping[str, JSON]) -> Cancellation:
    _only(config, "cancel", "event if timeout")
    return Cancellation(str(config["event"]), _expression(config.get("if")), _duration(config.get("timeout")))


def _concurrency(config: Mapping[str, JSON]) -> Concurrency:
    _only(config, "concurrency", "limit key scope")
    scope = config.get("scope") or "fn"
    if scope not in ("fn", "env", "account"):
        raise ConfigRefused(f"concurrency scope {scope!r} is not supported")
    return Concurrency(_count(config["limit"], "concurrency limit"), scope, _expression(config.get("key")))


def _rate(config: Mapping[str, JSON] | None, option: str) -> Rate | None:
    if config is None:
        return None
    _only(config, option, "limit period key burst" if option == "throttle" else "limit period key")
    return Rate(
        limit=_count(config["limit"], f"{option} limit"),
        period_ms=milliseconds(config["period"]),
        key=_expression(config.get("key")),
        burst=int(config.get("burst", 1)) if option == "throttle" else int(config["limit"]) // 10,
    )


def _debounce(config: Mapping[str, JSON] | None) -> Debounce | None:
    if config is None:
        return None
    _only(config, "debounce", "period key timeout")
    return Debounce(milliseconds(config["period"]), _expression(config.get("key")), _duration(config.get("timeout")))


def _batch(config: Mapping[str, JSON] | None) -> Batch | None:
    if config is None:
        return None
    _only(config, "batchEvents", "maxSize timeout key if")
    return Batch(
        max_size=_count(config["maxSize"], "batchEvents maxSize"),
        timeout_ms=_duration(config.get("timeout")) or 60_000,
        key=_expression(config.get("key")),
        eligible=_expression(config.get("if")),
    )


def _singleton(config: Mapping[str, JSON] | None) -> Singleton | None:
    if config is None:
        return None
    _only(config, "singleton", "key mode")
    if config["mode"] not in ("skip", "cancel"):
        raise ConfigRefused(f"singleton mode {config['mode']!r} is not supported")
    return Singleton(config["mode"], _expression(config.get("key")))


def _expression(source: str | None) -> Expression | None:
    return compile_expression(source) if source else None


def _duration(text: str | None) -> int | None:
    return milliseconds(text) if text else None


def _count(value: JSON, what: str) -> int:
    if not isinstance(value, int) or value < 1:
        raise ConfigRefused(f"{what} is not a positive number")
    return value


def _object(value: JSON, what: str) -> Mapping[str, JSON]:
    if not isinstance(value, dict):
        raise ConfigRefused(f"{what} is not an object")
    return value


def _only(config: JSON, where: str, known: str) -> None:
    unknown = set(_object(config, where)) - set(known.split())
    if unknown:
        raise ConfigRefused(f"{where}: {', '.join(sorted(unknown))} is not supported")
