"""Nobody sees what it may not read: everybody asks for everything while readers change (`scripts/leak_test.py`, in small)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from scripts.leak_papers import Paper, Person
from scripts.leak_test import LeakTest, run


@pytest.mark.parametrize("thorough", [True, False])
def test_no_answer_holds_anything_of_a_document_that_its_asker_may_not_read(
    tmp_path: Path,
    thorough: bool,
) -> None:
    found = run(
        tmp_path, tenants=2, principals=6, documents=8, at_once=4, seed=3, pause_s=0.1, thorough=thorough, minutes=60
    )
    assert found["leaks"] == 0, found["first_leaks"]
    assert found["unexpected_statuses"] == {}
    assert found["readable_and_missed"] == {}
    assert found["combinations"] == 48
    assert found["changes_of_readers"] > 10
    assert found["served_by_a_cache"] > 20
    assert found["readable_and_found"] > 50


def test_a_leak_would_be_seen() -> None:
    """What the judge is shown: a secret, an id, and a status, each of what its reader may and may not read."""
    ids = {"document": "doc_1", "version": "ver_1", "job": "job_1"}
    paper = Paper(
        "acme", 1, "harbour", "kelimora", ids, [(10, frozenset({"group:a"}), 20), (19, frozenset({"user:x"}), 99)]
    )
    a, x = (
        Person("acme", "ann", frozenset({"a"}), ""),
        Person("acme", "x", frozenset(), ""),
    )
    other = Person("rival", "ann", frozenset({"a"}), "")
    for who, first, last, leaks in (
        (a, 11, 12, 0),
        (a, 21, 22, 1),
        (a, 19, 22, 0),
        (x, 11, 18, 1),
        (x, 18, 19, 0),
        (other, 11, 12, 1),
    ):
        for body in ("the word is kelimora.", '{"document_id": "doc_1"}', "ver_1", "job_1"):
            test = LeakTest("", [paper], random.Random(1))
            test._judge(who, "search", "/v1/search {}", body, 200, first, last)
            assert len(test.findings.leaks) == leaks, (who, body)
        test._judge(who, "document", "/v1/documents/doc_1 {}", "", 200, first, last)
        assert len(test.findings.leaks) == 2 * leaks
    test = LeakTest("", [paper], random.Random(1))
    test._judge(
        other, "search", '/v1/search {"query": "kelimora"}', '{"query": "kelimora", "passages": []}', 200, 11, 12
    )
    assert test.findings.leaks == [], "what was asked is said again"
