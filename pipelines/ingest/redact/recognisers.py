"""What Presidio is asked to find. Imports Presidio and spaCy: import this module inside functions only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, ip_interface, ip_network

import regex  # type: ignore[import-untyped]
from presidio_analyzer import EntityRecognizer, Pattern, RecognizerResult
from presidio_analyzer.predefined_recognizers import (
    CryptoRecognizer,
    EmailRecognizer,
    IpRecognizer,
    ItFiscalCodeRecognizer,
    MacAddressRecognizer,
    UkNinoRecognizer,
    UsItinRecognizer,
    UsPassportRecognizer,
    UsSsnRecognizer,
)

from pipelines.ingest.redact.cued import Dates, Titles, WebAddress, cued_recognisers
from pipelines.ingest.redact.exhaustive import FLAGS, Exhaustive, found
from pipelines.ingest.redact.national import NationalId
from pipelines.ingest.redact.phone import PHONE_CONTEXT, phone_numbers


class Email(Exhaustive, EmailRecognizer):  # type: ignore[misc]
    """Any domain that ends in letters: also the hosts of an intranet, which no list of public suffixes knows."""

    PATTERNS = [  # noqa: RUF012
        Pattern(
            "e-mail",
            r"[\w!#$%&'*+/=?^`{|}~\-](?:[\w!#$%&'*+/=?^`{|}~.\-]{0,63})@"
            r"(?:[^\W_](?:[\w\-]{0,62})\.)+(?:xn--[a-z0-9\-]{2,}|[^\W\d_]{2,24})(?!\w)",
            0.5,
        )
    ]

    def validate_result(self, pattern_text: str) -> None:  # noqa: ARG002
        return None

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        return super()._matches(text) if "@" in text else iter(())  # the pattern is slow where there is none


class CreditCard(Exhaustive):
    """ISO/IEC 7812 numbers of 12 to 19 digits in the groupings that people write, with Luhn's check digit."""

    PATTERNS = (
        # Groups of four (the last 1 to 4), American Express 4-6-5, Diners 4-6-4, or no grouping.
        Pattern("grouped", r"(?<![\w*])(?<!\d[.,\-])\d{4}([ \-])\d{4}\1\d{4}(?:\1\d{1,4}){0,2}(?![\w*]|[.,\-]\d)", 0.4),
        Pattern("4-6-5", r"(?<![\w*])(?<!\d[.,\-])3\d{3}([ \-])\d{6}\1\d{4,5}(?![\w*]|[.,\-]\d)", 0.4),
        Pattern("plain", r"(?<![\w*])(?<!\d[.,\-])(?!00)\d{12,19}(?![\w*]|[.,\-]\d)", 0.4),
    )

    def __init__(self) -> None:
        super().__init__("CREDIT_CARD", name="CreditCard", patterns=list(self.PATTERNS))

    def validate_result(self, pattern_text: str) -> bool:
        digits = [int(character) for character in reversed(pattern_text) if character.isdecimal()]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
        return any(digits) and (sum(digits[::2]) + sum(doubled)) % 10 == 0


class Iban(Exhaustive):
    """ISO 13616 account numbers; the check is that the rearranged number is 1 modulo 97."""

    def __init__(self) -> None:
        # Presidio's writes the candidate to the log when its check fails.
        iban = Pattern("iban", r"(?<!\w)[A-Z]{2}\d{2}(?:[ \-]?[A-Z0-9]{4}){2,7}(?:[ \-]?[A-Z0-9]{1,3})?(?!\w)", 0.5)
        super().__init__("IBAN_CODE", name="Iban", patterns=[iban])

    def validate_result(self, pattern_text: str) -> bool:
        return iban_length(pattern_text) == len(pattern_text)

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        for match in regex.finditer(self.patterns[0].regex, text, flags=FLAGS):
            if length := iban_length(match.group()):
                yield found(self, match.start(), match.start() + length, 1.0)


def iban_length(candidate: str) -> int:
    """Characters of the longest prefix, ended at a group, that is a valid IBAN; 0 when there is none."""
    ends: list[int] = [match.end() for match in regex.finditer(r"[A-Z0-9]+", candidate, flags=regex.IGNORECASE)]
    for end in reversed(ends):
        compact = regex.sub(r"\W", "", candidate[:end]).upper()
        if 15 <= len(compact) <= 34 and int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1:
            return end
    return 0


class Phone(Exhaustive):
    """Telephone numbers (pipelines.ingest.redact.phone); a bare run of digits needs a context word."""

    def __init__(self) -> None:
        placeholder = [Pattern("phone", r"\d", 0.05)]  # PatternRecognizer wants one; `_matches` does the work
        super().__init__("PHONE_NUMBER", name="Phone", patterns=placeholder, context=list(PHONE_CONTEXT))

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        for start, end, score in phone_numbers(text):
            yield found(self, start, end, score)


class UsSsn(Exhaustive, UsSsnRecognizer):  # type: ignore[misc]
    CONTEXT = ["social", "security", "ssn", "ssns", "ssn#", "ss#", "ssid"]  # noqa: RUF012


class UsItin(Exhaustive, UsItinRecognizer):  # type: ignore[misc]
    CONTEXT = ["itin", "taxpayer"]  # noqa: RUF012


class UsPassport(Exhaustive, UsPassportRecognizer):  # type: ignore[misc]
    CONTEXT = ["passport", "passports", "passport#"]  # noqa: RUF012


class Nino(Exhaustive, UkNinoRecognizer):  # type: ignore[misc]
    pass


class ItFiscalCode(Exhaustive, ItFiscalCodeRecognizer):  # type: ignore[misc]
    pass


class Crypto(Exhaustive, CryptoRecognizer):  # type: ignore[misc]
    pass


class IpAddress(Exhaustive, IpRecognizer):  # type: ignore[misc]
    """Without numbers of sections ("4.1.2.3 Scope") and versions, slices ("[1::2]"), and addresses that are nobody's."""

    _NUMBERING = regex.compile(
        r"(?<=(?:\b(?i:version|release|section|clause|chapter|table|figure|paragraph|item|v\.?)|§)[ ]?)\d"
        r"|(?<=\d\.)\d|\d+(?:\.\d+){4,}|(?<![^\n])\d{1,2}(?:\.\d{1,2}){3}[ ]\p{Lu}\p{Ll}"
    )
    _CUE = regex.compile(
        r"\b(?:ip|ipv4|host|hosts|server|address|addresses|client|from|gateway|router|ping)\b", regex.IGNORECASE
    )
    _NEAR = 40  # characters
    _EXAMPLES = tuple(  # RFC 5737, RFC 3849
        map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
    )
    _MANY = 256  # addresses: a larger network is nobody's
    _LARGEST_OF_SECTIONS = 32  # four such numbers are rather a section's

    def _matches(self, text: str) -> Iterator[RecognizerResult]:
        for result in super()._matches(text):
            if not self._NUMBERING.match(text, result.start) and self._somebodys(text, result):
                yield result

    def _somebodys(self, text: str, result: RecognizerResult) -> bool:
        written = text[result.start : result.end]
        try:
            interface = ip_interface(written)
        except ValueError:
            return True
        address = interface.ip
        if address.is_loopback or address.is_unspecified or written.startswith("255."):  # a network's mask
            return False
        if interface.network.num_addresses > self._MANY:
            return False
        if any(address in network for network in self._EXAMPLES if network.version == address.version):
            return False
        if isinstance(address, IPv6Address):
            return max(map(len, written.split(":"))) > 2 or written.count(":") > 3
        return max(address.packed) >= self._LARGEST_OF_SECTIONS or bool(
            self._CUE.search(text, max(0, result.start - self._NEAR), result.start)
        )


class MacAddress(Exhaustive, MacAddressRecognizer):  # type: ignore[misc]
    pass


def _patterns(entity: str, score: float, *expressions: str, flags: int = regex.MULTILINE) -> Exhaustive:
    patterns = [Pattern(f"{entity} {number}", expression, score) for number, expression in enumerate(expressions)]
    return Exhaustive(entity, name=entity, patterns=patterns, global_regex_flags=flags)


def private_keys() -> Exhaustive:
    return _patterns("PRIVATE_KEY", 0.95, r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")


def api_keys() -> Exhaustive:
    """Tokens whose issuers gave them a prefix to be found by."""
    return _patterns(
        "API_KEY",
        0.9,
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",  # AWS
        r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_\w{22,255}\b",
        r"\bglpat-[\w\-]{20,}",
        r"\bxox[abprs]-[A-Za-z0-9\-]{10,}",  # Slack
        r"\b[sr]k_live_[A-Za-z0-9]{16,}\b",  # Stripe
        r"\bAIza[\w\-]{35}",  # Google
        r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_\-]{32,}",
    )


# "Dr. Ada Lovelace", "my name is Ada Lovelace"
_NAME = r"\p{Lu}[\p{L}'’\-]+(?:[ ](?:\p{Lu}\.|(?:van|von|de|der|den|la|del|bin|al)|\p{Lu}[\p{L}'’\-]+)){0,3}"


def cued_names() -> Exhaustive:
    """Names after a title or a phrase that announces one. Most names have neither: best effort."""
    return _patterns(
        "PERSON",
        0.85,
        rf"(?<=\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam)\.?[ ]){_NAME}",
        rf"(?<=\b(?:[Mm]y name is|[Nn]ame:|[Dd]ear|[Ss]igned by|[Ss]incerely,|[Rr]egards,)\s){_NAME}",
    )


def street_addresses() -> Exhaustive:
    """A house number before a street of an English-speaking country."""
    return _patterns(
        "STREET_ADDRESS",
        0.6,
        r"(?<![\w.,$])\d{1,5}[A-Za-z]?[ ](?:[NSEW]\.?[ ])?(?:\p{Lu}[\p{L}'.\-]*[ ]){1,4}(?:Street|St\.?|Avenue|Ave\.?|Road|Rd\.?|"
        r"Boulevard|Blvd\.?|Lane|Ln\.?|Drive|Dr\.?|Court|Ct\.?|Way|Place|Pl\.?|Square|Terrace|Parkway|Pkwy\.?|Highway|Hwy\.?)\b"
        r"(?:,?[ ](?:Apt\.?|Suite|Ste\.?|Unit|Floor|#)[ ]?[\w\-]{1,6})?",
    )


def all_recognisers() -> Sequence[EntityRecognizer]:
    return [
        private_keys(),
        api_keys(),
        CreditCard(),
        Iban(),
        Email(),
        Phone(),
        UsSsn(),
        UsItin(),
        UsPassport(),
        Nino(),
        ItFiscalCode(supported_language="en"),
        Crypto(),
        IpAddress(),
        MacAddress(),
        cued_names(),
        street_addresses(),
        NationalId(),
        Dates(),
        Titles(),
        WebAddress(),
        *cued_recognisers(),
    ]
