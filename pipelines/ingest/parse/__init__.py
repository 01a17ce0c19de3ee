"""Files to blocks: what they are, how many pages they have, and what stands where on some of them."""

from pipelines.ingest.parse.files import MARKDOWN, PDF, TEXT, PageRange, detect_media_type, plan_ranges, suspicious
from pipelines.ingest.parse.reading import PARSER, parse_range, probe

__all__ = [
    "MARKDOWN",
    "PARSER",
    "PDF",
    "TEXT",
    "PageRange",
    "detect_media_type",
    "parse_range",
    "plan_ranges",
    "probe",
    "suspicious",
]
