"""One pass over files: send what is new, follow it to its end, say what became of each."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.cli import show
from app.cli.exits import Exit, code_of
from app.cli.ingest.following import Following
from app.cli.ingest.journal import Journal
from app.cli.ingest.progress import Bars
from app.cli.ingest.sending import Sending, Sent, Wanted
from app.client import Cairn, ClientError, Problem
from app.client.models import Job, JobError


@dataclass
class Outcome:
    """`jobs` are those that ended; `deleted`: documents of files that are gone; `error`: why going on was no use."""

    files: int
    sent: list[Sent] = field(default_factory=list)
    jobs: dict[Path, Job] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    error: ClientError | None = None

    @property
    def failed(self) -> list[tuple[Path, JobError]]:
        refused = [(each.path, each.error) for each in self.sent if each.error]
        ended = [
            (path, job.error or JobError(code=job.status, detail="Its job did not succeed.")) for path, job in self.bad
        ]
        return refused + ended

    @property
    def exit(self) -> Exit:
        if self.interrupted:
            return Exit.INTERRUPTED
        return code_of(self.error) if self.error else Exit.FAILED if self.failed else Exit.OK

    @property
    def left(self) -> int:
        """Files of which nothing is known yet."""
        return self.files - len(self.sent)

    @property
    def counts(self) -> dict[str, int]:
        """By what became of them."""
        return dict(Counter(self._status(each) for each in self.sent))

    def as_json(self) -> dict[str, object]:
        errors = dict(self.failed)
        return {
            "files": [
                {
                    "path": str(each.path),
                    "status": self._status(each),
                    "document_id": each.document_id,
                    "job_id": each.upload.job_id if each.upload else None,
                    "error": errors.get(each.path),
                }
                for each in self.sent
            ],
            "counts": self.counts,
            "left": self.left,
            "error": str(self.error) if self.error else None,
            "deleted": self.deleted,
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
        }

    def _status(self, sent: Sent) -> str:
        """known, failed; sent, while its job goes on; ready."""
        job = self.jobs.get(sent.path)
        if job is None or sent.status != "sent":
            return sent.status
        return "ready" if job.status == "succeeded" else "failed"

    @property
    def bad(self) -> list[tuple[Path, Job]]:
        return [(path, job) for path, job in self.jobs.items() if job.status != "succeeded"]


@dataclass(frozen=True)
class Passes:
    """Over the files of a collection."""

    client: Cairn
    journal: Journal
    wanted: Wanted
    stop: threading.Event
    wait: bool = True
    quiet: bool = False

    def run(self, paths: Sequence[Path]) -> Outcome:
        """What was sent is remembered, however it ends."""
        outcome, following, began = Outcome(len(paths)), Following(self.client), time.monotonic()
        sending = Sending(self.client, self.journal, self.wanted, self.stop)
        with Bars(show.err, len(paths), wait=self.wait, shown=not self.quiet) as bars, _told(outcome):
            for sent in sending.each(paths):
                if sent is not None:
                    outcome.sent.append(sent)
                    bars.sent(sent)
                    if sent.upload is not None and sent.status == "sent":
                        following.add(sent.upload.job_id, sent.path)
                if self.wait:
                    self._look(following, outcome, bars)
            while self.wait and following.pending and not self.stop.is_set():
                self._look(following, outcome, bars)
                self.stop.wait(following.due_s)
        outcome.interrupted = self.stop.is_set()
        outcome.seconds = time.monotonic() - began
        return outcome

    def remove(self, folder: Path) -> list[str]:
        """Deletes the documents of this folder's files that are gone, and gives their ids. Raises ClientError."""
        deleted = []
        for path, document_id in list(self.journal.under(folder)):
            if path.exists() or self.stop.is_set():
                continue
            if self.journal.alone(path, document_id):
                try:
                    self.client.delete_document(document_id)
                    deleted.append(document_id)
                except Problem as error:
                    if error.code != "document_not_found":
                        raise
            self.journal.forget(path)
        return deleted

    @staticmethod
    def _look(following: Following, outcome: Outcome, bars: Bars) -> None:
        for path, job in following.ended():
            outcome.jobs[path] = job
            bars.ready(len(outcome.bad))


@contextmanager
def _told(outcome: Outcome) -> Iterator[None]:
    """An error ends the pass and not what is told of it."""
    try:
        yield
    except ClientError as error:
        outcome.error = error
