"""`cairn demo`: the main job from a file to a cited answer, in front of one's eyes."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.cli import show
from app.cli.client import api_key
from app.cli.exits import Failure
from app.cli.handbook import QUESTION, write
from app.client import Cairn, ClientError
from app.settings import Settings

START_TIMEOUT_S = 60
TOPIC_WORDS = 12


def run(settings: Settings, files: Sequence[Path], question: str | None) -> None:
    """Uses the server that runs here, or starts one for as long as this takes. Raises Failure."""
    for path in files:
        if not path.is_file():
            raise Failure(f"{path}: there is no such file.")
    with _server(settings) as client, tempfile.TemporaryDirectory() as folder:
        if not files:
            handbook = Path(folder) / "handbook.pdf"
            write(handbook)
            files, question = [handbook], question or QUESTION
        collection = "demo"
        if collection not in (each.name for each in client.collections()):
            client.create_collection(collection)
        documents = [document for path in files for document in client.upload([path], collection)]
        for document, job in zip(documents, show.follow_jobs(client, documents), strict=True):
            if job.status != "succeeded":
                raise Failure(f"{document.filename}: {job.error.detail if job.error else job.status}")
        if question is None:
            question = _question_about(client, documents[0].document_id)
        show.out.print(f"\n[bold]{question}[/]\n", highlight=False)
        answer = show.answer(client.ask(question, collection=collection))
        if not answer.citations:
            raise Failure(
                "The answer cites nothing. Ask something that the documents answer: cairn demo FILE --ask '...'"
            )


def _question_about(client: Cairn, document_id: str) -> str:
    """Nobody asked anything: asks about the part of the document that says most."""
    chunks = list(client.chunks(document_id))
    prose = [chunk for chunk in chunks if "|" not in chunk.text] or chunks
    longest = max(prose, key=lambda chunk: len(chunk.text))
    topic = " ".join(longest.text.split()[:TOPIC_WORDS])
    return f"What does the document say about this: {topic}?"


@contextmanager
def _server(settings: Settings) -> Iterator[Cairn]:
    """The server at the settings' address if it is ours and ready; else one of our own on a free port."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        running = Cairn(settings.address, api_key(settings))
        if running.ready():
            running.collections()
            yield running
            return
    except (Failure, ClientError):
        pass  # no key yet, or a stranger's server
    port = _free_port(settings.host)
    show.out.print(f"Starting a server on {settings.host}:{port}, data in {settings.data_dir}", highlight=False)
    command = [sys.executable, "-m", "app.cli", "serve", "--host", settings.host, "--port", str(port)]
    log = settings.data_dir / "demo-server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603 - our own program
        try:
            yield _ready(settings.model_copy(update={"port": port}), process, log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _ready(settings: Settings, process: subprocess.Popen[bytes], log: Path) -> Cairn:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client = Cairn(settings.address, api_key(settings))
            if client.ready():
                return client
        except (Failure, ClientError):
            pass  # it has not written its first key yet
        time.sleep(0.1)
    raise Failure(f"The server did not start; its log is {log}.")


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
