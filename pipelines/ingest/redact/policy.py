"""The policies that come with the product. Thresholds are Presidio scores; docs/adr/0003 says why each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from pipelines.domain.privacy import EntityRule, PiiAction, PiiPolicy
from pipelines.ingest.redact.detect import recognisers_id

_IDENTIFIERS: Mapping[str, EntityRule] = {
    "PRIVATE_KEY": EntityRule(PiiAction.REFUSE, 0.9),
    "API_KEY": EntityRule(PiiAction.PLACEHOLDER, 0.6),
    "CREDIT_CARD": EntityRule(PiiAction.MASK, 0.3),
    "IBAN_CODE": EntityRule(PiiAction.PSEUDONYM, 0.5),
    "US_SSN": EntityRule(PiiAction.PSEUDONYM, 0.4),  # the weak patterns reach 0.4 with a context word only
    "US_ITIN": EntityRule(PiiAction.PSEUDONYM, 0.4),
    "US_PASSPORT": EntityRule(PiiAction.PSEUDONYM, 0.4),
    "UK_NINO": EntityRule(PiiAction.PSEUDONYM, 0.5),
    "IT_FISCAL_CODE": EntityRule(PiiAction.PSEUDONYM, 0.5),
    "NATIONAL_ID": EntityRule(PiiAction.PSEUDONYM, 0.5),
    "PASSPORT": EntityRule(PiiAction.PSEUDONYM, 0.5),
    "BANK_ACCOUNT": EntityRule(PiiAction.PSEUDONYM, 0.5),
    "US_DRIVER_LICENSE": EntityRule(PiiAction.PLACEHOLDER, 0.5),
    "LICENSE_PLATE": EntityRule(PiiAction.PLACEHOLDER, 0.5),
    "DATE_OF_BIRTH": EntityRule(PiiAction.PLACEHOLDER, 0.5),
    "EMAIL_ADDRESS": EntityRule(PiiAction.PSEUDONYM, 0.5),
    "PHONE_NUMBER": EntityRule(PiiAction.PLACEHOLDER, 0.35),
    "CRYPTO": EntityRule(PiiAction.PLACEHOLDER, 0.6),
    "IP_ADDRESS": EntityRule(PiiAction.PLACEHOLDER, 0.6),
    "MAC_ADDRESS": EntityRule(PiiAction.PLACEHOLDER, 0.6),
}

DEFAULT_POLICY = PiiPolicy("default", dict(_IDENTIFIERS))
"""Direct identifiers go; names stay searchable."""

STRICT_POLICY = PiiPolicy(
    "strict",
    {
        **_IDENTIFIERS,
        "API_KEY": EntityRule(PiiAction.REFUSE, 0.6),
        "CREDIT_CARD": EntityRule(PiiAction.PSEUDONYM, 0.3),
        "PHONE_NUMBER": EntityRule(PiiAction.PSEUDONYM, 0.35),
        "PERSON": EntityRule(PiiAction.PSEUDONYM, 0.8),
        "STREET_ADDRESS": EntityRule(PiiAction.PLACEHOLDER, 0.6),
    },
)
"""Also no part of a card, no secret, and the names and addresses that are found: best effort, not a guarantee."""


NO_POLICY = PiiPolicy("off", {})

EVERYTHING = PiiPolicy(
    "everything",
    {
        **{entity: EntityRule(PiiAction.PLACEHOLDER, rule.threshold) for entity, rule in _IDENTIFIERS.items()},
        **{
            entity: EntityRule(PiiAction.PLACEHOLDER, threshold)
            for entity, threshold in {
                "PERSON": 0.4,
                "GPE": 0.4,
                "ORGANIZATION": 0.4,
                "STREET_ADDRESS": 0.24,
                "TITLE": 0.4,
                "NRP": 0.4,
                "ZIP_CODE": 0.4,
                "AGE": 0.5,
                "DATE_TIME": 0.5,
                "DOMAIN_NAME": 0.5,
            }.items()
        },
    },
)
"""Whatever anything here can find: what `cairn pii check` looks for, unless it is told otherwise."""

POLICIES: Mapping[str, PiiPolicy] = {policy.name: policy for policy in (DEFAULT_POLICY, STRICT_POLICY, NO_POLICY)}


def policy_id(policy: PiiPolicy) -> str:
    """The policy's name and a hash of its rules, e.g. "default-1f0c9a3e": changes when any rule does."""
    rules = {entity: (rule.action, rule.threshold) for entity, rule in policy.rules.items()}
    told = [rules, sorted(policy.allow), policy.names] if policy.allow or policy.names else rules
    return f"{policy.name}-{_digest(told)}"


def redaction_id(policy: PiiPolicy) -> str:
    """Of everything that a redacted text depends on: the policy, and what finds personal data."""
    return f"{policy_id(policy)}-{_digest(recognisers_id())}"


def _digest(told: object) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
