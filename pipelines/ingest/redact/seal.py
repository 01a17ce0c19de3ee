"""Values that may be shown again, each to who is allowed to: encrypted, and bound to the place that they were taken out of.

AES-256-GCM under a key of the tenant's. What is authenticated besides is the tenant, the version and the placeholder, so that a
sealed value opens nowhere but where it was made. The nonce follows from all that and the value, as SIV modes do it: the same
work gives the same bytes, and two values share a nonce as seldom as if it were drawn.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Place(NamedTuple):
    tenant_id: str
    version_id: str


def seal(key: bytes, place: Place, placeholder: str, value: str) -> str:
    """The value under the tenant's `key`, in base64."""
    about, plain = _about(place, placeholder), value.encode("utf-8", "surrogatepass")
    nonce = hmac.digest(_derived(key, b"nonce"), about + b"\0" + plain, hashlib.sha256)[:_NONCE_BYTES]
    return base64.b64encode(nonce + AESGCM(_derived(key, b"seal")).encrypt(nonce, plain, about)).decode()


def unseal(key: bytes, place: Place, placeholder: str, sealed: str) -> str | None:
    """The value; None when it was sealed elsewhere, under another key, or changed."""
    try:
        data = base64.b64decode(sealed, validate=True)
        plain = AESGCM(_derived(key, b"seal")).decrypt(
            data[:_NONCE_BYTES], data[_NONCE_BYTES:], _about(place, placeholder)
        )
    except (InvalidTag, binascii.Error, ValueError):
        return None
    return plain.decode("utf-8", "surrogatepass")


def _about(place: Place, placeholder: str) -> bytes:
    return json.dumps([*place, placeholder]).encode()


def _derived(key: bytes, use: bytes) -> bytes:
    return hmac.digest(key, use, hashlib.sha256)
