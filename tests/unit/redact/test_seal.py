"""A sealed value opens where it was made, and nowhere else."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.domain.privacy import EntityRule, PiiAction, PiiPolicy, stricter
from pipelines.ingest.redact import DEFAULT_POLICY, NO_POLICY, POLICIES, Place, redact, redact_text, tenant_key, unseal
from pipelines.ingest.redact.seal import seal

KEY = tenant_key(b"k" * 32, "acme")
HERE = Place("acme", "ver_1")
SEALING = PiiPolicy("own", {"EMAIL_ADDRESS": EntityRule(PiiAction.SEAL, 0.5)})


@given(st.text(max_size=300))
def test_what_is_sealed_comes_back_and_the_same_work_gives_the_same_bytes(value: str) -> None:
    sealed = seal(KEY, HERE, "<A_1>", value)
    assert unseal(KEY, HERE, "<A_1>", sealed) == value
    assert seal(KEY, HERE, "<A_1>", value) == sealed


@pytest.mark.parametrize(
    ("key", "place", "placeholder"),
    [
        (tenant_key(b"k" * 32, "rival"), HERE, "<A_1>"),
        (KEY, Place("rival", "ver_1"), "<A_1>"),
        (KEY, Place("acme", "ver_2"), "<A_1>"),
        (KEY, HERE, "<A_2>"),
        (KEY, Place("acme", 'ver_1", "<A_1>'), ""),
    ],
)
def test_it_opens_nowhere_else(key: bytes, place: Place, placeholder: str) -> None:
    assert unseal(key, place, placeholder, seal(KEY, HERE, "<A_1>", "ada@example.org")) is None


def test_a_changed_byte_is_found() -> None:
    data = base64.b64decode(seal(KEY, HERE, "<A_1>", "ada@example.org"))
    for place in range(len(data)):
        changed = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
        assert unseal(KEY, HERE, "<A_1>", base64.b64encode(changed).decode()) is None
    for wrong in ("", "AA==", "no base64!"):
        assert unseal(KEY, HERE, "<A_1>", wrong) is None


def test_a_document_shows_the_placeholder_that_a_question_gets_too() -> None:
    block = Block(BlockKind.PARAGRAPH, "Write to ada@example.org, again ada@example.org.", 1, Box(0, 0, 1, 1))
    document, report = redact(ParsedDocument((Page(1, 595, 842),), (block,)), SEALING, KEY, HERE)
    ((placeholder, sealed),) = report.sealed.items()
    assert document.blocks[0].text == f"Write to {placeholder}, again {placeholder}."
    assert unseal(KEY, HERE, placeholder, sealed) == "ada@example.org"
    asked, of_question = redact_text("Who is ada@example.org?", SEALING, KEY)
    assert asked == f"Who is {placeholder}?"
    assert not of_question.sealed, "nothing is kept of a question"


@pytest.mark.parametrize(
    ("new", "old", "tighter"),
    [
        ("strict", "default", True),
        ("default", "strict", False),
        ("default", "off", True),
        ("off", "strict", False),
        ("default", "default", False),
    ],
)
def test_which_policy_is_stricter(new: str, old: str, tighter: bool) -> None:
    assert stricter(POLICIES[new], POLICIES[old]) is tighter


@pytest.mark.parametrize("action", [each for each in PiiAction if each is not PiiAction.KEEP])
def test_anything_is_stricter_than_keeping(action: PiiAction) -> None:
    own = PiiPolicy("own", {"AGE": EntityRule(action, 0.5)})
    assert stricter(own, NO_POLICY)
    assert not stricter(NO_POLICY, own)
    assert stricter(replace(own, rules={"AGE": EntityRule(action, 0.4)}), own), "from a lower score on"
    assert stricter(own, replace(own, allow=("support@example.org",))), "fewer are let stand"
    assert not stricter(replace(own, allow=("support@example.org",)), own)


def test_an_erased_way_back_is_stricter() -> None:
    for action in (PiiAction.PSEUDONYM, PiiAction.HASH, PiiAction.PLACEHOLDER, PiiAction.REFUSE):
        assert stricter(PiiPolicy("own", {"EMAIL_ADDRESS": EntityRule(action, 0.5)}), SEALING)
    assert not stricter(DEFAULT_POLICY, DEFAULT_POLICY)
