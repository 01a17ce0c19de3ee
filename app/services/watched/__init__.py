"""The ports of a question's way and of a document's, each around another, which knows nothing of being watched: spans for the
trace, times and counts for Prometheus."""

from app.services.watched.events import WatchedEvents
from app.services.watched.indexes import WatchedKeywords, WatchedNearest
from app.services.watched.models import WatchedChat, WatchedEmbedders, WatchedReranker
from app.services.watched.questions import WatchedAsk, WatchedPages, WatchedSearch

__all__ = [
    "WatchedAsk",
    "WatchedChat",
    "WatchedEmbedders",
    "WatchedEvents",
    "WatchedKeywords",
    "WatchedNearest",
    "WatchedPages",
    "WatchedReranker",
    "WatchedSearch",
]
