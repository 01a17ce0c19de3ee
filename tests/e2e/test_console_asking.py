"""Questions in the console: in a conversation, on a phone, with the keyboard alone, and when the connection breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.cli.handbook import QUESTION
from tests.e2e.browser import PHONE, accessible, fits, open_view, picture, visiting
from tests.e2e.server import KEY, Server, finished, running, upload
from tests.fakes import ollama
from tests.fakes.ollama import FakeOllama

BROKEN = ["ERR_", "Failed to load resource"]


def _ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")


def test_a_conversation_goes_on_and_is_found_again(browser: Browser, server: Server, ingested: dict[str, str]) -> None:
    with visiting(browser, server) as page:
        _ask(page, "How long may parents take parental leave?")
        turns = page.get_by_role("article")
        expect(turns.first.get_by_role("list", name="Sources")).to_be_visible()
        _ask(page, "And when is that wish announced?")
        expect(turns).to_have_count(2)
        expect(turns.nth(1).get_by_role("list", name="Sources")).to_be_visible()
        turns.nth(1).get_by_role("button", name="Helpful", exact=True).click()
        turns.nth(1).get_by_label("What was good or bad about it").fill("To the point")
        turns.nth(1).get_by_role("button", name="Send").click()
        expect(page.get_by_text("Your feedback is kept with the answer.").first).to_be_visible()
        address = page.url
        picture(page, "conversation")
        accessible(page)
        page.reload()
        expect(page.get_by_role("article")).to_have_count(2)
        expect(page.get_by_role("article").nth(1).get_by_role("list", name="Sources")).to_be_visible()
        open_view(page, "conversations")
        expect(page.get_by_role("link", name="How long may parents take parental leave?")).to_be_visible()
        accessible(page)
        page.get_by_role("button", name="Remove").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.get_by_role("heading", name="No conversations yet")).to_be_visible()
        assert "#/ask/cnv_" in address
        open_view(page, "admin/feedback")
        expect(page.get_by_text("To the point")).to_be_visible()


def test_what_is_asked_is_narrowed_by_filters(browser: Browser, server: Server, ingested: dict[str, str]) -> None:
    with visiting(browser, server) as page:
        asked: list[dict[str, object]] = []
        page.on("request", lambda request: asked.append(request.post_data_json) if "/v1/query" in request.url else None)
        page.get_by_text("Looks in:").click()
        page.get_by_label("Only in documents").fill("HAND")
        page.get_by_label("handbook").check()
        page.get_by_label("Metadata").fill("department=nowhere")
        page.get_by_label("From", exact=True).fill("2020-01-01")
        accessible(page)
        picture(page, "filters")
        _ask(page, QUESTION)
        expect(page.get_by_text("Your documents do not answer this")).to_be_visible()
        assert asked[0]["filters"] == {
            "metadata": {"department": "nowhere"},
            "date_from": "2020-01-01",
            "document_ids": [ingested["document_id"]],
        }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone(browser: Browser, server: Server, ingested: dict[str, str], theme: str) -> None:
    with visiting(browser, server, size=PHONE, theme=theme) as page:
        page.get_by_label("Account of admin").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        page.get_by_role("link", name="Documents", exact=True).click()
        page.get_by_role("link", name="Ask", exact=True).click()
        fits(page)
        accessible(page)
        picture(page, f"phone-ask-{theme}")
        _ask(page, QUESTION)
        cite = page.get_by_role("button", name="Citation 1: handbook, page 1", exact=True)
        cite.click()
        panel = page.get_by_role("dialog")
        expect(panel.get_by_role("img")).to_be_visible()
        fits(page)
        picture(page, f"phone-cited-place-{theme}")
        accessible(page)
        panel.get_by_role("button", name="Close the source").click()
        expect(cite).to_be_focused()
        for view in (
            "documents",
            f"documents/{ingested['document_id']}",
            "activity",
            "admin/keys",
            "admin/collections",
        ):
            open_view(page, view)
            expect(page.get_by_text("Loading…")).to_have_count(0)
            fits(page)
            accessible(page)
            picture(page, f"phone-{view.partition('/doc_')[0].replace('/', '-')}-{theme}")


def test_with_the_keyboard_alone(browser: Browser, server: Server, ingested: dict[str, str]) -> None:
    with visiting(browser, server, key=None) as page:
        press = page.keyboard.press
        expect(page.get_by_label("API key")).to_be_focused()
        page.keyboard.type(KEY)
        press("Enter")
        question = page.get_by_label("Your question")
        expect(question).to_be_focused()
        page.keyboard.type(QUESTION)
        press("Enter")
        sources = page.get_by_role("list", name="Sources")
        expect(sources).to_be_visible()
        cite = page.get_by_role("button", name="Citation 1: handbook, page 1", exact=True)
        _walk_to(page, cite, "Shift+Tab")
        press("Enter")
        panel = page.get_by_role("dialog")
        expect(panel.get_by_role("heading", level=2)).to_be_focused()
        expect(panel.get_by_role("img")).to_be_visible()
        _walk_to(page, panel.get_by_role("button", name="Next page"), "Tab")
        press("Enter")
        expect(panel.get_by_role("img")).to_have_attribute("alt", "Page 2 of handbook")
        press("Escape")
        expect(cite).to_be_focused()
        _walk_to(page, page.get_by_role("link", name="Documents", exact=True), "Shift+Tab")
        press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Documents")
        _walk_to(page, page.get_by_role("link", name="handbook"), "Tab")
        press("Enter")
        expect(page.get_by_role("heading", level=1).last).to_have_text("handbook")
        _walk_to(page, page.get_by_role("button", name="Delete", exact=True), "Tab")
        press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.reload()
        expect(page.get_by_role("heading", level=1).last).to_have_text("handbook")
        press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        press("Enter")
        expect(page.locator("main")).to_be_focused()


def _walk_to(page: Page, target: object, key: str) -> None:
    for _ in range(80):
        if target.evaluate("element => element === document.activeElement"):  # type: ignore[attr-defined]
            assert target.evaluate("element => getComputedStyle(element).outlineStyle") != "none"  # type: ignore[attr-defined]
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {target}")


def test_a_citation_stays_under_the_finger_while_the_answer_grows(browser: Browser, server: Server) -> None:
    with visiting(browser, server) as page:
        text, same, focused = page.evaluate(GROWING)
    assert text == "One bold. 1 Two. 12 cite 1 [9] and a 2 b"
    assert same
    assert focused


GROWING = """async () => {
  const main = document.querySelector("script[type=module]").src;
  const { write } = await import(main.replace("main.js", "answer.js"));
  const place = document.querySelector("main").appendChild(document.createElement("div"));
  const citations = [1, 2].map(number => ({number, title: "Title", page: 1}));
  write(place, "One **bold**. [1]", citations);
  const first = place.querySelector(".cite");
  first.focus();
  write(place, "One **bold**. [1] Two. [1][2] cite 1 [9] and\\n- a [2]\\n- b", citations);
  const text = place.innerText.replace(/\\s+/g, " ").trim();
  return [text, place.querySelector(".cite") === first, document.activeElement === first];
}"""


# --- a connection that breaks ---


@pytest.fixture
def slow_model() -> Iterator[FakeOllama]:
    with ollama.running(FakeOllama()) as fake:
        yield fake


def test_an_answer_that_breaks_off_says_so_and_is_asked_again(
    browser: Browser, slow_model: FakeOllama, handbook: Path, tmp_path: Path
) -> None:
    with running(tmp_path / "data", CAIRN_OLLAMA_URL=slow_model.url) as server:
        with server.client() as client:
            finished(client, upload(client, handbook)["job_id"])
        with visiting(browser, server, expected=BROKEN) as page:
            slow_model.faults.delay_s = 0.2
            _ask(page, QUESTION)
            turn = page.get_by_role("article")
            expect(turn.get_by_text("Reading them")).to_be_visible()
            server.kill()
            alert = turn.get_by_role("alert")
            expect(alert).to_contain_text("The connection broke before the answer was whole")
            accessible(page)
            picture(page, "connection-broke")
            slow_model.faults.delay_s = 0
            server.start()
            alert.get_by_role("button", name="Try again").click()
            expect(turn.get_by_role("list", name="Sources")).to_be_visible()
            expect(turn.get_by_role("alert")).to_have_count(0)


def test_a_job_is_followed_on_when_its_server_comes_back(browser: Browser, handbook: Path, tmp_path: Path) -> None:
    with running(tmp_path / "data") as server, visiting(browser, server, expected=BROKEN) as page:
        resumed: list[str] = []
        page.on(
            "request",
            lambda request: (
                resumed.append(request.headers.get("last-event-id", "")) if "/events" in request.url else None
            ),
        )
        page.get_by_label("Choose files").set_input_files(handbook)
        coming = page.get_by_role("list", name="Files on their way").get_by_role("listitem")
        expect(coming).to_contain_text("Reading the pages")
        server.kill()
        expect(coming).to_contain_text("connection lost")
        picture(page, "job-connection-lost")
        server.start()
        expect(coming).to_contain_text("Ready")
        assert any(resumed[1:]), "it began from the start"
