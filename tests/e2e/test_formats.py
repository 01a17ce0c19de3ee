"""Every type of file, from the upload to a cited place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.e2e.server import finished, upload
from tests.fakes.scans import needs_ocr
from tests.golden.parse import writers
from tests.golden.parse.sample import FACTS, Fact, Passage

FACT = FACTS[14]
QUESTION = f"How often is the {FACT.subject} in the {FACT.place} inspected?"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("manual.docx", writers.write_docx),
        ("manual.xlsx", writers.write_xlsx),
        ("manual.pptx", writers.write_pptx),
        ("manual.epub", writers.write_epub),
        ("manual.html", writers.write_html),
        ("manual.eml", writers.write_eml),
        ("manual.csv", writers.write_csv),
        pytest.param("manual.tiff", writers.write_tiff, marks=needs_ocr),
        pytest.param("manual.pdf", writers.write_scanned_pdf, marks=needs_ocr),
    ],
)
def test_a_passage_of_each_type_is_found_at_its_place(
    client: httpx.Client, tmp_path: Path, name: str, write: Callable[[Path], list[Passage]]
) -> None:
    path = tmp_path / name
    passages = write(path)
    document = upload(client, path)
    assert finished(client, document["job_id"])["status"] == "succeeded"
    (expected,) = [passage for passage in passages if _is_about(FACT, passage.text)]
    found = client.post("/v1/search", json={"query": QUESTION, "top_k": 50}).json()["passages"]
    mine = [passage for passage in found if passage["document_id"] == document["document_id"]]
    holders = [passage for passage in mine if expected.text in passage["text"]]
    assert len(holders) == 1
    assert holders[0]["page_start"] <= expected.page <= holders[0]["page_end"]
    assert expected.page in [box["page"] for box in holders[0]["boxes"]]
    client.delete(f"/v1/documents/{document['document_id']}")


def test_an_answer_from_a_workbook_cites_its_sheet(client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    writers.write_csv(path)
    document = upload(client, path)
    finished(client, document["job_id"])
    answer = client.post("/v1/query", json={"query": QUESTION, "stream": False}).json()
    assert str(FACT.days) in answer["text"]
    assert {citation["document_id"] for citation in answer["citations"]} == {document["document_id"]}


def _is_about(fact: Fact, text: str) -> bool:
    return fact.sentence in text or writers.row(fact).strip("| ") in text
