"""Files to blocks: what they are, how many pages they have, and what stands where on some of them."""

from pipelines.ingest.parse.files import PageRange, plan_ranges, suspicious
from pipelines.ingest.parse.media_types import (
    CSV,
    DOCX,
    EML,
    EPUB,
    HTML,
    JPEG,
    MARKDOWN,
    PDF,
    PNG,
    PPTX,
    TEXT,
    TIFF,
    XLSX,
    detect_media_type,
)
from pipelines.ingest.parse.ocr import Ocr
from pipelines.ingest.parse.reading import parse_range, parser_name, probe

__all__ = [
    "CSV",
    "DOCX",
    "EML",
    "EPUB",
    "HTML",
    "JPEG",
    "MARKDOWN",
    "PDF",
    "PNG",
    "PPTX",
    "TEXT",
    "TIFF",
    "XLSX",
    "Ocr",
    "PageRange",
    "detect_media_type",
    "parse_range",
    "parser_name",
    "plan_ranges",
    "probe",
    "suspicious",
]
