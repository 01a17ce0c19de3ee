"""Where Tesseract's language data lies. PyMuPDF carries Tesseract itself; Debian's package `tesseract-ocr` has the data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pipelines.ingest.parse import Ocr

_USUAL = (
    "/usr/share/tesseract-ocr/*/tessdata",  # Debian, Ubuntu
    "/usr/share/tessdata",  # Arch, Alpine
    "/usr/share/tesseract/tessdata",  # Fedora
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)


def find(languages: str, folder: Path | None = None) -> Ocr | None:
    """The first folder that has the data of all `languages` ("eng+deu"): the one given, Tesseract's own variable, the usual."""
    wanted = [f"{language}.traineddata" for language in languages.split("+")]
    for each in _folders(folder):
        if all((each / name).is_file() for name in wanted):
            return Ocr(str(each), languages)
    return None


def _folders(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    if named := os.environ.get("TESSDATA_PREFIX"):
        yield from (Path(named), Path(named, "tessdata"))
    for pattern in _USUAL:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
