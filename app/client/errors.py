"""What can go wrong between a client and its server.

ClientError
├── Problem        the server refused, or failed: an RFC 9457 document with a stable `code`
├── Unreachable    no answer, or it broke off
└── NoCredentials  there is no key to ask with
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class ClientError(Exception):
    """`str()` of each is a sentence for a person."""


class Problem(ClientError):
    """`code` is stable; `errors` names the fields that are wrong; `retry_after_s`: seconds, where the server said so."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{detail} ({code})")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s

    @property
    def of_access(self) -> bool:
        """The key is not accepted, or may not do this."""
        return self.status in (401, 403)


class Unreachable(ClientError):
    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"No answer from {address} ({why}).")
        self.address = address


class NoCredentials(ClientError):
    pass
