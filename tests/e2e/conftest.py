from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from app.cli.handbook import write
from tests.e2e.browser import CHROMIUM
from tests.e2e.server import Server, finished, running, upload
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama import running as serving


@pytest.fixture(scope="session")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("samples") / "handbook.pdf"
    write(path)
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests of one file."""
    with running(tmp_path_factory.mktemp("data")) as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as http:
        yield http


@pytest.fixture(scope="module")
def ingested(client: httpx.Client, handbook: Path) -> dict[str, str]:
    """The handbook, ready to be asked about."""
    document = upload(client, handbook)
    finished(client, document["job_id"])
    return document


@pytest.fixture(scope="module")
def ollama() -> Iterator[FakeOllama]:
    with serving(FakeOllama()) as fake:
        yield fake


@pytest.fixture(scope="module")  # its event loop must not run under other tests
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()
