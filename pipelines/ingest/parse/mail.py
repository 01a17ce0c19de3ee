"""Messages (.eml, RFC 5322 and MIME): subject, who wrote to whom and when, what was said, and the names of what came with it.

A message is one page. Attachments are named, not opened; a forwarded message is read where it stands.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from pathlib import Path

from pipelines.domain.documents import BlockKind, ParsedDocument
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse import html
from pipelines.ingest.parse.characters import decoded
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.flow import Flow
from pipelines.ingest.parse.text import text_blocks
from pipelines.ingest.parse.words import clean

_SHOWN = ("From", "To", "Cc", "Date")
_DEEPEST = 5  # messages inside messages
_UNKNOWN = "\ufffd"
_QUOTE = re.compile(r"^(?:> ?)+", re.MULTILINE)


def page_count(_path: Path) -> int:
    return 1


def parse(path: Path, _pages: PageRange) -> ParsedDocument:
    with path.open("rb") as file:
        message = email.message_from_binary_file(file, _class=EmailMessage, policy=policy.default)
    flow = Flow()
    _read(message, flow, 1)
    if not flow.blocks:
        raise UnreadableFile("The message holds no text.")
    return ParsedDocument((flow.page,), flow.blocks, _header(message, "Subject") or None, paper=False)


def _read(message: EmailMessage, flow: Flow, depth: int) -> None:
    flow.add(BlockKind.HEADING, _header(message, "Subject"), depth)
    for name in _SHOWN:
        if value := _header(message, name):
            flow.add(BlockKind.PARAGRAPH, f"{name}: {value}")
    before = len(flow.blocks)
    for kind in ("html", "plain"):
        body = message.get_body((kind,))
        if isinstance(body, EmailMessage) and len(flow.blocks) == before:
            _say(body, kind, flow)
    attached = list(message.iter_attachments()) if message.is_multipart() else []
    names = [_name(part) for part in attached if part.get_content_type() != "message/rfc822"]
    if names:
        flow.add(BlockKind.HEADING, "Attachments", depth + 1)
        for name in names:
            flow.add(BlockKind.LIST, name)
    for part in attached:
        if part.get_content_type() == "message/rfc822" and depth < _DEEPEST:
            for inner in _inside(part):
                _read(inner, flow, depth + 1)


def _say(body: EmailMessage, kind: str, flow: Flow) -> None:
    text = decoded(_payload(body), body.get_content_charset())
    if kind == "html":
        html.read(text, flow=flow)
        return
    unquoted = _QUOTE.sub("", text.replace("\r\n", "\n"))
    for block in text_blocks(unquoted, 1):
        flow.add(block.kind, block.text)


def _inside(part: EmailMessage) -> Iterator[EmailMessage]:
    content = part.get_payload()
    yield from (each for each in content if isinstance(each, EmailMessage)) if isinstance(content, list) else ()


def _name(part: EmailMessage) -> str:
    """A file's name, type and size in bytes."""
    return f"{clean(part.get_filename() or '') or 'unnamed'} ({part.get_content_type()}, {len(_payload(part)):,} bytes)"


def _payload(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _header(message: EmailMessage, name: str) -> str:
    """As it was meant; as it was written, where the library cannot tell what was meant."""
    try:
        value = str(message.get(name, ""))
    except (ValueError, LookupError, AttributeError, TypeError):
        value = _UNKNOWN
    if _UNKNOWN in value:
        raw = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")
        value = decoded(raw.encode("utf-8", "surrogateescape"))
    return clean(value)
