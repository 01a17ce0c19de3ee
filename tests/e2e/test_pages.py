"""Pages of documents as pictures: the cited place is marked on them, and a figure can be had alone."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.e2e.server import finished, upload

QUESTION = "How many days of paid leave do employees get each year?"


def _picture(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(response.content)).convert("RGB")


def _marked(picture: Image.Image, box: list[float]) -> float:
    """The share of a box, in points, that a marker went over."""
    scale = picture.width / 595
    part = picture.crop(tuple(round(edge * scale) for edge in box))  # type: ignore[arg-type]
    pixels = np.asarray(part)
    return float(((pixels[..., 0] > 200) & (pixels[..., 2] < 190)).mean())


def test_the_place_of_a_passage_is_marked_on_its_page(client: httpx.Client, ingested: dict[str, str]) -> None:
    passage = client.post("/v1/search", json={"query": QUESTION}).json()["passages"][0]
    place = passage["boxes"][0]
    url = f"/v1/documents/{passage['document_id']}/pages/{place['page']}.png"
    plain = _picture(client.get(url))
    marked = _picture(client.get(url, params={"highlight": ",".join(map(str, place["box"]))}))
    assert marked.size == plain.size
    assert _marked(plain, place["box"]) < 0.05
    assert _marked(marked, place["box"]) > 0.6


def test_an_area_is_cut_out(client: httpx.Client, ingested: dict[str, str]) -> None:
    url = f"/v1/documents/{ingested['document_id']}/pages/1.png"
    part = _picture(client.get(url, params={"area": "100,200,300,300"}))
    assert abs(part.width / part.height - 2) < 0.05


@pytest.mark.parametrize(
    ("page", "parameters", "status", "code"),
    [
        (99, {}, 404, "page_not_found"),
        (0, {}, 404, "page_not_found"),
        (1, {"highlight": "1,2,3"}, 400, "invalid_request"),
        (1, {"area": "5,5,nan,9"}, 400, "invalid_request"),
        (1, {"area": "9000,9000,9001,9001"}, 404, "page_not_found"),
    ],
)
def test_what_is_not_there_is_said(
    client: httpx.Client, ingested: dict[str, str], page: int, parameters: dict[str, str], status: int, code: str
) -> None:
    answer = client.get(f"/v1/documents/{ingested['document_id']}/pages/{page}.png", params=parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_text_is_drawn_from_its_reading_without_redacted_data(client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("The pump is inspected on Mondays.\n\nWrite to ada.lovelace@example.org about it.")
    document = upload(client, path)
    finished(client, document["job_id"])
    url = f"/v1/documents/{document['document_id']}/pages/1.png"
    passage = client.post("/v1/search", json={"query": "When is the pump inspected?"}).json()["passages"][0]
    marked = _picture(client.get(url, params={"highlight": ",".join(map(str, passage["boxes"][0]["box"]))}))
    assert (_marked(_picture(client.get(url)), [0, 0, 595, 800]), _marked(marked, [0, 0, 595, 800]) > 0) == (0, True)
    area = client.get(url, params={"area": "0,0,10,10"})
    assert (area.status_code, area.json()["code"]) == (415, "unsupported_type")
