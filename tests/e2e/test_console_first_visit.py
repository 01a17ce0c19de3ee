"""Somebody who never read a word of documentation: signs in, drops a file, watches it, asks, and sees the place that is cited."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.cli.handbook import QUESTION
from tests.e2e.browser import accessible, fits, marked, picture, sign_in, visiting
from tests.e2e.server import KEY, Server


def _ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_from_the_first_visit_to_the_place_that_is_cited(
    browser: Browser, server: Server, handbook: Path, theme: str
) -> None:
    with visiting(browser, server, key=None, theme=theme) as page:
        accessible(page)
        picture(page, f"sign-in-{theme}")
        sign_in(page, KEY)
        expect(page.get_by_role("heading", level=1)).to_have_text("Ask your documents")
        page.get_by_label("Choose files").set_input_files(handbook)
        coming = page.get_by_role("list", name="Files on their way").get_by_role("listitem").first
        expect(coming).to_contain_text("handbook.pdf")
        picture(page, f"on-its-way-{theme}")
        expect(coming).to_contain_text("Ready")
        accessible(page)
        _ask(page, QUESTION)
        sources = page.get_by_role("list", name="Sources")
        expect(sources).to_be_visible()
        cite = page.get_by_role("button", name="Citation 1: handbook, page 1", exact=True)
        picture(page, f"answer-{theme}")
        accessible(page)
        cite.click()
        panel = page.get_by_role("dialog")
        image = panel.get_by_role("img")
        expect(image).to_have_attribute("alt", "Page 1 of handbook, with the cited place marked")
        assert "28" in panel.locator("blockquote").inner_text()
        assert image.evaluate(YELLOW_SHARE) > 0.002, "no place is marked on the picture"
        picture(page, f"cited-place-{theme}")
        accessible(page)
        fits(page)
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        expect(cite).to_be_focused()
        print(f"\n{theme}: drop to ready {marked(page, 'cairn.dropped', 'cairn.ready'):.0f} ms")
        print(f"{theme}: question to first passage {marked(page, 'cairn.asked', 'cairn.first-passage'):.0f} ms")


YELLOW_SHARE = """image => {
  const canvas = Object.assign(document.createElement("canvas"), {width: image.naturalWidth, height: image.naturalHeight});
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let yellow = 0;
  for (let at = 0; at < pixels.length; at += 4) yellow += pixels[at] > 230 && pixels[at + 2] < 200;
  return yellow / (pixels.length / 4);
}"""


def test_a_key_in_the_link_is_offered_and_leaves_the_address(browser: Browser, server: Server) -> None:
    with visiting(browser, server, key=None) as page:
        page.goto("about:blank")
        page.goto(f"{server.url}/#key={KEY}")
        expect(page.get_by_role("button", name="Sign in")).to_be_focused()
        assert KEY not in page.url
        page.keyboard.press("Enter")
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_a_wrong_key_is_refused_in_words(browser: Browser, server: Server) -> None:
    with visiting(browser, server, key=None, expected=["401"]) as page:
        page.get_by_label("API key").fill("cairn_sk_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert").filter(has_text="does not open anything here")).to_be_visible()
        expect(page.get_by_label("API key")).to_be_focused()
        accessible(page)


def test_the_key_ends_with_the_tab_and_is_in_no_cookie(browser: Browser, server: Server) -> None:
    with visiting(browser, server) as page:
        assert page.context.cookies() == []
        assert page.evaluate("localStorage.length") == 0
        page.reload()
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        other = page.context.new_page()
        other.goto(server.url)
        expect(other.get_by_label("API key")).to_be_visible()
        page.get_by_label("Account of admin").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        assert page.evaluate("sessionStorage.getItem('cairn.key')") is None


@pytest.mark.parametrize("part", ["main.js", "views/library.js", "css/layout.css"])
def test_a_page_of_which_a_part_is_missing_loads_again_by_itself(browser: Browser, server: Server, part: str) -> None:
    """As while a release is rolled out, and the server that is asked is of another one."""
    missing = [True, True]

    def answer(route: Route) -> None:
        if missing:
            missing.pop()
            route.fulfill(status=404)
        else:
            route.continue_()

    with browser.new_context() as context:  # that has nothing of the page yet
        page = context.new_page()
        page.route(f"**/console/*/{part}", answer)
        page.goto(server.url)
        expect(page.get_by_text("Cairn is being updated.")).to_be_visible()
        expect(page.get_by_label("API key")).to_be_visible()
        assert not missing
        assert page.evaluate("sessionStorage.length") == 0
