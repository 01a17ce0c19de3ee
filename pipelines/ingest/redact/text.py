"""What stands in place of personal data."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from dataclasses import replace

from pipelines.domain.errors import RedactionFailed, SensitiveContent
from pipelines.domain.privacy import PiiAction, PiiPolicy, PiiSpan, RedactionReport
from pipelines.ingest.redact.detect import detect, recognisers_id
from pipelines.ingest.redact.elsewhere import Elsewhere
from pipelines.ingest.redact.names.features import LABELS
from pipelines.ingest.redact.policy import policy_id
from pipelines.ingest.redact.seal import Place, seal

_LABELS = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "IBAN_CODE": "IBAN",
    "US_SSN": "SSN",
    "US_ITIN": "ITIN",
    "US_PASSPORT": "PASSPORT",
    "CREDIT_CARD": "CARD",
    "IP_ADDRESS": "IP",
    "MAC_ADDRESS": "MAC",
    "STREET_ADDRESS": "ADDRESS",
    "NATIONAL_ID": "ID",
    "BANK_ACCOUNT": "ACCOUNT",
    "US_DRIVER_LICENSE": "LICENCE",
    "LICENSE_PLATE": "PLATE",
    "DATE_OF_BIRTH": "BIRTH",
}
_DIGITS = {PiiAction.PSEUDONYM: 8, PiiAction.SEAL: 16, PiiAction.HASH: 32}
_LATER = 2  # passes after which names are not looked for again: what is guessed may be guessed without end
_PASSES = 8  # a replacement may bring a context word nearer to another candidate; each pass removes at least one


class TextRedactor:
    """Redacts the texts of one document, so that a value has one placeholder throughout. `key` is the tenant's.

    `place`: where sealed values are to be opened; without one, nothing is kept of them.
    """

    def __init__(self, policy: PiiPolicy, key: bytes, place: Place | None = None) -> None:
        self._policy = policy
        self._identifiers = replace(
            policy, rules={entity: rule for entity, rule in policy.rules.items() if entity not in LABELS}
        )
        self._key = key
        self._place = place
        self._sealed: dict[str, str] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._counts: Counter[str] = Counter()
        self._elsewhere = Elsewhere()
        self.replaced: dict[str, str] = {}
        """What the last `redact` took out, by how it was written, and what it put there. Never leaves this package."""

    def redact(self, text: str, *, counted: bool = True) -> str:
        """The text with nothing left that the policy would act on. SensitiveContent when the policy refuses it.

        `counted=False` for a second rendering of a text that is in the report already.
        """
        self.replaced = {}
        for number in range(_PASSES):
            spans = detect(text, self._policy if number < _LATER else self._identifiers)
            if not spans:
                return self.elsewhere(text, counted=counted)
            text = self._replace(text, spans)
            if counted:
                self._counts.update(span.entity for span in spans)
        raise RedactionFailed("Redaction did not come to an end.")

    def elsewhere(self, text: str, *, counted: bool = True) -> str:
        """The text without values that were found before, in it or in another."""
        text, found = self._elsewhere.replace(text)
        if counted:
            self._counts.update(found)
        return text

    def report(self) -> RedactionReport:
        return RedactionReport(
            dict(sorted(self._counts.items())), policy_id(self._policy), recognisers_id(), self._sealed
        )

    def _replace(self, text: str, spans: list[PiiSpan]) -> str:
        pieces: list[str] = []
        position = 0
        for span in spans:
            value = text[span.start : span.end]
            self.replaced[value] = self._substitute(span.entity, value)
            self._elsewhere.learn(value, self.replaced[value], span.entity)
            pieces += text[position : span.start], self.replaced[value]
            position = span.end
        return "".join([*pieces, text[position:]])

    def _substitute(self, entity: str, value: str) -> str:
        label = _LABELS.get(entity, entity)
        same = normalise(entity, value)
        match self._policy.rules[entity].action:
            case PiiAction.PLACEHOLDER:
                number = self._numbers.setdefault((entity, same), self._next_number(entity))
                return f"<{label}_{number}>"
            case PiiAction.PSEUDONYM | PiiAction.HASH | PiiAction.SEAL as action:
                digest = hmac.new(self._key, f"{entity}\0{same}".encode("utf-8", "surrogatepass"), hashlib.sha256)
                placeholder = f"<{label}_{digest.hexdigest()[: _DIGITS[action]]}>"
                if action is PiiAction.SEAL and self._place is not None:
                    self._sealed.setdefault(placeholder, seal(self._key, self._place, placeholder, value))
                return placeholder
            case PiiAction.MASK:
                return f"<{label}_****{same[-4:]}>"
            case _:
                raise SensitiveContent(
                    f"It holds a secret ({label.lower().replace('_', ' ')}): remove it and send it again."
                )

    def _next_number(self, entity: str) -> int:
        return 1 + sum(known == entity for known, _ in self._numbers)


def normalise(entity: str, value: str) -> str:
    """The same for every way to write the same value."""
    if entity == "PHONE_NUMBER":
        digits = re.sub(r"\D", "", re.split(r"[,x]|ext", value, maxsplit=1, flags=re.IGNORECASE)[0])
        return digits[-9:]  # without country code and trunk prefix
    if entity == "EMAIL_ADDRESS":
        return re.sub(r"-?\n|\s", "", value).casefold()
    return re.sub(r"[\W_]", "", value).casefold()


def tenant_key(key: bytes, tenant_id: str) -> bytes:
    """Of one tenant: without it, pseudonyms of two tenants cannot be compared."""
    return hmac.digest(key, tenant_id.encode(), "sha256")


def redact_text(text: str, policy: PiiPolicy, key: bytes) -> tuple[str, RedactionReport]:
    """A question, title, file name or metadata value under the same policy as documents."""
    redactor = TextRedactor(policy, key)
    return redactor.redact(text), redactor.report()
