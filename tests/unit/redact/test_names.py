"""Names of people, places and organisations, as far as the model that ships finds them."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import ConfigurationError
from pipelines.domain.privacy import EntityRule, PiiAction, PiiPolicy
from pipelines.ingest.redact import EVERYTHING, STRICT_POLICY, policy_id, redact_text
from pipelines.ingest.redact.detect import detect
from pipelines.ingest.redact.names import finder
from pipelines.ingest.redact.names.features import tokens
from pipelines.ingest.redact.names.model import names_model

ARTEFACT = Path("pipelines/ingest/redact/names/names.npz")


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("The keynote was given by Marta Kowalczyk in Lisbon.", "PERSON", "Marta Kowalczyk"),
        ("The keynote was given by Marta Kowalczyk in Lisbon.", "GPE", "Lisbon"),
        ("He worked for Brightwater Logistics GmbH until 2019.", "ORGANIZATION", "Brightwater Logistics GmbH"),
        ("Please send it to 48 Marchmont Street, Edinburgh.", "STREET_ADDRESS", "48 Marchmont Street"),
        ("my name is jonas petersen and i live in oslo", "PERSON", "jonas petersen"),
        ("The Portuguese embassy was closed.", "NRP", "Portuguese"),
    ],
)
def test_a_plain_name_is_found(text: str, entity: str, value: str) -> None:
    assert any(span.entity == entity and value in text[span.start : span.end] for span in detect(text, EVERYTHING))


def test_prose_without_names_is_left_alone() -> None:
    text = (
        "Employees accrue leave each month. Requests are made in writing, and a manager answers within five days. "
        "When the answer is no, it says why. Unused days lapse at the end of March."
    )
    assert [span for span in detect(text, STRICT_POLICY) if span.entity == "PERSON"] == []


def test_an_identifier_inside_a_name_is_the_identifier() -> None:
    text = "Write to Marta Kowalczyk marta@example.org please."
    spans = detect(text, EVERYTHING)
    assert [text[s.start : s.end] for s in spans if s.entity == "EMAIL_ADDRESS"] == ["marta@example.org"]
    assert all(a.end <= b.start for a, b in pairwise(spans))


def test_the_artefact_is_small_and_holds_no_words() -> None:
    assert ARTEFACT.stat().st_size < 2_000_000
    with np.load(ARTEFACT, allow_pickle=False) as data:
        assert all(array.dtype.kind in "iuf" for array in data.values())


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=400))
def test_any_text_has_spans_in_order_with_probabilities(text: str) -> None:
    spans = names_model().spans(text)
    assert all(0 <= span.start < span.end <= len(text) and 0 <= span.score <= 1.0001 for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert all(text[token.start : token.end].strip() or "\n" in text[token.start : token.end] for token in tokens(text))


def test_sentences_read_together_score_as_when_read_alone() -> None:
    """The sequences of a text are worked on at once, padded: the padding must not count."""
    rng = random.Random(1)
    words = [
        "Marta",
        "Kowalczyk",
        "went",
        "to",
        "Lisbon",
        "with",
        "the",
        "report",
        "of",
        "Brightwater",
        "Logistics",
        ".",
    ]
    long = " ".join(rng.choice(words) for _ in range(700))
    model = names_model()
    together = model._marginals([list(tokens(long))[:160], list(tokens("Marta lives in Lisbon."))])[1]
    alone = model._marginals([list(tokens("Marta lives in Lisbon."))])[0]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_model_of_the_operators_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Zyx"}])
    pipeline.to_disk(tmp_path / "model")
    policy = PiiPolicy("own", {"PERSON": EntityRule(PiiAction.PLACEHOLDER, 0.5)}, names=str(tmp_path / "model"))
    assert (
        redact_text("We asked Zyx about Marta Kowalczyk.", policy, b"key")[0]
        == "We asked <PERSON_1> about Marta Kowalczyk."
    )
    assert policy_id(policy) != policy_id(PiiPolicy("own", policy.rules))


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        finder(str(tmp_path))
