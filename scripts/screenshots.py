#!/usr/bin/env python3
"""Makes the pictures of the README from a real run: `scripts/screenshots.py` starts a server, drops the sample handbook and two
notes, asks, and opens what is cited; in light and dark. Needs Chromium; writes docs/images/*.png.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402
from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402

from app.cli.handbook import write  # noqa: E402
from tests.e2e.browser import CHROMIUM, TIMEOUT_MS, sign_in  # noqa: E402
from tests.e2e.server import KEY, Server, running  # noqa: E402

QUESTION = "How long may parents take parental leave, and what does the observatory pay?"
SIZE = (1280, 800)
COLOURS = 128
NOTES = {
    "Dome closure.md": "# Dome closure\n\nThe east dome is closed for cleaning from 3 to 7 May. Keys are at the front office.\n",
    "Shuttle.md": "# Shuttle\n\nThe shuttle to Port Calder leaves at 07:40 and 17:10 on weekdays.\n",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        files = _files(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for theme in ("light", "dark"):
            with running(Path(folder) / theme) as server:
                context = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme=theme)
                context.set_default_timeout(TIMEOUT_MS)
                _tour(
                    context.new_page(), server, files, lambda page, name, t=theme: _save(page, out / f"{name}-{t}.png")
                )
                context.close()
        browser.close()


def _tour(page: Page, server: Server, files: list[Path], save: object) -> None:
    assert callable(save)
    page.goto(server.url)
    sign_in(page, KEY)
    page.get_by_label("Choose files").set_input_files(files)
    coming = page.get_by_role("list", name="Files on their way")
    expect(coming.get_by_text("Preparing").first).to_be_visible()
    expect(coming.get_by_text("personal data")).to_be_visible()
    save(page, "coming-in")
    expect(coming.get_by_text("Ready", exact=True)).to_have_count(len(files))
    page.get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Sources")).to_be_visible()
    page.locator(".answer .cite").first.click()
    image = page.get_by_role("dialog").get_by_role("img")
    expect(image).to_be_visible()
    page.wait_for_function("document.querySelector('.sheet').scrollTop > 0")
    page.mouse.move(0, 0)
    save(page, "cited-place")


def _files(folder: Path) -> list[Path]:
    handbook = folder / "Staff handbook.pdf"
    write(handbook)
    for name, text in NOTES.items():
        (folder / name).write_text(text)
    return [handbook, *(folder / name for name in NOTES)]


def _save(page: Page, path: Path) -> None:
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
