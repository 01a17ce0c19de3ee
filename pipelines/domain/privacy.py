"""Personal data: what is done with each kind of entity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class PiiAction(StrEnum):
    KEEP = "keep"
    PLACEHOLDER = "placeholder"  # <PHONE_1>: the same value has the same number within a document
    PSEUDONYM = "pseudonym"  # <EMAIL_3fa9c1d2>: the same value has the same HMAC within a tenant
    HASH = "hash"  # the same with 32 digits, so that two values never meet in one
    SEAL = "seal"  # <EMAIL_3fa9c1d200e4b716>: a pseudonym whose value is kept, encrypted, for who may reveal it
    MASK = "mask"  # keeps the last four characters
    REFUSE = "refuse"  # the document is not taken


@dataclass(frozen=True, slots=True)
class EntityRule:
    action: PiiAction
    threshold: float  # detector's score from which the rule applies, 0..1


@dataclass(frozen=True, slots=True)
class PiiPolicy:
    """Rules by entity name; an entity without a rule is kept.

    `allow`: what is nobody's, and stays ("support@example.org", "*@example.org"; "*" is any run of characters but spaces).
    `names`: the folder of a model that finds names instead of the one that ships.
    """

    name: str
    rules: Mapping[str, EntityRule]
    allow: tuple[str, ...] = ()
    names: str | None = None


_HIDES: Mapping[PiiAction, int] = {
    PiiAction.KEEP: 0,
    PiiAction.MASK: 1,
    PiiAction.SEAL: 2,
    PiiAction.PSEUDONYM: 3,
    PiiAction.HASH: 3,
    PiiAction.PLACEHOLDER: 3,
    PiiAction.REFUSE: 4,
}


def stricter(new: PiiPolicy, old: PiiPolicy) -> bool:
    """Whether `new` may take out anything that `old` lets stand, or leave less of it."""
    kept = EntityRule(PiiAction.KEEP, 1.0)
    if set(old.allow) - set(new.allow):
        return True
    for entity, rule in new.rules.items():
        before = old.rules.get(entity, kept)
        if rule.action is not PiiAction.KEEP and (
            rule.threshold < before.threshold or _HIDES[rule.action] > _HIDES[before.action]
        ):
            return True
    return False


class Saying(NamedTuple):
    """What is kept of what was said: a turn's question, how that was understood, and its answer; or a comment."""

    kind: str
    id: str
    position: int
    texts: tuple[str, ...]


class PiiSpan(NamedTuple):
    start: int
    end: int
    entity: str
    score: float


@dataclass(frozen=True, slots=True)
class RedactionReport:
    """Counts by entity; never values. Of a version that was not redacted yet, all is empty.

    `sealed`: values by placeholder, encrypted, where the policy says so; kept apart from the rest.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    policy: str = ""
    recognisers: str = ""  # version of the detector
    sealed: Mapping[str, str] = field(default_factory=dict)
