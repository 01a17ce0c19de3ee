"""What an answer or a search result may be given again for: the same asked of the same documents by the same means."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pipelines.domain.access import Principal
from pipelines.domain.answering import Answering
from pipelines.domain.views import View


@dataclass(frozen=True, slots=True)
class Seen:
    """A collection as it is searched for somebody.

    Who may read other documents has another `what`, and so has a document's every change; what happens to documents that
    the principal may not read leaves it as it is.
    """

    collection_id: str
    generation_id: str
    embedding_model: str
    what: str

    @classmethod
    def of(cls, view: View) -> Seen:
        generation = view.collection.active_generation
        return cls(view.collection.id, generation.id, generation.embedding_model, view.seen)


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything but the question's words: within it, entries may stand for each other.

    `seen`: the collections that are asked, first the one that says how to answer. `maker`: what turns passages into answers
    (models, prompts, program).
    """

    tenant_id: str
    seen: tuple[Seen, ...]
    answering: Answering
    maker: str
    options: Mapping[str, object]

    @classmethod
    def of(cls, principal: Principal, views: Sequence[View], maker: str, options: Mapping[str, object]) -> Scope:
        """Of one view at least."""
        return cls(
            tenant_id=principal.tenant_id,
            seen=tuple(map(Seen.of, views)),
            answering=views[0].collection.answering,
            maker=maker,
            options=options,
        )

    @property
    def embedding_model(self) -> str:
        """By whose vectors questions are compared."""
        return self.seen[0].embedding_model

    @property
    def collection_ids(self) -> tuple[str, ...]:
        return tuple(each.collection_id for each in self.seen)

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
