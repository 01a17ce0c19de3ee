"""How words in pictures are read: by Tesseract, which PyMuPDF carries; only its language data is installed beside it."""

from __future__ import annotations

from dataclasses import dataclass

FEW_CHARACTERS = 100  # a stamp, a page number: a page with fewer may be a picture


@dataclass(frozen=True, slots=True)
class Ocr:
    """`tessdata`: the folder of the language data; `languages` in Tesseract's names, joined by "+" ("eng+deu")."""

    tessdata: str
    languages: str = "eng"
