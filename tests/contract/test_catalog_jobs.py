"""The promises of Jobs (pipelines/ports.py): what ended stays ended, and every change is one line of the history."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.sql import SqlCatalog
from pipelines.domain.jobs import JobError, JobStatus, OutboxEvent, Progress, StepStatus
from pipelines.ports import JobFilter, UnitOfWork
from tests.contract.samples import ANNA, BEN, EVE, at, delete_job, document, ingest_job, set_up, version

DOCUMENT = document("doc_1")
JOB = ingest_job(DOCUMENT.latest)
BROKEN = JobError("unreadable_file", "The file is damaged.")
SLOW = JobError("model_unavailable", "The model is not answering.")


@pytest.fixture(autouse=True)
def _job(request: pytest.FixtureRequest) -> None:
    if "catalog" in request.fixturenames:
        catalog = request.getfixturevalue("catalog")
        set_up(catalog)
        with catalog.begin() as uow:
            uow.documents.add(DOCUMENT)
            uow.jobs.add(JOB)


def _history(uow: UnitOfWork, job_id: str = JOB.id) -> list[tuple[int, str]]:
    return [(event.sequence, event.name) for event in uow.jobs.events(job_id, 0, 1_000)]


def test_a_job_can_be_followed_from_its_queue_to_its_end(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        jobs = uow.jobs
        jobs.start_step(JOB.id, "parse-document", at(1))
        jobs.progress(JOB.id, at(2), Progress(16, 40, "pages"))
        jobs.fail_step(JOB.id, "parse-document", at(3), SLOW, at(13))
        waiting = jobs.find(JOB.id)
        jobs.start_step(JOB.id, "parse-document", at(4))
        jobs.end_step(JOB.id, "parse-document", at(5), {"pages": 40, "blob_key": "parsed/x"})
        jobs.start_step(JOB.id, "redact-pii", at(5))
        jobs.end_step(JOB.id, "redact-pii", at(6), {})
        jobs.finish(JOB.id, JobStatus.SUCCEEDED, at(7))
    assert waiting is not None
    assert (waiting.status, waiting.error) == (JobStatus.RUNNING, SLOW)
    assert (waiting.steps[0].status, waiting.steps[0].retry_at) == (StepStatus.RETRYING, at(13))
    with catalog.read() as uow:
        job = uow.jobs.get(ANNA, JOB.id)
        assert job is not None
        assert (job.status, job.run, job.error, job.updated_at) == (JobStatus.SUCCEEDED, 1, None, at(7))
        assert job.progress == Progress(16, 40, "pages")
        parse, redact = job.steps
        assert (parse.id, parse.status, parse.attempts) == ("parse-document", StepStatus.SUCCEEDED, 2)
        assert (parse.started_at, parse.ended_at) == (at(1), at(5))
        assert parse.output == {"pages": 40, "blob_key": "parsed/x"}
        assert redact.id == "redact-pii"
        events = uow.jobs.events(JOB.id, 0, 100)
        assert [event.name for event in events] == [
            "job.queued",
            "step.started",
            "step.progress",
            "step.retrying",
            "step.started",
            "step.completed",
            "step.started",
            "step.completed",
            "job.succeeded",
        ]
        assert [event.sequence for event in events] == list(range(1, 10))
        assert dict(events[2].data) == {"done": 16, "total": 40, "unit": "pages", "eta_s": None}
        assert dict(events[3].data) == {
            "step": "parse-document",
            "attempt": 1,
            "code": SLOW.code,
            "detail": SLOW.detail,
            "retry_at": at(13).isoformat(),
        }
        assert events[8].at == at(7)
        assert uow.jobs.events(JOB.id, 3, 2) == events[3:5]  # a reader that lost its connection goes on


@pytest.mark.parametrize("end", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_what_ended_stays_as_it_is_until_a_person_starts_it_again(catalog: SqlCatalog, end: JobStatus) -> None:
    with catalog.begin() as uow:
        uow.jobs.start_step(JOB.id, "parse-document", at(1))
        uow.jobs.finish(JOB.id, end, at(2), None if end is JobStatus.SUCCEEDED else BROKEN)
        ended, history = uow.jobs.find(JOB.id), _history(uow)
        uow.jobs.start_step(JOB.id, "redact-pii", at(3))
        uow.jobs.end_step(JOB.id, "parse-document", at(3), {"pages": 1})
        uow.jobs.fail_step(JOB.id, "parse-document", at(3), SLOW, None)
        uow.jobs.progress(JOB.id, at(3), Progress(1, 1, "pages"))
        uow.jobs.finish(JOB.id, JobStatus.FAILED, at(3), SLOW)
        assert uow.jobs.find(JOB.id) == ended
        assert _history(uow) == history
    with catalog.begin() as uow:
        again = uow.jobs.start_again(JOB.id, at(4))
        assert (again.status, again.run, again.steps, again.error, again.progress) == (
            JobStatus.QUEUED,
            2,
            (),
            None,
            None,
        )
        uow.jobs.start_step(JOB.id, "parse-document", at(5))
        job = uow.jobs.find(JOB.id)
        assert job is not None
        assert (job.status, [step.attempts for step in job.steps]) == (JobStatus.RUNNING, [1])
        assert [name for _, name in _history(uow)[len(history) :]] == ["job.queued", "step.started"]


def test_a_failed_job_says_why_and_leaves_no_step_running(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        uow.jobs.start_step(JOB.id, "parse-document", at(1))
        uow.jobs.start_step(JOB.id, "embed-batch-0", at(1))
        uow.jobs.fail_step(JOB.id, "parse-document", at(2), BROKEN, None)
        uow.jobs.finish(JOB.id, JobStatus.FAILED, at(3), BROKEN)
    with catalog.read() as uow:
        job = uow.jobs.find(JOB.id)
        assert job is not None
        assert job.error == BROKEN
        assert [step.status for step in job.steps] == [StepStatus.FAILED, StepStatus.FAILED]
        last = uow.jobs.events(JOB.id, 0, 100)[-1]
        assert (last.name, dict(last.data)) == ("job.failed", {"code": BROKEN.code, "detail": BROKEN.detail})


def test_lists_of_jobs_are_newest_first_filtered_and_private(catalog: SqlCatalog) -> None:
    private = document("doc_2", readers=frozenset({"user:ben"}))
    with catalog.begin() as uow:
        uow.documents.add(private)
        uow.jobs.add(ingest_job(private.latest, seconds=1))
        uow.documents.add_version(version("doc_1", "two"))
        second = ingest_job(version("doc_1", "two"), seconds=2)
        uow.jobs.add(second)
        uow.jobs.finish(second.id, JobStatus.CANCELLED, at(3))
    with catalog.read() as uow:

        def listed(where: JobFilter, after: str | None = None) -> list[str]:
            return [job.id for job in uow.jobs.page(ANNA, where, after, 10)]

        assert listed(JobFilter()) == [second.id, JOB.id]
        assert listed(JobFilter(), second.id) == [JOB.id]
        assert listed(JobFilter(status=JobStatus.CANCELLED)) == [second.id]
        assert listed(JobFilter(document_id="doc_2")) == []
        assert len(uow.jobs.page(BEN, JobFilter(), None, 10)) == 3
        assert uow.jobs.page(EVE, JobFilter(), None, 10) == []
        assert uow.jobs.page(EVE, JobFilter(), second.id, 10) == []


def test_of_a_deleted_document_only_the_deletion_can_be_followed(catalog: SqlCatalog) -> None:
    deletion = delete_job("doc_1", seconds=5)
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_1", at(5))
        uow.jobs.add(deletion)
        uow.documents.purge("doc_1")
        uow.jobs.finish(deletion.id, JobStatus.SUCCEEDED, at(6))
    with catalog.read() as uow:
        assert [job.id for job in uow.jobs.page(ANNA, JobFilter(), None, 10)] == [deletion.id]
        assert uow.jobs.get(EVE, deletion.id) is None
        assert uow.jobs.find(JOB.id) is None
        assert [name for _, name in _history(uow, deletion.id)] == ["job.queued", "job.succeeded"]


# --- any order of calls: a step may run twice, late, or after the end ---

STEPS = st.sampled_from(["parse-document", "redact-pii", "embed-batch-0"])
CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("start_step"), STEPS),
        st.tuples(st.just("end_step"), STEPS),
        st.tuples(st.just("fail_step"), STEPS, st.booleans()),
        st.tuples(st.just("progress"), st.integers(0, 5)),
        st.tuples(st.just("finish"), st.sampled_from([each for each in JobStatus if each.terminal])),
        st.tuples(st.just("start_again")),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def one_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalog]:
    catalog = SqlCatalog(f"sqlite:///{tmp_path_factory.mktemp('jobs') / 'catalog.sqlite3'}")
    catalog.open()
    set_up(catalog)
    yield catalog
    catalog.close()


class _NotKept(Exception):
    """Rolls an example back."""


@settings(deadline=None, max_examples=60)
@given(calls=CALLS)
def test_no_order_of_calls_makes_a_gap_or_reopens_what_ended(
    one_catalog: SqlCatalog, calls: list[tuple[object, ...]]
) -> None:
    with pytest.raises(_NotKept), one_catalog.begin() as uow:
        uow.documents.add(DOCUMENT)
        uow.jobs.add(JOB)
        for call in calls:
            before = uow.jobs.find(JOB.id)
            assert before is not None
            length = len(_history(uow))
            _do(uow, call)
            after = uow.jobs.find(JOB.id)
            assert after is not None
            if before.status.terminal and call[0] != "start_again":
                assert (after, len(_history(uow))) == (before, length)
            assert len(_history(uow)) - length == (0 if after == before else 1)
            assert after.run == before.run + (call[0] == "start_again")
            assert [sequence for sequence, _ in _history(uow)] == list(range(1, len(_history(uow)) + 1))
            assert len({step.id for step in after.steps}) == len(after.steps)
        raise _NotKept


def _do(uow: UnitOfWork, call: tuple[object, ...]) -> None:
    jobs, moment = uow.jobs, at(len(_history(uow)))
    match call:
        case ("start_step", str(step)):
            jobs.start_step(JOB.id, step, moment)
        case ("end_step", str(step)):
            jobs.end_step(JOB.id, step, moment, {"chunks": 1})
        case ("fail_step", str(step), bool(retriable)):
            jobs.fail_step(JOB.id, step, moment, SLOW, moment if retriable else None)
        case ("progress", int(done)):
            jobs.progress(JOB.id, moment, Progress(done, 5, "pages"))
        case ("finish", JobStatus() as status):
            jobs.finish(JOB.id, status, moment, BROKEN)
        case _:
            jobs.start_again(JOB.id, moment)


def test_the_time_left_follows_from_the_pace_of_the_stage(catalog: SqlCatalog) -> None:
    left = []
    with catalog.begin() as uow:
        uow.jobs.start_step(JOB.id, "parse-document", at(0))
        for seconds, progress in (
            (10, Progress(400, 1_000, "pages")),  # pages of an earlier attempt say nothing about this one's pace
            (20, Progress(500, 1_000, "pages")),
            (40, Progress(700, 1_000, "pages")),
            (50, Progress(64, 128, "chunks")),  # another stage
            (51, Progress(128, 128, "chunks")),
        ):
            uow.jobs.progress(JOB.id, at(seconds), progress)
            job = uow.jobs.find(JOB.id)
            assert job is not None
            assert job.progress is not None
            left.append(job.progress.eta_s)
        told = [event.data["eta_s"] for event in uow.jobs.events(JOB.id, 0, 100) if event.name == "step.progress"]
    assert left == told == [None, 50.0, 30.0, None, 0.0]


def test_what_has_not_ended_is_counted_with_its_age_and_what_waits_to_be_sent(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        assert uow.jobs.unfinished() == {JobStatus.QUEUED: (1, JOB.created_at)}
        uow.jobs.start_step(JOB.id, "parse-document", at(1))
        assert uow.jobs.unfinished() == {JobStatus.RUNNING: (1, JOB.created_at)}
        uow.jobs.finish(JOB.id, JobStatus.SUCCEEDED, at(2))
        assert uow.jobs.unfinished() == {}
        assert uow.outbox.size() == 0
        uow.outbox.add(OutboxEvent("event-1", "rag/document.uploaded", {}), at(3))
        uow.outbox.add(OutboxEvent("event-2", "rag/document.uploaded", {}), at(4))
        assert uow.outbox.size() == 2
        uow.outbox.sent(["event-1"])
        assert uow.outbox.size() == 1
