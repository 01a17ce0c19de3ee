"""Personal data out of documents and questions, before anything else reads them (docs/adr/0003, 0034)."""

from pipelines.ingest.redact.document import redact
from pipelines.ingest.redact.policy import (
    DEFAULT_POLICY,
    EVERYTHING,
    NO_POLICY,
    POLICIES,
    STRICT_POLICY,
    policy_id,
    redaction_id,
)
from pipelines.ingest.redact.seal import Place, unseal
from pipelines.ingest.redact.text import TextRedactor, redact_text, tenant_key

__all__ = [
    "DEFAULT_POLICY",
    "EVERYTHING",
    "NO_POLICY",
    "POLICIES",
    "STRICT_POLICY",
    "Place",
    "TextRedactor",
    "policy_id",
    "redact",
    "redact_text",
    "redaction_id",
    "tenant_key",
    "unseal",
]
