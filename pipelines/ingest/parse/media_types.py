"""The types of file that are read, told by their content; the name decides only where the content leaves it open."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from pathlib import Path, PurePath

from pipelines.domain.errors import EncryptedFile, TruncatedFile, TypeMismatch, UnsupportedType
from pipelines.ingest.parse import archive

_OFFICE = "application/vnd.openxmlformats-officedocument."

PDF, MARKDOWN, TEXT, HTML = "application/pdf", "text/markdown", "text/plain", "text/html"
CSV, TSV = "text/csv", "text/tab-separated-values"
DOCX = _OFFICE + "wordprocessingml.document"
XLSX = _OFFICE + "spreadsheetml.sheet"
PPTX = _OFFICE + "presentationml.presentation"
EPUB, EML = "application/epub+zip", "message/rfc822"
PNG, JPEG, TIFF = "image/png", "image/jpeg", "image/tiff"

ARCHIVES = (DOCX, XLSX, PPTX, EPUB)
IMAGES = (PNG, JPEG, TIFF)

_SUFFIXES: Mapping[str, str] = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".xlsx": XLSX,
    ".pptx": PPTX,
    ".epub": EPUB,
    ".eml": EML,
    ".png": PNG,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".tif": TIFF,
    ".tiff": TIFF,
    ".csv": CSV,
    ".tsv": TSV,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
}
_TEXTUAL = (MARKDOWN, TEXT, HTML, CSV, TSV, EML)
_FOLDERS = {"word": DOCX, "xl": XLSX, "ppt": PPTX}

_HEAD = 4096
_PDF_HEAD = 1024  # a PDF may begin with other bytes (ISO 32000-1, note to 7.5.2): where readers look for %PDF-
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_IMAGE_MARKS = {b"\x89PNG\r\n\x1a\n": PNG, b"\xff\xd8\xff": JPEG, b"II*\0": TIFF, b"MM\0*": TIFF}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Office before 2007, and any Office file with a password
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MARKS_OF_WORD_PROCESSORS = (b"{\\rtf", b"%!PS")  # text to a computer, not to a reader
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NOT_TEXT = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")  # control characters that text does not hold
_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?><!--.*?-->\s*)*+<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL
)

_FIELDS = re.compile(rb"(?:From [^\r\n]*\r?\n)?(?:[!-9;-~]{1,76}:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)+")
_MAIL_FIELD = re.compile(rb"^(?:message-id|mime-version|received|return-path):", re.IGNORECASE | re.MULTILINE)

READ = (
    "PDF, Word (.docx), Excel (.xlsx), PowerPoint (.pptx), EPUB, e-mail (.eml), HTML, CSV, Markdown, text or a picture"
)
"""The types as a person names them."""


def detect_media_type(path: Path, filename: str) -> str:
    """Cheap enough for the server's own process: a few kilobytes of the file, or of each part of an archive.

    Raises UnsupportedType, TypeMismatch, EncryptedFile; of an archive also UnreadableFile, UnsafeMarkup and DecompressionBomb.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    promised = _SUFFIXES.get(PurePath(filename).suffix.lower())
    found = _binary(path, head, promised) or _textual(head, promised)
    if found is None:
        raise UnsupportedType(f"This type of file cannot be read. Send {READ}.")
    if promised is not None and promised not in _TEXTUAL and found != promised:
        raise TypeMismatch(f"The name ends in {PurePath(filename).suffix.lower()}, but the content is {found}.")
    return found


def _binary(path: Path, head: bytes, promised: str | None) -> str | None:
    if head.startswith(_ZIP):
        try:
            return _archived(path)
        except TruncatedFile:
            if promised in ARCHIVES:
                raise
            return None  # what it was to be, nobody knows
    if head.startswith(_OLE):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data.find(_ENCRYPTED) >= 0:
                raise EncryptedFile
        raise UnsupportedType("Files of Office before 2007 cannot be read. Save it in today's format.")
    if image := next((kind for mark, kind in _IMAGE_MARKS.items() if head.startswith(mark)), None):
        return image
    return PDF if b"%PDF-" in head[:_PDF_HEAD] else None


def _archived(path: Path) -> str | None:
    names = archive.names(path)
    if "[Content_Types].xml" in names:
        folders = {name.partition("/")[0] for name in names}
        kind = next((kind for folder, kind in _FOLDERS.items() if folder in folders), None)
    else:
        kind = EPUB if "META-INF/container.xml" in names else None
    if kind is not None:
        archive.glance(path, public_document_types=kind == EPUB)
    return kind


def _textual(head: bytes, promised: str | None) -> str | None:
    if head.startswith(_MARKS_OF_WORD_PROCESSORS):
        return None
    if not head.startswith(_UTF16_MARKS) and _NOT_TEXT & set(head):
        return None
    fields = _FIELDS.match(head) if promised in (None, EML) else None
    if fields is not None and (promised == EML or _MAIL_FIELD.search(fields[0])):
        return EML
    if promised != MARKDOWN and _HTML_START.match(head.removeprefix(b"\xef\xbb\xbf")):
        return HTML
    return promised if promised in _TEXTUAL and promised != EML else TEXT
