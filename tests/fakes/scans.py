"""OCR where it is installed; tests that need it are skipped with one line where it is not."""

from __future__ import annotations

import pytest

from app.adapters.tesseract import find

OCR = find("eng")

needs_ocr = pytest.mark.skipif(OCR is None, reason="needs Tesseract's English data (Debian: tesseract-ocr)")
