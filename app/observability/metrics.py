"""What Prometheus sees: docs/metrics.md lists it. Labels are routes, steps, codes, stages and models, of which there are a few;
never tenants, documents or anything a person wrote. What is known beforehand stands at 0 from the start, so that a rate has
something to begin with."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SLOW = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800)


def _counter(name: str, what: str, *labels: str) -> Counter:
    return Counter(name, what, labels, registry=REGISTRY)


def _gauge(name: str, what: str, *labels: str) -> Gauge:
    return Gauge(name, what, labels, registry=REGISTRY)


def _seconds(name: str, what: str, *labels: str, buckets: tuple[float, ...] = _QUICK) -> Histogram:
    return Histogram(name, what, labels, buckets=buckets, registry=REGISTRY)


# --- requests
REQUESTS = _counter("cairn_http_requests_total", "Requests answered", "method", "route", "status")
REQUEST_SECONDS = _seconds("cairn_http_request_duration_seconds", "Time to the start of the answer", "method", "route")
ERRORS = _counter("cairn_http_errors_total", "Requests answered with a problem document", "code")
SPANS = _counter("cairn_trace_spans_total", "Spans for the collector of traces (outcome: sent, lost)", "outcome")
BUILD = _gauge("cairn_build_info", "1; the release is a label", "version")

# --- questions
ASKED = _counter("cairn_questions_total", "Questions that came to an answer or to an end", "outcome")
STAGE_SECONDS = _seconds(
    "cairn_query_stage_duration_seconds",
    "Time of a stage of a question or search",
    "stage",
    buckets=(0.001, *_QUICK, 60),
)
BUDGET_SECONDS = _gauge("cairn_stage_budget_seconds", "What a stage or step may take (CAIRN_LATENCY_BUDGETS)", "stage")
BUDGET_BREACHES = _counter("cairn_stage_budget_breaches_total", "Times that a stage or step took longer", "stage")
CITATIONS = _counter("cairn_citations_total", "Quotes that were looked for where they are cited", "outcome")
FEEDBACK = _counter("cairn_feedback_total", "Opinions about answers that were given", "thumb")
SCORES = _gauge(
    "cairn_evaluation_score", "What the newest evaluation of a collection found", "collection_id", "measure"
)
CACHE_LOOKUPS = _counter("cairn_cache_lookups_total", "Looked up in a cache", "cache", "outcome")
CACHE_BYTES = _gauge("cairn_cache_bytes", "Kept in the shared cache", "cache")
VECTORS_RESTING = _gauge("cairn_vectors_resting", "1 while a vector index that did not answer is left alone")

# --- models
TOKENS = _counter(
    "cairn_tokens_total",
    "Tokens that models read and wrote (kind: prompt, completion, embedded); of an embedding model in Ollama, estimated",
    "kind",
    "model",
)
MODEL_CALLS = _counter("cairn_model_calls_total", "Answers asked of a language model", "model", "outcome")
MODEL_CALL_SECONDS = _seconds(
    "cairn_model_call_duration_seconds",
    "Time of a language model's whole answer",
    "model",
    buckets=(0.1, 0.5, *_SLOW[4:]),
)
MODEL_FIRST_TOKEN_SECONDS = _seconds(
    "cairn_model_first_token_seconds", "Time to a language model's first word", "model", buckets=(*_QUICK, 60, 120)
)
MODEL_COMPUTE = _counter(
    "cairn_model_compute_seconds_total",
    "Time that Ollama says it worked (phase: load, prompt, completion): of the GPU, where the model lies there",
    "model",
    "phase",
)
EMBEDDING_SECONDS = _seconds(
    "cairn_embedding_duration_seconds", "Time of a call to an embedding model", "model", "kind"
)
MODEL_RUNNING = _gauge("cairn_model_running", "Answers that a model is writing")
MODEL_WAITING = _gauge("cairn_model_waiting", "Questions in line for a model")
MODEL_SLOTS = _gauge("cairn_model_slots", "Answers that a model may write at once")
MODEL_QUEUE_SECONDS = _seconds(
    "cairn_model_queue_seconds", "Time in line for a model", buckets=(0.01, 0.1, 0.5, 1, 5, 15, 30, 60, 120)
)
MODEL_RETRIES = _counter("cairn_model_retries_total", "Asked again before the first word")
MODEL_BREAKER_OPEN = _gauge("cairn_model_breaker_open", "1 while a model that kept failing is left alone")
OLLAMA_LOADED = _gauge("cairn_ollama_models_loaded", "Models that Ollama holds in memory")
OLLAMA_BYTES = _gauge(
    "cairn_ollama_memory_bytes", "Memory of loaded models (memory: vram of the GPU, or ram)", "memory"
)

# --- documents and jobs
JOBS = _counter("cairn_jobs_total", "Jobs that ended", "status")
JOB_FAILURES = _counter("cairn_job_failures_total", "Jobs that failed, by the code of their error", "code")
JOBS_UNFINISHED = _gauge("cairn_jobs_unfinished", "Jobs that have not ended", "status")
OLDEST_JOB_SECONDS = _gauge(
    "cairn_oldest_unfinished_job_seconds", "How long the oldest of them has been there", "status"
)
STEPS = _counter("cairn_job_steps_total", "Steps of jobs that ended", "step", "outcome")
STEP_RETRIES = _counter("cairn_job_step_retries_total", "Attempts of steps that will be repeated", "step")
STEP_SECONDS = _seconds("cairn_job_step_duration_seconds", "Time of a step that succeeded", "step", buckets=_SLOW)
EVENTS_WAITING = _gauge("cairn_events_waiting", "Events that the workflow engine has not taken yet")
UNSENT_EVENTS = _counter("cairn_unsent_events_total", "Events that the engine did not take at once")
DRIFT = _counter("cairn_drift_total", "Things found not to be as the catalog says", "kind")
INTAKE_FILES = _counter("cairn_intake_files_total", "Files of folders and bundles", "way", "outcome")

# --- what is kept
DOCUMENTS = _gauge("cairn_documents", "Documents that are not deleted; those that are ready answer questions", "status")
VERSIONS = _gauge("cairn_document_versions", "Versions of them")
INDEX_CHUNKS = _gauge(
    "cairn_index_chunks", "Chunks in builds of collections (generation: active, or another being built)", "generation"
)
INDEX_GENERATIONS = _gauge("cairn_index_generations", "Builds of collections", "generation")
INDEX_VECTORS = _gauge("cairn_index_vectors", "Vectors that the vector index holds")
STORE_BYTES = _gauge("cairn_store_bytes", "What a store takes, where that can be seen from here", "store")
DISK_FREE_BYTES = _gauge("cairn_disk_free_bytes", "Room in the data folder")
DISK_BYTES = _gauge("cairn_disk_size_bytes", "Size of the data folder's disk")
DEPENDENCY_UP = _gauge("cairn_dependency_up", "1 while it answers", "dependency")

# --- the machine
CORES = _gauge("cairn_cpu_cores", "Processors that this process may use")
WORKERS = _gauge("cairn_workers", "Worker processes at most", "pool")
WORKERS_BUSY = _gauge("cairn_workers_busy", "Worker processes with a task", "pool")
WORKERS_WAITING = _gauge("cairn_workers_waiting", "Tasks in line for a worker process", "pool")
WORKER_TASKS = _counter("cairn_worker_tasks_total", "Tasks of worker processes that ended", "pool", "outcome")
WORKER_STARTS = _counter("cairn_worker_starts_total", "Worker processes started", "pool")
WORKER_CPU = _counter("cairn_worker_cpu_seconds_total", "Processor time of worker processes", "pool")
JOURNAL_COMMIT_SECONDS = _seconds(
    "cairn_journal_commit_duration_seconds", "Time of a commit of the embedded executor's journal"
)
JOURNAL_TRANSACTIONS = _counter("cairn_journal_transactions_total", "Transactions in those commits")
JOURNAL_EVENTS = _gauge("cairn_journal_events", "Events in the journal")
JOURNAL_RUNS = _gauge("cairn_journal_runs", "Runs in the journal", "status")

_DRIFT = (
    *("unknown_generations", "orphan_versions", "incomplete_versions", "not_mended", "gone_meanwhile"),
    *("restored_originals", "orphan_files", "lost_originals", "undeleted_documents", "abandoned_jobs"),
)
_KNOWN: tuple[tuple[Counter | Gauge, tuple[tuple[str, ...], ...]], ...] = (
    (ASKED, (("answered",), ("abstained",), ("degraded",), ("refused",), ("failed",), ("left",))),
    (CITATIONS, (("verified",), ("refused",), ("unread",))),
    (FEEDBACK, (("up",), ("down",), ("none",))),
    (
        CACHE_LOOKUPS,
        tuple((cache, how) for cache in ("embeddings", "results", "answers", "semantic") for how in ("hit", "miss")),
    ),
    (CACHE_BYTES, (("embeddings",), ("results",), ("answers",))),
    (OLLAMA_BYTES, (("vram",), ("ram",))),
    (JOBS, (("succeeded",), ("failed",), ("cancelled",))),
    (JOBS_UNFINISHED, (("queued",), ("running",))),
    (DRIFT, tuple((kind,) for kind in _DRIFT)),
    (INTAKE_FILES, tuple(("bundle", outcome) for outcome in ("documents", "duplicates", "refused"))),
    (INTAKE_FILES, tuple(("folder", outcome) for outcome in ("new", "changed", "moved", "removed", "refused"))),
    (DOCUMENTS, (("ready",), ("not_ready",))),
    (INDEX_CHUNKS, (("active",), ("other",))),
    (INDEX_GENERATIONS, (("active",), ("other",))),
    (JOURNAL_RUNS, (("RUNNING",), ("COMPLETED",), ("FAILED",), ("CANCELLED",))),
)


def _begin() -> None:
    for metric, known in _KNOWN:
        for values in known:
            metric.labels(*values)


_begin()
