"""All use cases, as the edge is given them."""

from __future__ import annotations

from dataclasses import dataclass

from app.services.answer_records import AnswerRecords
from app.services.ask import Answerer
from app.services.audit import Audit
from app.services.bundles import Bundles
from app.services.collections import Collections
from app.services.conversations import Conversations, FeedbackBook
from app.services.dialogue import Dialogue, FollowUps
from app.services.documents import Documents
from app.services.erasure import Erasures
from app.services.erasure_orders import ErasureOrders
from app.services.evaluations import Evaluations
from app.services.gauges import Gauges
from app.services.golden_sets import GoldenSets
from app.services.health import Health
from app.services.identity import Identity
from app.services.jobs import Jobs
from app.services.kept import Kept
from app.services.keys import Keys
from app.services.limits import Limits
from app.services.outbox import Outbox
from app.services.page_pictures import PagePictures
from app.services.privacy import Policies
from app.services.redaction import Redaction
from app.services.reindex import Reindexes
from app.services.retention import Retention
from app.services.retrieval import Search
from app.services.revealing import Revealing
from app.services.sharing import Sharing
from app.services.sources import Sources
from app.services.upkeep.requests import Reconciles
from pipelines.ports import SignIn, TokenCounter


@dataclass(frozen=True, slots=True)
class Services:
    identity: Identity
    sign_in: SignIn | None  # None: the console asks for a key alone
    audit: Audit
    keys: Keys
    collections: Collections
    documents: Documents
    sharing: Sharing
    policies: Policies
    redaction: Redaction
    revealing: Revealing
    pages: PagePictures
    bundles: Bundles
    sources: Sources
    erasures: Erasures
    erasure_orders: ErasureOrders
    golden_sets: GoldenSets
    evaluations: Evaluations
    jobs: Jobs
    limits: Limits
    outbox: Outbox
    reindexes: Reindexes
    reconciles: Reconciles
    retention: Retention
    retrieval: Search
    ask: Answerer
    answers: AnswerRecords
    follow_ups: FollowUps
    dialogue: Dialogue
    conversations: Conversations
    feedback: FeedbackBook
    count_tokens: TokenCounter
    caches: Kept
    health: Health
    gauges: Gauges
