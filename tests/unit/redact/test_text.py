"""What a person sees of a text after redaction."""

import dataclasses
import logging
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import CairnError, ConfigurationError, InvalidRequest
from pipelines.domain.privacy import EntityRule, PiiAction, PiiPolicy
from pipelines.ingest.redact import DEFAULT_POLICY, STRICT_POLICY, TextRedactor, policy_id, redact_text
from pipelines.ingest.redact import detect as detection

KEY = b"a tenant's key of thirty-2 bytes"


def redacted(text: str, policy: PiiPolicy = DEFAULT_POLICY, key: bytes = KEY) -> str:
    return redact_text(text, policy, key)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call 905-674-3793 today", "Call <PHONE_1> today"),
        ("Ring +44 20 7946 0958.", "Ring <PHONE_1>."),
        ("Tel. (212) 720-3700 ext. 12", "Tel. <PHONE_1>"),
        ("or call me on 9472 7916", "or call me on <PHONE_1>"),
        ("Tel.905-674-3793", "Tel.<PHONE_1>"),
        ("No.4111 1111 1111 1111 or", "No.<CARD_****1111> or"),
        ("pay with 4111 1111 1111 1111 now", "pay with <CARD_****1111> now"),
        ("Amex 3782-822463-10005", "Amex <CARD_****0005>"),
        ("token ghp_" + "a1B2" * 9, "token <API_KEY_1>"),
        ("from 10.20.30.40, mac 00:1b:44:11:3a:b7", "from <IP_1>, mac <MAC_1>"),
    ],
)
def test_identifiers_are_replaced(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("write to Jan.Kowalski+x@Example.co.uk, please", "EMAIL"),
        ("...ada@example.com-like", "EMAIL"),
        ("x" * 90 + "@example.com", "EMAIL"),
        ("write to jan@server.intranet please", "EMAIL"),
        ("IBAN DE89 3704 0044 0532 0130 00 of the bank", "IBAN"),
        ("iban gb42nawi04454264788619", "IBAN"),
        ("social security number 219-09-9999", "SSN"),
        ("her passport 912345678", "PASSPORT"),
        ("NINO AB 12 34 56 C", "UK_NINO"),
    ],
)
def test_identifiers_that_must_match_across_documents_get_pseudonyms(text: str, label: str) -> None:
    before, after = redacted(text).split(f"<{label}_")
    pseudonym, rest = after.split(">", 1)
    assert len(pseudonym) == 8
    assert text.startswith(before)
    assert text.endswith(rest)


@pytest.mark.parametrize(
    "text",
    [
        "Net sales 34,229 35,355 32,184 in 2022 2021 2020",
        "| 2022 | 2021 | 2020 |\n|---|---|---|\n| 1,234 | (5,678) | 9 |",
        "Commission file number: 001-03285, IRS No. 41-0417775",
        "call options of 2022 2021 and 31.12.2022 or 2022-12-31",
        "Order 4111 1111 1111 1112 and 1234567890123456",
        "number 219099999 shares of 123456789 outstanding",
        "npm install left-pad@1.3.0, client.re and version 1.2.3.4.5",
        "Mr. Smith of 12 Main Street in Paris was 42 in March 1999",
        "Total assets 651 733 1110 212 270 6000",
    ],
)
def test_figures_names_and_dates_stay(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Telephone (651) 733-\n1110 of the office",
        "Telephone (651)\n733-1110 of the office",
        "mail to ada@\nexample.com soon",
        "mail to ada@example.\ncom soon",
        "mail to love-\nlace@example.com soon",
        "card 4111 1111\n1111 1111 soon",
        "IBAN DE89 3704 0044\n0532 0130 00 soon",
        "card 4111\u00a01111\u00a01111\u00a01111 soon",
        "mail to love\u00ad\nlace@exam\u200bple.com soon",
    ],
)
def test_a_value_broken_over_lines_is_found(text: str) -> None:
    result, report = redact_text(text, DEFAULT_POLICY, KEY)
    assert sum(report.counts.values()) == 1
    assert "\n" not in result


def test_names_go_only_under_the_strict_policy() -> None:
    text = "Dear Ada Lovelace, Dr. Grace Hopper lives at 12 Main Street."
    assert redacted(text) == text
    strict = redacted(text, STRICT_POLICY)
    assert "Lovelace" not in strict
    assert "Hopper" not in strict
    assert "<ADDRESS_1>" in strict


def test_the_same_value_has_the_same_placeholder_however_it_is_written() -> None:
    redactor = TextRedactor(DEFAULT_POLICY, KEY)
    assert redactor.redact("Call (905) 674-3793 or 212-555-0100.") == "Call <PHONE_1> or <PHONE_2>."
    assert redactor.redact("That is +1 905.674.3793!") == "That is <PHONE_1>!"
    assert redacted("ADA@example.com") == redacted("ada@Example.com")


def test_tenants_cannot_compare_pseudonyms() -> None:
    assert redacted("ada@example.com") != redacted("ada@example.com", key=b"another tenant's key")


def test_a_private_key_is_refused_without_being_repeated() -> None:
    secret = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
    with pytest.raises(InvalidRequest, match="private key") as refusal:
        redact_text(secret, DEFAULT_POLICY, KEY)
    assert "MIIE" not in refusal.value.detail


def test_the_report_counts_and_names_its_rules() -> None:
    _, report = redact_text("ada@example.com, bob@example.com, 905-674-3793", DEFAULT_POLICY, KEY)
    assert report.counts == {"EMAIL_ADDRESS": 2, "PHONE_NUMBER": 1}
    assert report.policy == policy_id(DEFAULT_POLICY)
    assert report.recognisers == detection.recognisers_id()


def test_a_policy_is_known_by_its_rules() -> None:
    changed = dataclasses.replace(
        DEFAULT_POLICY, rules={**DEFAULT_POLICY.rules, "CRYPTO": EntityRule(PiiAction.KEEP, 0)}
    )
    assert policy_id(changed).startswith("default-")
    assert policy_id(changed) != policy_id(DEFAULT_POLICY)


def test_what_a_policy_keeps_stays() -> None:
    policy = PiiPolicy("keep", {"EMAIL_ADDRESS": EntityRule(PiiAction.KEEP, 0.0)})
    assert redacted("ada@example.com", policy) == "ada@example.com"


def test_a_policy_that_nothing_can_apply_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="HOROSCOPE"):
        redact_text("x", PiiPolicy("odd", {"HOROSCOPE": EntityRule(PiiAction.PSEUDONYM, 0.5)}), KEY)


class Failing:
    """A detector that fails and quotes the text, as Presidio does."""

    entities = frozenset(DEFAULT_POLICY.rules)
    zone = detection.blank_analyzer().zone

    def analyze(self, text: str, entities: list[str]) -> list[detection.PiiSpan]:
        raise ValueError(f"did not find {text}")


def test_a_failing_detector_lets_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "blank_analyzer", lambda _: Failing())
    with pytest.raises(CairnError) as failure:
        redact_text("ada@example.com", DEFAULT_POLICY, KEY)
    assert "ada" not in str(failure.value)
    assert failure.value.__suppress_context__


def test_no_value_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        redacted("phone 9472 7916, iban GB00ABCD12345678901234, ada@example.com, ssn 219099999")
    assert not [record for record in caplog.records if record.name.startswith("presidio")]


def test_detection_starts_and_works_without_a_network() -> None:
    program = """
import socket
def refuse(*args): raise AssertionError("network used")
socket.socket.connect = socket.getaddrinfo = refuse
from pipelines.ingest.redact import STRICT_POLICY, redact_text
print(redact_text("ada@example.com 905-674-3793 10.1.2.3", STRICT_POLICY, b"key")[1].counts)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "'EMAIL_ADDRESS': 1" in done.stdout, done.stderr
    assert socket.getaddrinfo is not None


def test_questions_are_redacted_in_several_threads() -> None:
    with ThreadPoolExecutor(4) as threads:
        results = threads.map(redacted, [f"call 9472 79{n} or ada@example.com" for n in range(10, 60)])
    assert all(result.startswith("call <PHONE_1> or <EMAIL_") for result in results)


def test_importing_the_package_loads_no_detector() -> None:
    program = "import sys, pipelines.ingest.redact; print('presidio_analyzer' in sys.modules or 'spacy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_values_far_into_a_long_text_are_found_at_every_offset() -> None:
    text = " ".join(f"word{n} ada{n}@example.com" for n in range(1500))
    assert redact_text(text, DEFAULT_POLICY, KEY)[1].counts == {"EMAIL_ADDRESS": 1500}


VALUES = st.sampled_from(
    [
        "ada@example.com",
        "Ada@Example.COM",
        "905-674-3793",
        "(905) 674-3793",
        "+44 20 7946 0958",
        "4111 1111 1111 1111",
        "DE89370400440532013000",
        "219-09-9999",
        "10.20.30.40",
        "call 9472 7916 or 9472 7917",
    ]
)
TEXTS = st.lists(
    st.one_of(VALUES, st.text(max_size=12), st.from_regex(r"[\d .,()+@-]{0,16}", fullmatch=True)), max_size=8
).map(" ".join)


@settings(deadline=None, max_examples=150)
@given(TEXTS)
def test_nothing_is_left_to_redact(text: str) -> None:
    once = redacted(text)
    again, report = redact_text(once, DEFAULT_POLICY, KEY)
    assert again == once
    assert report.counts == {}


@settings(deadline=None, max_examples=150)
@given(TEXTS)
def test_what_is_outside_the_spans_is_unchanged(text: str) -> None:
    spans = detection.detect(text, DEFAULT_POLICY)
    assert all(left.end <= right.start for left, right in pairwise(spans))
    outside = [
        text[left:right]
        for left, right in zip([0, *(s.end for s in spans)], [*(s.start for s in spans), len(text)], strict=True)
    ]
    once = TextRedactor(DEFAULT_POLICY, KEY)._replace(text, spans)
    position = 0
    for piece in outside:
        position = once.index(piece, position) + len(piece)


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet=st.sampled_from("ab@.-\n 19(+"), max_size=60))
def test_joining_lines_keeps_every_character_in_place(text: str) -> None:
    view, origin = detection.unwrap(text)
    assert len(view) == len(origin)
    assert all(
        text[place] == character or (text[place], character) == ("\n", " ")
        for place, character in zip(origin, view, strict=True)
    )
    assert list(origin) == sorted(set(origin))
