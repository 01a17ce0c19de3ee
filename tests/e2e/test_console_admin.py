"""What administrators see to in the console, and files that come in by drop or as a folder."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import accessible, fits, open_view, picture, visiting
from tests.e2e.server import Server, finished, running, upload

QUESTIONS = (
    ("How long may parents take parental leave?", "Parents may take up to fourteen months of parental leave"),
    ("On which day are salaries paid?", "Salaries are paid on the 25th of each month"),
)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched") / "policies"
    folder.mkdir()
    (folder / "parking.md").write_text("# Parking\n\nBicycles are kept in the east hall.\n")
    return folder


@pytest.fixture(scope="module")
def server(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"CAIRN_SYNC_ROOTS": str(watched.parent), "CAIRN_SYNC_SETTLE_S": "0"}
    with running(tmp_path_factory.mktemp("data"), **settings) as started:
        yield started


def _save(page: Page, name: str = "Save") -> None:
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_collection_is_made_and_its_rules_are_changed(browser: Browser, server: Server) -> None:
    with visiting(browser, server, expected=["400", "409"]) as page:
        open_view(page, "admin/collections")
        page.get_by_role("button", name="New collection").click()
        page.get_by_label("Name", exact=True).fill("Not A Name")
        page.get_by_role("dialog").get_by_role("button", name="Create").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("1 to 64 of a-z")
        page.get_by_label("Name", exact=True).fill("board")
        page.get_by_label("Who reads documents that name nobody").fill("group:board")
        _save(page, "Create")
        card = page.get_by_role("region", name="board")
        expect(card).to_contain_text("group:board")
        card.get_by_role("button", name="Change").click()
        page.get_by_label("Days that documents are kept").fill("365")
        page.get_by_label("Sentences that no passage supports").select_option("Shown apart")
        accessible(page)
        _save(page)
        expect(card).to_contain_text("365 days")
        expect(card).to_contain_text("Shown apart")
        card.get_by_role("button", name="Personal data").click()
        page.get_by_label("Policy").select_option("strict")
        page.get_by_label("What stays").fill("*@example.org")
        _save(page)
        expect(card).to_contain_text("rules of its own")
        card.get_by_text("Rules for personal data").click()
        expect(card.get_by_role("row", name="Names of people")).to_be_visible()
        accessible(page)
        picture(page, "collections")
    with server.client() as client:
        policy = client.get("/v1/collections/board/pii").json()
        assert (policy["own"], policy["allow"]) == (True, ["*@example.org"])


def test_a_folder_is_watched_and_looked_at(browser: Browser, server: Server, watched: Path) -> None:
    with server.client() as client:
        client.post("/v1/collections", json={"name": "default"})
    with visiting(browser, server, expected=["400", "403", "404", "422"]) as page:
        open_view(page, "admin/sources")
        page.get_by_role("button", name="Watch a folder").click()
        page.get_by_label("Folder", exact=True).fill("/etc")
        page.get_by_role("dialog").get_by_role("button", name="Watch", exact=True).click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
        page.get_by_label("Folder", exact=True).fill(str(watched))
        _save(page, "Watch")
        card = page.get_by_role("region", name=str(watched))
        expect(card).to_contain_text("default")
        accessible(page)
        picture(page, "folders")
        card.get_by_role("button", name="Look now").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Look through a folder")
        expect(page.get_by_role("region", name="Its course").locator(".badge")).to_have_text("Done")
        open_view(page, "documents")
        expect(page.get_by_role("link", name="parking")).to_be_visible()


def test_evaluations_are_run_and_plotted(browser: Browser, server: Server, handbook: Path) -> None:
    with server.client() as client:
        finished(client, upload(client, handbook)["job_id"])
    lines = "\n".join(
        json.dumps({"question": question, "evidence": [{"document": "handbook", "quote": quote}]})
        for question, quote in QUESTIONS
    )
    with visiting(browser, server) as page:
        for _ in range(2):
            open_view(page, "admin/evaluations")
            page.get_by_role("button", name="Start a run").click()
            page.get_by_label("Questions").fill(lines)
            page.get_by_role("dialog").get_by_role("button", name="Start").click()
            expect(page.get_by_role("region", name="Its course").locator(".badge")).to_have_text("Done")
        open_view(page, "admin/evaluations")
        plots = page.get_by_role("img", name="recall")
        expect(plots.first).to_be_visible()
        assert plots.first.locator("circle").count() == 2
        accessible(page)
        fits(page)
        picture(page, "evaluations")
        page.get_by_role("link", name="Look").first.click()
        expect(page.get_by_role("img", name="Scores of this run")).to_be_visible()
        expect(page.get_by_role("cell", name=QUESTIONS[0][0])).to_be_visible()
        accessible(page)
        picture(page, "evaluation")


def test_caches_are_emptied_and_health_is_told(browser: Browser, server: Server) -> None:
    with visiting(browser, server) as page:
        open_view(page, "admin/health")
        expect(page.get_by_text("The server is ready.")).to_be_visible()
        expect(page.get_by_role("row", name="Catalog")).to_contain_text("Answers")
        open_view(page, "admin/caches")
        expect(page.get_by_role("row", name="Answers")).to_be_visible()
        page.get_by_role("button", name="Empty them").click()
        _save(page, "Empty")
        expect(page.get_by_text("removed.").first).to_be_visible()


def test_files_are_taken_by_drop_and_as_a_folder(browser: Browser, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "minutes"
    (folder / "old").mkdir(parents=True)
    (folder / "may.md").write_text("# May\n\nThe lift is repaired.\n")
    (folder / "old" / "april.md").write_text("# April\n\nThe lift is broken.\n")
    (folder / ".hidden.md").write_text("not meant")
    with visiting(browser, server) as page:
        page.evaluate(DROP, ["dropped.md", "# Dropped\n\nThe kettle is in room 12.\n"])
        coming = page.get_by_role("list", name="Files on their way").get_by_role("listitem")
        expect(coming.filter(has_text="dropped.md")).to_contain_text("Ready")
        page.get_by_label("Choose a folder").set_input_files(folder)
        expect(coming.filter(has_text="may.md")).to_contain_text("Ready")
        expect(coming.filter(has_text="april.md")).to_contain_text("Ready")
        expect(coming).to_have_count(3)
        open_view(page, "documents")
        expect(page.get_by_role("link", name="april", exact=True)).to_be_visible()


def test_an_archive_becomes_documents_and_others_uploads_are_seen_live(
    browser: Browser, server: Server, tmp_path: Path, handbook: Path
) -> None:
    archive = tmp_path / "minutes.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("june.md", "# June\n\nThe stairs are painted.\n")
    other = tmp_path / "other handbook.pdf"
    other.write_bytes(handbook.read_bytes() + b"\n% of another edition")
    with visiting(browser, server) as page, server.client() as client:
        page.get_by_label("Choose files").set_input_files(archive)
        coming = page.get_by_role("list", name="Files on their way").get_by_role("listitem")
        expect(coming.filter(has_text="minutes.zip")).to_contain_text("Ready")
        upload(client, other)
        open_view(page, "documents")
        rows = page.get_by_role("list", name="Documents").get_by_role("listitem")
        row = rows.filter(has_text="other handbook")
        expect(row.get_by_role("progressbar")).to_be_visible()
        expect(row).to_contain_text("Ready")
        expect(row.get_by_role("progressbar")).to_have_count(0)
        expect(rows.filter(has_text="june")).to_contain_text("Ready")


DROP = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, {type: "text/markdown"}));
  for (const type of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
  }
}"""
