"""The promises of Conversations and FeedbackBook (pipelines/ports.py), on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.adapters.sql import SqlCatalog
from pipelines.domain.access import Principal
from pipelines.domain.conversations import CitedPlace, Conversation, Feedback, Thumb, Turn, feedback_id
from tests.contract.samples import ANNA, BEN, EVE, at, document, ready, set_up

WORD = "zyzzyvas"


@pytest.fixture(autouse=True)
def library(catalog: SqlCatalog) -> None:
    set_up(catalog)
    with catalog.begin() as uow:
        ready(uow, document("doc_all"), ["For everybody."])
        ready(uow, document("doc_finance", readers=frozenset({"group:finance"})), [f"For finance: {WORD}."])


def _begin(catalog: SqlCatalog, id_: str, principal: Principal = ANNA, seconds: float = 0, most: int = 10) -> None:
    with catalog.begin() as uow:
        uow.conversations.add(Conversation(id_, principal.tenant_id, principal.user_id, at(seconds), at(seconds)), most)


def _say(catalog: SqlCatalog, id_: str, question: str, *cited: str, seconds: float = 1, most: int = 10) -> bool:
    places = tuple(CitedPlace(number, name, "ver", "chk", 1) for number, name in enumerate(cited, 1))
    turn = Turn(question, f"{question} ({WORD})", f"Answer to {question}.", f"ans_{question}", places, at(seconds))
    with catalog.begin() as uow:
        return uow.conversations.append(ANNA, id_, turn, most)


def _answers(catalog: SqlCatalog, id_: str, principal: Principal = ANNA) -> list[str | None]:
    with catalog.read() as uow:
        return [turn.answer for turn in uow.conversations.turns(principal, id_, 10)]


def test_turns_are_kept_in_order_and_only_their_owner_sees_them(catalog: SqlCatalog) -> None:
    _begin(catalog, "cnv_1")
    assert _say(catalog, "cnv_1", "one", "doc_all")
    assert _say(catalog, "cnv_1", "two", "doc_finance", "doc_all", seconds=2)
    assert _answers(catalog, "cnv_1") == ["Answer to one.", "Answer to two."]
    with catalog.read() as uow:
        found = uow.conversations.get(ANNA, "cnv_1")
        assert found is not None
        assert (found.turns, found.opening, found.updated_at) == (2, "one", at(2))
        assert [place.document_id for place in uow.conversations.turns(ANNA, "cnv_1", 1)[0].citations] == [
            "doc_finance",
            "doc_all",
        ]
    for other in (BEN, EVE):
        assert _answers(catalog, "cnv_1", other) == []
        with catalog.begin() as uow:
            assert uow.conversations.get(other, "cnv_1") is None
            assert uow.conversations.page(other, None, 10) == []
            assert uow.conversations.page(other, "cnv_1", 10) == []
            assert not uow.conversations.remove(other, "cnv_1")
            turn = Turn("q", "q", "a", "ans_1", (), at(3))
            assert not uow.conversations.append(other, "cnv_1", turn, 10)


def test_an_answer_is_shown_only_while_all_it_cites_may_be_read(catalog: SqlCatalog) -> None:
    _begin(catalog, "cnv_1")
    _say(catalog, "cnv_1", "one", "doc_all")
    _say(catalog, "cnv_1", "two", "doc_finance")
    _say(catalog, "cnv_1", "three")
    no_longer = Principal(ANNA.tenant_id, ANNA.user_id)  # the same person, who left finance
    assert _answers(catalog, "cnv_1", no_longer) == ["Answer to one.", None, "Answer to three."]
    with catalog.read() as uow:
        one, two, three = uow.conversations.turns(no_longer, "cnv_1", 10)
    assert WORD in one.standalone
    assert (two.standalone, two.citations) == ("two", ())
    assert three.standalone == "three"  # it may have taken words from the answer before
    assert _answers(catalog, "cnv_1") == ["Answer to one.", "Answer to two.", "Answer to three."]
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_all", at(5))
    assert _answers(catalog, "cnv_1") == [None, "Answer to two.", "Answer to three."]


def test_an_answer_from_a_document_that_has_gone_meanwhile_is_not_kept(catalog: SqlCatalog) -> None:
    _begin(catalog, "cnv_1")
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_all", at(5))
    assert not _say(catalog, "cnv_1", "late", "doc_all")
    assert _answers(catalog, "cnv_1") == []


def test_an_erased_document_leaves_nothing_in_any_conversation(catalog: SqlCatalog) -> None:
    _begin(catalog, "cnv_1")
    for question, cited in (("one", ["doc_all"]), (f"about {WORD}", ["doc_finance", "doc_all"]), ("three", [])):
        _say(catalog, "cnv_1", question, *cited)
    _begin(catalog, "cnv_2")
    _say(catalog, "cnv_2", "else", "doc_all")
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_finance", at(5))
        uow.documents.purge("doc_finance")
    with catalog.read() as uow:
        first, last = uow.conversations.turns(ANNA, "cnv_1", 10)
        assert (first.question, last.question, last.standalone) == ("one", "three", "three")
        assert len(uow.conversations.turns(ANNA, "cnv_2", 10)) == 1
        elsewhere = uow.erasures.named_elsewhere("doc_other", ["answer to one", "three", WORD])
    assert elsewhere == {"answer to one", "three"}


def test_what_people_said_elsewhere_is_theirs(catalog: SqlCatalog) -> None:
    _begin(catalog, "cnv_1")
    _say(catalog, "cnv_1", "what are Quokkas", "doc_finance")
    with catalog.begin() as uow:
        uow.feedback.put(_feedback("ans_1", comment="Nice Wombats"), 10)
    with catalog.read() as uow:
        assert uow.erasures.named_elsewhere("doc_finance", ["quokkas", "wombats"]) == {"wombats"}
        assert uow.erasures.named_elsewhere("doc_all", ["quokkas"]) == {"quokkas"}


def test_both_are_bounded(catalog: SqlCatalog) -> None:
    for number in range(5):
        _begin(catalog, f"cnv_{number}", seconds=number, most=3)
    _begin(catalog, "cnv_ben", BEN, most=3)
    with catalog.read() as uow:
        assert [each.id for each in uow.conversations.page(ANNA, None, 10)] == ["cnv_4", "cnv_3", "cnv_2"]
        assert [each.id for each in uow.conversations.page(ANNA, "cnv_4", 1)] == ["cnv_3"]
        assert uow.conversations.page(ANNA, "cnv_ben", 10) == []
    for number in range(5):
        _say(catalog, "cnv_2", str(number), "doc_all", most=2)
    assert _answers(catalog, "cnv_2") == ["Answer to 3.", "Answer to 4."]


def test_removed_and_forgotten_are_gone(catalog: SqlCatalog) -> None:
    for id_, seconds in (("cnv_old", 0), ("cnv_new", 10), ("cnv_mine", 20)):
        _begin(catalog, id_, seconds=seconds)
        _say(catalog, id_, "q", "doc_all", seconds=seconds)
    with catalog.begin() as uow:
        uow.feedback.put(_feedback("ans_1", seconds=0), 10)
        assert uow.conversations.forget(at(5)) == 1
        assert uow.feedback.forget(at(5)) == 1
        assert uow.conversations.remove(ANNA, "cnv_mine")
    with catalog.read() as uow:
        assert [each.id for each in uow.conversations.page(ANNA, None, 10)] == ["cnv_new"]
    with catalog.connection() as connection:
        for table in ("turns", "turn_documents"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1


def _feedback(answer: str, principal: Principal = ANNA, seconds: float = 0, comment: str | None = None) -> Feedback:
    id_ = feedback_id(principal, answer)
    return Feedback(id_, principal.tenant_id, principal.user_id, answer, Thumb.UP, 4, comment, at(seconds))


def test_the_newest_word_on_an_answer_counts_and_a_tenant_sees_its_own(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        uow.keys.add_tenant("rival", "rival", at(0))
        for seconds, comment in enumerate(["first", "second"]):
            uow.feedback.put(_feedback("ans_1", seconds=seconds, comment=comment), 10)
        uow.feedback.put(_feedback("ans_1", BEN, 5), 10)
        uow.feedback.put(_feedback("ans_1", EVE, 6), 10)
    with catalog.read() as uow:
        found = uow.feedback.page(ANNA, None, 10)
        assert [(each.user_id, each.comment) for each in found] == [("ben", None), ("anna", "second")]
        assert [each.user_id for each in uow.feedback.page(ANNA, found[0].id, 10)] == ["anna"]
        assert uow.feedback.page(EVE, found[0].id, 10) == []
    with catalog.begin() as uow:
        for number in range(5):
            uow.feedback.put(_feedback(f"ans_{number}", seconds=10 + number), 3)
    with catalog.read() as uow:
        mine = [each.answer_id for each in uow.feedback.page(ANNA, None, 10) if each.user_id == "anna"]
        assert mine == ["ans_4", "ans_3", "ans_2"]
