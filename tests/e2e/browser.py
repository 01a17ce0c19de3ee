"""A visitor: a real browser on a real server, that fails a test for anything a strict page must not do.

Nothing may be asked for from elsewhere, nothing may be written to the console as an error, and axe may find nothing serious.
Pictures of what was seen lie in test-output/console/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.server import KEY, ROOT, Server

CHROMIUM = Path("/usr/bin/chromium")
PICTURES = ROOT / "test-output" / "console"
TIMEOUT_MS = 180_000  # a machine that does other things too
PHONE = (390, 844)
DESK = (1280, 860)

expect.set_options(timeout=TIMEOUT_MS)


@contextmanager
def visiting(
    browser: Browser,
    server: Server,
    *,
    key: str | None = KEY,
    theme: str = "light",
    size: tuple[int, int] = DESK,
    expected: Sequence[str] = (),
    elsewhere: str = "",
) -> Iterator[Page]:
    """A page that is signed in with `key`, where there is one. `expected`: parts of console errors that belong to the test;
    `elsewhere`: where the page may send the browser."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        accept_downloads=True,
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    try:
        page.goto(server.url)
        if key is not None:
            sign_in(page, key)
        yield page
        known = tuple(f"{each}/" for each in (server.url, elsewhere) if each)
        strangers = {url for url in asked if urlsplit(url).scheme != "blob" and not url.startswith(known)}
        assert strangers == set(), "the page asked others"
        assert [text for text in wrong if not any(part in text for part in expected)] == []
    finally:
        context.close()


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def open_view(page: Page, path: str) -> None:
    page.evaluate("path => { location.hash = path }", f"#/{path}")


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")


def accessible(page: Page) -> None:
    """axe-core finds nothing serious (WCAG 2.2 AA and its best practices)."""
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in serious] == []


def fits(page: Page) -> None:
    """Nothing makes the page scroll sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def marked(page: Page, first: str, last: str) -> float:
    """Milliseconds between two of the page's own marks (User Timing)."""
    times = page.evaluate(
        "names => names.map(name => performance.getEntriesByName(name).at(-1).startTime)", [first, last]
    )
    return float(times[1] - times[0])


def number_in(text: str) -> int:
    found = re.search(r"\d+", text.replace(",", ""))
    assert found, text
    return int(found.group())
