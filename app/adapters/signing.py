"""Signatures with Ed25519 (RFC 8032) over canonical JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.adapters import secret_files
from pipelines.domain.erasure import ALGORITHM, Signature, canonical, key_id


class Ed25519Signer:
    """Signer of pipelines/ports.py. The private key (64 hexadecimal digits) is given, or lies in a file that is made when it is
    first needed.
    """

    def __init__(self, path: Path, given: str | None = None) -> None:
        self._path = path
        self._given = given

    @cached_property
    def public_key(self) -> str:
        """32 bytes, base64."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, statement: Mapping[str, Any]) -> Signature:
        value = base64.b64encode(self._key.sign(canonical(statement))).decode()
        return Signature(ALGORITHM, key_id(self.public_key), value)

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        def new() -> str:
            return Ed25519PrivateKey.generate().private_bytes_raw().hex()

        return Ed25519PrivateKey.from_private_bytes(
            bytes.fromhex(self._given or secret_files.read_or_create(self._path, new))
        )
