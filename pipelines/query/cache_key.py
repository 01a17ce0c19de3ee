"""What an answer or a search result may be given again for: the same asked of the same documents by the same means."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pipelines.domain.access import Principal
from pipelines.domain.answering import Answering
from pipelines.domain.views import View


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything but the question's words: within it, entries may stand for each other.

    Who may read other documents has another `seen`, and so has a document's every change; what happens to documents that
    the principal may not read leaves it as it is. `maker`: what turns passages into answers (models, prompts, program).
    """

    tenant_id: str
    collection_id: str
    generation_id: str
    embedding_model: str
    answering: Answering
    seen: str
    maker: str
    options: Mapping[str, object]

    @classmethod
    def of(cls, principal: Principal, view: View, maker: str, options: Mapping[str, object]) -> Scope:
        collection, generation = view.collection, view.collection.active_generation
        return cls(
            tenant_id=principal.tenant_id,
            collection_id=collection.id,
            generation_id=generation.id,
            embedding_model=generation.embedding_model,
            answering=collection.answering,
            seen=view.seen,
            maker=maker,
            options=options,
        )

    @property
    def id(self) -> str:
        return digest(_plain(asdict(self)))

    def key(self, question: str) -> str:
        return digest(self.id, same_words(question))


def same_words(question: str) -> str:
    """Equal for questions that differ in how their letters are coded and in white space only."""
    return " ".join(unicodedata.normalize("NFC", question).split())


def digest(*parts: object) -> str:
    """SHA-256 of their JSON."""
    return hashlib.sha256(
        json.dumps(parts, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ).hexdigest()


def _plain(value: object) -> object:
    """As JSON has it, whatever the order of a set."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(repr(_plain(each)) for each in value)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else repr(value)
