"""What a model says of figures becomes part of their blocks, and of nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
from PIL import Image

from app.services.figures import Figures
from app.settings import Settings
from pipelines.domain.documents import BlockKind
from pipelines.ingest import stages
from pipelines.ingest.parse import DOCX, PDF, PageRange, codec


class Looking:
    """A model that measures pictures."""

    name = "looking"

    def __init__(self) -> None:
        self.captions: list[str] = []

    async def describe(self, picture: bytes, caption: str) -> str:
        self.captions.append(caption)
        with Image.open(io.BytesIO(picture)) as image:
            return f"It is {'wide' if image.width > image.height else 'high'}.\n"


class Inline:
    async def run(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return task(*args, **kwargs)


def _page(path: Path) -> bytes:
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_text((60, 60), "Ships come in spring and leave in autumn.")
        for number in range(5):
            page.draw_rect((80 + 60 * number, 400 - 20 * number, 130 + 60 * number, 450), fill=(0.1, 0.3, 0.7))
        page.insert_text((80, 470), "Figure 1: Ships by month")
        document.save(path)
    return stages.parse_range(path, PDF, PageRange(1, 1))


async def test_a_figure_says_what_it_shows_after_its_caption(tmp_path: Path) -> None:
    path, model = tmp_path / "file.pdf", Looking()
    parsed = _page(path)
    before = codec.load(parsed)
    after = codec.load(await Figures(model, Inline()).described(parsed, path, PDF))
    assert model.captions == ["Figure 1: Ships by month"]
    texts = [block.text for block in after.blocks if block.kind is BlockKind.FIGURE]
    assert texts == ["Figure 1: Ships by month It is wide."]
    assert [block for block in after.blocks if block.kind is not BlockKind.FIGURE] == [
        block for block in before.blocks if block.kind is not BlockKind.FIGURE
    ]


async def test_formats_without_pages_are_left_as_they_are(tmp_path: Path) -> None:
    parsed = _page(tmp_path / "file.pdf")
    assert await Figures(Looking(), Inline()).described(parsed, tmp_path / "file.docx", DOCX) == parsed


def test_no_model_looks_at_pictures_unless_one_is_named() -> None:
    assert Settings.model_fields["vision_model"].default is None
