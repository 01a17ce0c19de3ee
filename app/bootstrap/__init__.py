"""The composition root: builds everything from the settings. Nothing else imports an adapter or knows which one is used."""

from __future__ import annotations

import hmac
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from app.adapters import inngest_client, secret_files
from app.adapters.process_pool import ProcessPool
from app.adapters.redis_cache import RedisCache
from app.adapters.remains import FolderRemains, RedisRemains, SqlRemains
from app.bootstrap import identity, watching
from app.bootstrap.assembly import FIRST_KEY_FILE, Assembly
from app.bootstrap.dependencies import dependencies
from app.bootstrap.engine import Engine
from app.bootstrap.models import Models, find_ocr
from app.bootstrap.program import program
from app.bootstrap.reloading import quotas, rates
from app.bootstrap.sources import places_of, secrets_of
from app.bootstrap.stores import Stores
from app.observability.budgets import Budgets
from app.services.admission import AdmittedAsk
from app.services.answer_records import AnswerRecords, RecordedAnswers
from app.services.ask import Answerer, Ask
from app.services.audit import Audit
from app.services.audited_ask import AuditedAsk
from app.services.bundle import Services
from app.services.bundles import Bundles
from app.services.caching.answers import CachedAsk
from app.services.caching.retrieval import CachedRetrieval
from app.services.collections import Collections
from app.services.conversations import ConversationGarbage, Conversations, FeedbackBook
from app.services.deletion import DocumentDeletion
from app.services.dialogue import Dialogue, FollowUps
from app.services.documents import Documents
from app.services.embedding_cache import CachedEmbedders
from app.services.erasure import DocumentErasure, Erasures
from app.services.erasure_orders import ErasureOrders
from app.services.evaluations import CollectionEvaluation, Evaluations
from app.services.expansion import Expansion
from app.services.figures import Figures
from app.services.golden_sets import GoldenSets
from app.services.health import Health
from app.services.identity import Identity
from app.services.indexing import Indexing
from app.services.ingestion import DocumentIngestion, IngestionLimits, VersionCache
from app.services.job_record import CatalogJobRecord
from app.services.jobs import Jobs
from app.services.kept import Kept, limits
from app.services.keys import Keys
from app.services.limits import Limits, MeteredAsk
from app.services.outbox import Outbox
from app.services.page_pictures import PagePictures
from app.services.privacy import Policies
from app.services.redacted_ask import RedactedAsk, RedactedSearch
from app.services.redaction import Redaction
from app.services.reindex import CollectionReindex, Reindexes
from app.services.reindex_gate import ReindexGate
from app.services.rereading import Rereading
from app.services.reredaction import CollectionReredaction
from app.services.resting import RestingVectors
from app.services.retention import Retention
from app.services.retrieval import Retrieval, Search
from app.services.revealing import Revealing
from app.services.sharing import Sharing
from app.services.sources import Sources
from app.services.staging import Staging
from app.services.sync import SourceSync
from app.services.sync_files import FileIntake
from app.services.unpacking import BundleUnpacking
from app.services.upkeep.bundles import IntakeGarbage
from app.services.upkeep.files import FileReconciliation
from app.services.upkeep.garbage import Garbage
from app.services.upkeep.indexes import IndexReconciliation
from app.services.upkeep.jobs import JobReconciliation
from app.services.upkeep.requests import Reconciles
from app.services.watched import (
    WatchedAsk,
    WatchedEmbedders,
    WatchedEvents,
    WatchedKeywords,
    WatchedNearest,
    WatchedPages,
    WatchedReranker,
    WatchedSearch,
)
from app.settings import Settings
from pipelines.domain.errors import ConfigurationError
from pipelines.ingest.bundle import Limits as BundleLimits
from pipelines.ingest.chunk import CHUNKER
from pipelines.ingest.redact import POLICIES
from pipelines.query.cache_key import digest
from pipelines.query.glossary import Glossary, built_in
from workflows import registry
from workflows.ingest import Limits as FunctionLimits
from workflows.maintenance import Upkeep
from workflows.steps import Retries

__all__ = ["FIRST_KEY_FILE", "Assembly", "assemble", "find_ocr", "secrets_of"]

# What a cited page is read again with: a process of its own, since questions come before documents.
_READER_MEMORY_BYTES = 1024 * 1024 * 1024
_READER_TIMEOUT_S = 10
_READER_IDLE_S = 600


def assemble(settings: Settings) -> Assembly:
    """Opens nothing, except that it makes the data folder and its key for redaction when they are not there."""
    folder = settings.data_dir.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tracer, budgets = watching.tracer(settings), Budgets(settings.latency_budgets)
    stores, models, engine = Stores.of(settings), Models.of(settings, tracer), Engine.of(settings)
    catalog = stores.catalog
    pool = ProcessPool(settings.worker_processes, settings.worker_memory_bytes, settings.parse_timeout_s)
    readers = ProcessPool(
        1, _READER_MEMORY_BYTES, _READER_TIMEOUT_S, idle_timeout_s=_READER_IDLE_S, niceness=0, name="pages"
    )
    ocr = find_ocr(settings)
    staging = Staging(
        folder / "incoming", pool, max_file_bytes=settings.max_file_bytes, max_pages=settings.max_pages, ocr=ocr
    )
    outbox = Outbox(catalog, WatchedEvents(inngest_client.InngestEvents(engine.client), tracer))
    collections = Collections(catalog, models.embedders, CHUNKER, _now)
    redaction = Redaction(
        catalog,
        POLICIES[settings.pii_policy],
        _redaction_key(settings, folder),
        str(settings.pii_names_model) if settings.pii_names_model else None,
    )
    record = CatalogJobRecord(catalog, _now, tracer)
    kept = Kept(stores.cache, catalog, limits(settings.cache_max_bytes))
    embedders = WatchedEmbedders(models.embedders, tracer)
    answer_embedders = CachedEmbedders(embedders, kept)
    index_embedders = CachedEmbedders(embedders, kept, entries=0)  # a document's text comes once
    nearest = RestingVectors(stores.vectors, timeout_s=settings.vectors_timeout_s)
    glossary = _glossary(settings)
    retrieval = Retrieval(
        catalog,
        answer_embedders,
        WatchedNearest(nearest, tracer),
        WatchedKeywords(stores.keywords, tracer),
        glossary=glossary,
        reranker=WatchedReranker(models.reranker, tracer) if models.reranker else None,
        expansion=Expansion(models.chat) if settings.llm_expansion and models.chat else None,
        rerank_timeout_s=settings.rerank_timeout_s,
    )
    finding = _finding(settings, glossary, models)
    indexing = Indexing(catalog, stores.blobs, pool, index_embedders, stores.vectors, stores.keywords)
    rereading = Rereading(catalog, stores.blobs, readers)
    caches: list[VersionCache] = [kept, answer_embedders, rereading]
    ingestion = DocumentIngestion(
        catalog=catalog,
        blobs=stores.blobs,
        workers=pool,
        embedders=index_embedders,
        vectors=stores.vectors,
        indexing=indexing,
        caches=caches,
        progress=record,
        redaction=redaction,
        clock=_now,
        limits=IngestionLimits(max_pages=settings.max_pages),
        ocr=ocr,
        figures=Figures(models.vision, pool) if models.vision else None,
    )
    deletion = DocumentDeletion(catalog, stores.blobs, stores.vectors, stores.keywords, caches)
    erasure = DocumentErasure(
        catalog=catalog,
        blobs=stores.blobs,
        vectors=stores.vectors,
        keywords=stores.keywords,
        embedders=models.embedders,
        stores=(
            FolderRemains(folder, settings.erasure_search, pool),
            SqlRemains(catalog, stores.keywords),
            *([RedisRemains(stores.cache)] if isinstance(stores.cache, RedisCache) else []),
        ),
        signer=stores.signer,
        limits=(*stores.unsearchable, *engine.unsearchable),
        clock=_now,
    )
    reredaction = CollectionReredaction(
        catalog, indexing, redaction, ingestion.redacted, ingestion.sweep, kept, caches, _now
    )
    reindexing = CollectionReindex(catalog, indexing, reredaction, record)
    reindexes = Reindexes(catalog, collections, models.embedders, CHUNKER, outbox, _now)
    gate = ReindexGate(catalog, retrieval, stores.vectors, settings.reindex_max_loss)
    history = timedelta(days=settings.history_days)
    retention = Retention(catalog, collections, outbox, _now)
    files = FileReconciliation(stores.blobs, catalog, _now)
    upkeep = Upkeep(
        outbox,
        IndexReconciliation(catalog, indexing, ingestion.redacted),
        files,
        JobReconciliation(catalog, outbox, _now),
        Garbage(
            catalog,
            staging,
            engine.executor.prune if engine.executor else None,
            _now,
            history,
            (
                IntakeGarbage(stores.blobs, catalog, _now, history).collect,
                ConversationGarbage(catalog, _now, timedelta(days=settings.conversation_days)).collect,
            ),
        ),
        retention,
    )
    health = Health(dependencies(settings, stores, models))
    documents = Documents(catalog, collections, stores.blobs, staging, outbox, _now, redaction, quotas(settings))
    places = places_of(settings, folder)
    bundle_limits = BundleLimits(settings.max_files_per_bundle, settings.max_bundle_bytes)
    bundles = Bundles(catalog, collections, stores.blobs, staging, outbox, _now, bundle_limits)
    unpacking = BundleUnpacking(catalog, stores.blobs, documents, record, bundle_limits)
    sources = Sources(catalog, collections, places, outbox, _now)
    intake = FileIntake(catalog, places, documents, _now)
    audit = Audit(stores.audit, stores.signer, _now)
    sharing = Sharing(catalog, audit, _now, redaction)
    sync = SourceSync(
        catalog, stores.blobs, places, intake, sharing, outbox, record, _now, settle_s=settings.sync_settle_s
    )
    answering = partial(
        Ask,
        embedders=answer_embedders,
        chat=models.chat,
        pages=WatchedPages(rereading, tracer),
        glossary=glossary,
        digest=models.digest,
        finding=finding,
        redact=redaction.text,
    )
    anew = answering(retrieval)  # for what must not be given again: replays and evaluations
    evaluations = Evaluations(catalog, collections, outbox, _now)
    work = registry.Work(
        ingestion,
        deletion,
        erasure,
        reindexing,
        gate,
        unpacking,
        sync,
        sources,
        upkeep,
        CollectionEvaluation(catalog, anew, models.chat, record, _now),
        evaluations if settings.nightly_evaluation else None,
        record,
    )
    search: Search = retrieval
    if settings.cache:
        search = CachedRetrieval(retrieval, kept, catalog, digest(program(), finding), ttl_s=settings.cache_ttl_s)
    ask: Answerer = AdmittedAsk(
        answering(WatchedSearch(search, tracer)),
        places=settings.llm_concurrency + settings.llm_queue,
        at_once=settings.llm_concurrency,
    )
    if settings.cache:  # what was given before takes no place
        ask = CachedAsk(
            ask,
            kept,
            catalog,
            answer_embedders,
            lambda: digest(program(), finding, models.chat.name if models.chat else None, models.digest()),
            ttl_s=settings.cache_ttl_s,
            semantic=settings.semantic_cache,
        )
    held_to = Limits(stores.meters, *rates(settings))
    recorded = AuditedAsk(RecordedAnswers(ask, catalog, _now), audit)
    metered = MeteredAsk(recorded, held_to, models.embedders.count_tokens)
    answerer = RedactedAsk(WatchedAsk(metered, budgets, tracer), redaction)
    follow_ups, conversations = FollowUps(models.chat, models.embedders.count_tokens), Conversations(catalog, _now)
    tokens = identity.tokens(settings)
    services = Services(
        identity=Identity(catalog, _now, tokens),
        sign_in=identity.sign_in(settings, tokens),
        keys=Keys(catalog, _now),
        audit=audit,
        collections=collections,
        documents=documents,
        sharing=sharing,
        policies=Policies(catalog, collections, redaction, reindexes, outbox),
        redaction=redaction,
        revealing=Revealing(catalog, audit, redaction),
        pages=PagePictures(stores.blobs, readers),
        bundles=bundles,
        sources=sources,
        erasures=Erasures(catalog, stores.signer),
        erasure_orders=ErasureOrders(catalog, outbox, kept, audit, _now),
        evaluations=evaluations,
        golden_sets=GoldenSets(catalog, collections),
        limits=held_to,
        jobs=Jobs(catalog, outbox, _now),
        outbox=outbox,
        reindexes=reindexes,
        reconciles=Reconciles(catalog, outbox, _now),
        retention=retention,
        retrieval=RedactedSearch(WatchedSearch(search, tracer, budgets), redaction),
        ask=answerer,
        answers=AnswerRecords(catalog, anew),
        follow_ups=follow_ups,
        dialogue=Dialogue(answerer, follow_ups, conversations, _now, redaction),
        conversations=conversations,
        feedback=FeedbackBook(catalog, _now, redaction),
        count_tokens=models.embedders.count_tokens,
        caches=kept,
        health=health,
        gauges=watching.gauges(settings, stores, engine, health, _now),
    )
    retries = Retries(settings.step_retries, settings.retry_wait_s)
    function_limits = FunctionLimits(retries=retries, documents=settings.ingest_concurrency)
    functions = registry.functions(engine.client, work, function_limits)
    return Assembly(settings, stores, models, engine, (pool, readers), staging, files, services, functions, tracer)


def _redaction_key(settings: Settings, folder: Path) -> bytes:
    """The same for all processes of a cluster: what one puts for a value, another must too."""
    if settings.signing_key is not None:
        return hmac.digest(bytes.fromhex(settings.signing_key.get_secret_value()), b"redaction", "sha256")
    return bytes.fromhex(secret_files.read_or_create(folder / "redaction-key", lambda: secrets.token_hex(32)))


def _glossary(settings: Settings) -> Glossary:
    """The built-in one, and the operator's. Raises ConfigurationError."""
    if settings.glossary is None:
        return built_in()
    try:
        return built_in() | Glossary.parse(settings.glossary.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"CAIRN_GLOSSARY: {settings.glossary} cannot be read: {error}") from error


def _finding(settings: Settings, glossary: Glossary, models: Models) -> str:
    """What this installation's settings add to how passages are found; "" where they add nothing."""
    expander = models.chat.name if settings.llm_expansion and models.chat else None
    if glossary is built_in() and models.reranker is None and expander is None:
        return ""
    return digest(sorted(glossary.entries.items()), models.reranker.name if models.reranker else None, expander)


def _now() -> datetime:
    return datetime.now(UTC)
