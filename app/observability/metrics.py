"""What Prometheus sees. Labels are routes, steps and statuses; never names, tenants or anything a person wrote."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

REQUESTS = Counter("cairn_http_requests_total", "Requests answered", ["method", "route", "status"], registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "cairn_http_request_seconds",
    "Time to the start of the answer",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
STEPS = Counter("cairn_job_steps_total", "Steps of jobs that ended", ["step", "outcome"], registry=REGISTRY)
STEP_SECONDS = Histogram(
    "cairn_job_step_seconds",
    "Time of a step that succeeded",
    ["step"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800),
    registry=REGISTRY,
)
JOBS = Counter("cairn_jobs_total", "Jobs that ended", ["status"], registry=REGISTRY)
UNSENT_EVENTS = Counter("cairn_unsent_events_total", "Events that the engine did not take at once", registry=REGISTRY)
DRIFT = Counter("cairn_drift_total", "Things found not to be as the catalog says", ["kind"], registry=REGISTRY)
INTAKE_FILES = Counter(
    "cairn_intake_files_total", "Files of folders and bundles", ["way", "outcome"], registry=REGISTRY
)
CITATIONS = Counter(
    "cairn_citations_total", "Quotes that were looked for where they are cited", ["outcome"], registry=REGISTRY
)
SCORES = Gauge(
    "cairn_evaluation_score",
    "What the newest evaluation of a collection found",
    ["collection_id", "measure"],
    registry=REGISTRY,
)
CACHE_LOOKUPS = Counter("cairn_cache_lookups_total", "Looked up in a cache", ["cache", "outcome"], registry=REGISTRY)
CACHE_BYTES = Gauge("cairn_cache_bytes", "Kept in the shared cache", ["cache"], registry=REGISTRY)
MODEL_RUNNING = Gauge("cairn_model_running", "Answers that a model is writing", registry=REGISTRY)
MODEL_WAITING = Gauge("cairn_model_waiting", "Questions in line for a model", registry=REGISTRY)
MODEL_QUEUE_SECONDS = Histogram(
    "cairn_model_queue_seconds",
    "Time in line for a model",
    buckets=(0.01, 0.1, 0.5, 1, 5, 15, 30, 60, 120),
    registry=REGISTRY,
)
MODEL_RETRIES = Counter("cairn_model_retries_total", "Asked again before the first word", registry=REGISTRY)
MODEL_BREAKER_OPEN = Gauge(
    "cairn_model_breaker_open", "1 while a model that kept failing is left alone", registry=REGISTRY
)
VECTORS_RESTING = Gauge(
    "cairn_vectors_resting", "1 while a vector index that did not answer is left alone", registry=REGISTRY
)
ASKED = Counter(
    "cairn_questions_total", "Questions that came to an answer or to an end", ["outcome"], registry=REGISTRY
)
DEPENDENCY_UP = Gauge("cairn_dependency_up", "1 while it answers", ["dependency"], registry=REGISTRY)
JOBS_UNFINISHED = Gauge("cairn_jobs_unfinished", "Jobs that have not ended", ["status"], registry=REGISTRY)
OLDEST_JOB_SECONDS = Gauge(
    "cairn_oldest_unfinished_job_seconds", "How long the oldest of them has been there", ["status"], registry=REGISTRY
)
EVENTS_WAITING = Gauge("cairn_events_waiting", "Events that the workflow engine has not taken yet", registry=REGISTRY)
DISK_FREE_BYTES = Gauge("cairn_disk_free_bytes", "Room in the data folder", registry=REGISTRY)


class RequestMetrics:
    """ASGI middleware: one count and one time a request, under the route's template."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "unmatched")
                REQUESTS.labels(scope["method"], route, message["status"]).inc()
                REQUEST_SECONDS.labels(scope["method"], route).observe(time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, observed)
