"""Whether somebody signed a statement: receipts, the end of the audit log, backups."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipelines.domain.erasure import canonical, key_id


def signed(statement: Mapping[str, Any], signature: Mapping[str, str], public_key: str) -> bool:
    """By Ed25519 (RFC 8032), over its canonical JSON, with this key (32 bytes, base64). ValueError when the key is none."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
    try:
        key.verify(base64.b64decode(signature["value"]), canonical(statement))
    except (InvalidSignature, ValueError):
        return False
    return signature["key_id"] == key_id(public_key)
