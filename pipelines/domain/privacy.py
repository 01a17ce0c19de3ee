"""Personal data: what is done with each kind of entity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class PiiAction(StrEnum):
    KEEP = "keep"
    PLACEHOLDER = "placeholder"  # <PHONE_1>: the same value has the same number within a document
    PSEUDONYM = "pseudonym"  # <EMAIL_3fa9c1d2>: the same value has the same HMAC within a tenant
    MASK = "mask"  # keeps the last four characters
    REFUSE = "refuse"  # the document is not taken


@dataclass(frozen=True, slots=True)
class EntityRule:
    action: PiiAction
    threshold: float  # detector's score from which the rule applies, 0..1


@dataclass(frozen=True, slots=True)
class PiiPolicy:
    """Rules by Presidio entity name; an entity without a rule is kept."""

    name: str
    rules: Mapping[str, EntityRule]


class PiiSpan(NamedTuple):
    start: int
    end: int
    entity: str
    score: float


@dataclass(frozen=True, slots=True)
class RedactionReport:
    """Counts by entity; never values."""

    counts: Mapping[str, int]
    policy: str
    recognisers: str  # version of the detector
