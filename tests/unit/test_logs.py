"""No line of the log says a secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from app.observability.logs import configure, redacted

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
SECRETS = ["cairn_sk_0123456789abcdefABCDEF", JWT, "hunter2hunter2", "signkey-prod-" + "ab" * 16, "of-the-operator"]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_neither_in_fields_nor_in_messages_nor_in_tracebacks(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("info", log_format, ["of-the-operator"])
    key, jwt, password, signing, known = SECRETS
    log = structlog.stdlib.get_logger("app.test")
    log.info("request.failed", headers={"authorization": f"Bearer {key}"}, url=f"redis://cairn:{password}@cache:6379/0")
    logging.getLogger("uvicorn.error").warning("a token %s came, and %s", jwt, known)
    try:
        raise ValueError(f"cannot connect to postgresql://cairn:{password}@db/cairn with {signing}")
    except ValueError:
        log.exception("it.failed")
    said = capsys.readouterr().err
    assert "it.failed" in said
    assert said.count("[secret]") >= 5
    assert not [secret for secret in SECRETS if secret in said]


def test_what_is_none_stays() -> None:
    line = "document.indexed document_id=doc_1 url=http://127.0.0.1:8000/v1/documents bearer of news, basic rules"
    assert redacted(line, []) == line
