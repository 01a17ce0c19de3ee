"""Documents in the console: a failed job and its retry, new versions, readers, deletion, five hundred of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.adapters.sql import SqlCatalog
from pipelines.domain.access import Principal, Role
from pipelines.domain.documents import Collection, Generation
from tests.contract import samples
from tests.e2e.browser import accessible, number_in, open_view, picture, visiting
from tests.e2e.server import Server, add_key, finished, running, secret, upload
from tests.fakes import ollama
from tests.fakes.ollama import FakeOllama

MANY = 500
BOB = Principal("main", "bob", roles=frozenset({Role.READER}))


@pytest.fixture(scope="module")
def model() -> Iterator[FakeOllama]:
    with ollama.running(FakeOllama(models=("nomic-embed-text:latest",))) as fake:
        yield fake


@pytest.fixture(scope="module")
def server(model: FakeOllama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {
        "CAIRN_OLLAMA_URL": model.url,
        "CAIRN_EMBEDDING_MODEL": "nomic-embed-text",
        "CAIRN_STEP_RETRIES": "0",
        "CAIRN_INNGEST_DASHBOARD_URL": "http://127.0.0.1:9",
    }
    with running(tmp_path_factory.mktemp("data"), **settings) as started:
        started.stop()
        add_key(started, "bob", BOB)
        started.start()
        with started.client() as client:
            assert client.post("/v1/collections", json={"name": "default"}).status_code == 201
        yield started


def _note(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.md"
    path.write_text(f"# {name.title()}\n\n{text}\n")
    return path


def _open(page: Page, document: dict[str, object]) -> None:
    open_view(page, f"documents/{document['document_id']}")


def test_a_failed_job_says_why_and_is_tried_again(
    browser: Browser, server: Server, model: FakeOllama, tmp_path: Path
) -> None:
    note = _note(tmp_path, "ferry", "The late ferry leaves at nine.")
    with visiting(browser, server) as page:
        model.faults.refuse = True
        page.get_by_label("Choose files").set_input_files(note)
        coming = page.get_by_role("list", name="Files on their way").get_by_role("listitem").first
        expect(coming).to_contain_text("Failed")
        picture(page, "failed-on-its-way")
        open_view(page, "activity")
        jobs = page.get_by_role("list", name="Jobs")
        expect(jobs.get_by_role("listitem").first).to_contain_text("Failed")
        accessible(page)
        jobs.get_by_role("link", name="Add a document").first.click()
        course = page.get_by_role("region", name="Its course")
        expect(course).to_contain_text("model_unavailable")
        expect(page.get_by_role("link", name="Inngest dashboard")).to_have_attribute("href", "http://127.0.0.1:9/runs")
        accessible(page)
        picture(page, "failed-job")
        model.faults.refuse = False
        course.get_by_role("button", name="Try again").click()
        expect(course).to_contain_text("Tidied up")
        expect(course).to_contain_text("Run 2")
        expect(course.locator(".badge")).to_have_text("Done")
        picture(page, "job-after-retry")


def test_a_new_version_takes_the_place_of_the_old_one_and_both_are_listed(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    note = _note(tmp_path, "opening", "The museum opens at nine. Write to ada@example.org or bob@example.org.")
    with server.client() as client:
        document = upload(client, note)
        finished(client, document["job_id"])
    with visiting(browser, server) as page:
        _open(page, document)
        expect(page.get_by_role("heading", name="1 version")).to_be_visible()
        expect(page.get_by_text("E-mail addresses")).to_be_visible()
        expect(page.get_by_text("2 hidden")).to_be_visible()
        expect(page.get_by_role("img", name="Page 1 of opening")).to_be_visible()
        page.get_by_text("What was indexed").click()
        expect(page.locator(".chunk").first).to_contain_text("The museum opens at nine")
        accessible(page)
        picture(page, "document")
        page.get_by_label("Choose the new version").set_input_files(
            _note(tmp_path, "opening", "The museum opens at ten.")
        )
        coming = page.get_by_role("list", name="Files on their way").get_by_role("listitem").first
        expect(coming).to_contain_text("Ready")
        _open(page, document)
        expect(page.get_by_role("heading", name="2 versions")).to_be_visible()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download the version").last.click()
        assert "opens at nine" in downloading.value.path().read_text()
        page.get_by_role("button", name="Rename").click()
        page.get_by_label("Title").fill("Opening hours")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Opening hours")


def test_readers_are_changed_and_nobody_else_sees_the_document(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    with server.client() as client:
        document = upload(client, _note(tmp_path, "bonus", "The bonus of the quokkadrome is twelve percent."))
        finished(client, document["job_id"])
    with visiting(browser, server, key=secret("bob"), expected=["404"]) as bob:
        open_view(bob, "documents")
        expect(bob.get_by_role("link", name="bonus")).to_be_visible()
        expect(bob.get_by_role("button", name="Choose files")).to_have_count(0)
        with visiting(browser, server, expected=["400"]) as page:
            _open(page, document)
            page.get_by_role("button", name="Change readers").click()
            page.get_by_label("These, and me").check()
            page.get_by_label("People and groups").fill("nobody")
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("neither user:NAME nor group:NAME")
            accessible(page)
            page.get_by_label("People and groups").fill("group:board")
            picture(page, "readers")
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_text("group:board")).to_be_visible()
            expect(page.get_by_text("Everyone here")).to_have_count(0)
        open_view(bob, "ask")
        open_view(bob, "documents")
        expect(bob.get_by_role("list", name="Documents")).to_be_visible()
        expect(bob.get_by_role("link", name="bonus")).to_have_count(0)
        _open(bob, document)
        expect(bob.get_by_role("alert").filter(has_text="document")).to_be_visible()
        open_view(bob, "ask")
        bob.get_by_label("Your question").fill("What is the bonus of the quokkadrome?")
        bob.keyboard.press("Enter")
        expect(bob.locator("article.turn")).not_to_have_attribute("aria-busy", "true")
        assert "twelve" not in bob.locator("main").inner_text()


def test_a_deleted_document_ends_in_a_receipt(browser: Browser, server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        document = upload(client, _note(tmp_path, "farewell", "The zanzibarbeast says farewell."))
        finished(client, document["job_id"])
    with visiting(browser, server) as page:
        _open(page, document)
        page.get_by_role("button", name="Delete", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("It cannot be brought back")
        accessible(page)
        dialog.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("button", name="Delete", exact=True)).to_be_focused()
        page.get_by_role("button", name="Delete", exact=True).click()
        dialog.get_by_role("button", name="Delete", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Deleted")
        receipt = page.get_by_role("region", name="Receipt")
        expect(receipt).to_contain_text("Verified")
        picture(page, "deleted-with-receipt")
        accessible(page)
        with page.expect_download() as downloading:
            receipt.get_by_role("button", name="Save the receipt").click()
        saved = json.loads(downloading.value.path().read_text())
        assert saved["receipt"]
        assert saved["signature"]["algorithm"]
        with server.client() as client:
            assert client.get(f"/v1/documents/{document['document_id']}").status_code == 404


def test_five_hundred_documents_come_as_one_scrolls(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        with server.client() as client:
            found = client.post("/v1/collections", json={"name": "default"}).json()
        server.stop()
        _fill(server, found)
        server.start()
        with visiting(browser, server) as page:
            open_view(page, "documents")
            rows = page.get_by_role("list", name="Documents").locator("> li")
            expect(rows.first).to_contain_text(f"Report {MANY - 1}")
            shown = rows.count()
            assert 0 < shown < MANY, "all were fetched at once"
            while rows.count() < MANY:
                before = rows.count()
                page.mouse.wheel(0, 100_000)
                page.wait_for_function("before => document.querySelectorAll('.list > li').length > before", arg=before)
            page.mouse.wheel(0, 100_000)
            expect(page.get_by_text(f"{MANY} documents", exact=True)).to_be_visible()
            titles = rows.locator("a").all_text_contents()
            assert titles == [f"Report {number:03}" for number in reversed(range(MANY))]
            picture(page, "five-hundred")
            accessible(page)
            page.get_by_label("Find").fill("report 123")
            expect(rows).to_have_count(1)
            assert number_in(rows.inner_text()) == 123
            page.get_by_label("Find").fill("no such thing")
            expect(page.get_by_role("heading", name="No such document")).to_be_visible()


def _fill(server: Server, found: dict[str, str]) -> None:
    generation = Generation("gen_any", found["id"], found["embedding_model"], 384, found["chunker"])
    where = Collection(found["id"], "main", found["name"], generation, 0, samples.START)
    catalog = SqlCatalog(f"sqlite:///{server.data_dir / 'catalog.sqlite3'}")
    catalog.open()
    with catalog.begin() as uow:
        for number in range(MANY):
            title = f"Report {number:03}"
            samples.ready(uow, samples.document(f"doc_{number:03}", seconds=number, where=where, title=title))
    catalog.close()


def test_an_archive_of_errors_does_not_stop_the_others(browser: Browser, server: Server, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and then nothing")
    nothing = tmp_path / "nothing.md"
    nothing.write_bytes(b"")
    good = _note(tmp_path, "good", "This one is fine.")
    with visiting(browser, server, expected=["422", "400", "415"]) as page:
        page.get_by_label("Choose files").set_input_files([broken, nothing, good])
        coming = page.get_by_role("list", name="Files on their way").get_by_role("listitem")
        expect(coming.filter(has_text="good.md")).to_contain_text("Ready")
        expect(coming.filter(has_text="broken.pdf")).to_contain_text("Failed")
        expect(coming.filter(has_text="nothing.md")).to_contain_text("Failed")
        assert coming.filter(has_text="nothing.md").locator(".why").inner_text().strip()
        picture(page, "some-refused")


def test_the_api_says_who_one_is_and_what_versions_there_were(server: Server, tmp_path: Path) -> None:
    with server.client(secret("bob")) as bob, server.client() as admin, server.client("wrong") as nobody:
        assert bob.get("/v1/me").json() == {
            "tenant": "main",
            "user": "bob",
            "groups": [],
            "roles": ["reader"],
            "permissions": ["documents:read"],
        }
        assert nobody.get("/v1/me").status_code == 401
        document = upload(admin, _note(tmp_path, "hidden", "Seen by one."), readers="user:admin")
        path = f"/v1/documents/{document['document_id']}/versions"
        (version,) = admin.get(path).json()["versions"]
        assert version["id"] == document["version_id"]
        assert bob.get(path).status_code == 404
        _same(bob.get(path), bob.get("/v1/documents/doc_never/versions"))


def _same(one: httpx.Response, other: httpx.Response) -> None:
    said = [{name: value for name, value in each.json().items() if name != "instance"} for each in (one, other)]
    assert said[0] == said[1]
