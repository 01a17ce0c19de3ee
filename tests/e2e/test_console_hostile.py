"""Everything that the console shows is somebody's text: names, titles, quotes, what a model wrote. None of it is ever markup.

And every view, in light and dark: nothing serious for axe, no error in the console, nothing asked of others (see browser.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from pipelines.domain.access import Principal, Role
from tests.e2e.browser import accessible, fits, open_view, picture, visiting
from tests.e2e.server import Server, add_key, finished, running, secret, upload
from tests.fakes import ollama
from tests.fakes.ollama import FakeOllama

MARKUP = "<img src=x onerror=\"window.owned=1\"><script>window.owned=1</script><b onmouseover='window.owned=1'>bold</b>"
TEXT = f"The quokkadrome opens in autumn {MARKUP} and closes in spring."
AUDITOR = Principal("main", "olga", roles=frozenset({Role.AUDITOR}))


@pytest.fixture(scope="module")
def model() -> Iterator[FakeOllama]:
    with ollama.running(FakeOllama()) as fake:
        yield fake


@pytest.fixture(scope="module")
def server(model: FakeOllama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), CAIRN_OLLAMA_URL=model.url, CAIRN_PII_POLICY="off") as started:
        started.stop()
        add_key(started, "olga", AUDITOR)
        yield started.start()


@pytest.fixture(scope="module")
def hostile(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("hostile") / "<img src=x onerror=window.owned=1>.txt"
    path.write_text(f"Quokkadrome\n\n{TEXT}\n")
    with server.client() as client:
        document = upload(client, path, title=MARKUP, metadata='{"note": "<script>window.owned=1</script>"}')
        finished(client, document["job_id"])
        client.post("/v1/admin/keys", json={"name": MARKUP, "user": "<b>eve</b>", "roles": ["reader"]})
    return document


def _harmless(page: Page) -> None:
    assert page.evaluate("window.owned") is None
    assert page.locator("main img[src=x], main b, main script, dialog img[src=x], dialog script").count() == 0


def test_hostile_text_is_shown_as_text(
    browser: Browser, server: Server, model: FakeOllama, hostile: dict[str, str]
) -> None:
    model.says = f"{TEXT} [1] <iframe src='javascript:window.owned=1'></iframe> **{MARKUP}** `{MARKUP}`"
    with visiting(browser, server) as page:
        open_view(page, "documents")
        expect(page.get_by_role("link", name=MARKUP)).to_be_visible()
        _harmless(page)
        open_view(page, f"documents/{hostile['document_id']}")
        expect(page.get_by_role("heading", level=1).last).to_have_text(MARKUP)
        page.get_by_text("What was indexed").click()
        expect(page.locator(".chunk").first).to_contain_text("quokkadrome")
        _harmless(page)
        open_view(page, "ask")
        page.get_by_label("Your question").fill("When does the quokkadrome open?")
        page.keyboard.press("Enter")
        expect(page.get_by_role("list", name="Sources")).to_contain_text("<script>")
        expect(page.locator(".answer")).to_contain_text("<img src=x")
        _harmless(page)
        page.locator(".cite").first.click()
        expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_contain_text("<img src=x")
        expect(page.get_by_role("dialog").locator("blockquote")).to_contain_text("quokkadrome")
        _harmless(page)
        picture(page, "hostile-text")
        page.get_by_label("Your question").fill(MARKUP)
        page.keyboard.press("Enter")
        expect(page.get_by_role("article").nth(1).get_by_role("heading", level=2)).to_have_text(MARKUP)
        expect(page.get_by_role("article").nth(1)).not_to_have_attribute("aria-busy", "true")
        _harmless(page)
        open_view(page, "admin/keys")
        expect(page.get_by_role("cell", name=MARKUP, exact=True)).to_be_visible()
        _harmless(page)


VIEWS = (
    *("ask", "documents", "documents/doc_never", "activity", "activity/job_never", "conversations", "nowhere"),
    *("admin/health", "admin/keys", "admin/collections", "admin/sources", "admin/evaluations", "admin/feedback"),
    *("admin/audit", "admin/caches"),
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_is_accessible(browser: Browser, server: Server, hostile: dict[str, str], theme: str) -> None:
    with visiting(browser, server, theme=theme, expected=["404"]) as page:
        for view in (*VIEWS, f"documents/{hostile['document_id']}"):
            open_view(page, view)
            expect(page.get_by_role("heading", level=1).first).to_be_attached()
            expect(page.get_by_text("Loading…")).to_have_count(0)
            accessible(page)
            fits(page)
            picture(page, f"{view.partition('/doc_')[0].replace('/', '-')}-{theme}")
            if "never" in view:
                expect(page.get_by_role("alert").filter(has_text="here")).to_be_visible()


def test_a_key_is_made_shown_once_and_revoked(browser: Browser, server: Server) -> None:
    with visiting(browser, server) as page:
        open_view(page, "admin/keys")
        page.get_by_role("button", name="New key").click()
        page.get_by_label("Name").fill("Ada's laptop")
        page.get_by_label("User").fill("ada")
        page.get_by_role("checkbox", name="Editor").check()
        accessible(page)
        picture(page, "new-key")
        page.get_by_role("button", name="Create").click()
        made = page.get_by_role("textbox", name="Secret").input_value()
        page.get_by_role("button", name="I have it").click()
        with server.client(made) as ada:
            assert ada.get("/v1/me").json()["roles"] == ["editor", "reader"]
        assert made not in page.content()
        page.get_by_role("button", name="Revoke Ada's laptop").click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(page.get_by_role("row", name="Ada's laptop")).to_contain_text("Revoked")
        with server.client(made) as ada:
            assert ada.get("/v1/me").status_code == 401


def test_an_auditor_sees_the_record_and_no_document(browser: Browser, server: Server, hostile: dict[str, str]) -> None:
    with visiting(browser, server, key=secret("olga")) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Admin: Audit")
        expect(page.get_by_role("table").first).to_contain_text("POST /v1/documents")
        expect(page.get_by_role("navigation", name="Main").get_by_role("link")).to_have_text(["Admin"])
        accessible(page)


def test_a_key_that_ends_leads_back_to_the_door(browser: Browser, server: Server) -> None:
    with server.client() as admin:
        made = admin.post("/v1/admin/keys", json={"name": "short", "user": "kim", "roles": ["reader"]}).json()
        with visiting(browser, server, key=made["secret"], expected=["401"]) as page:
            admin.delete(f"/v1/admin/keys/{made['key']['id']}")
            open_view(page, "documents")
            expect(page.get_by_text("Your key has ended. Sign in again.")).to_be_visible()
            expect(page.get_by_label("API key")).to_be_visible()


def test_the_policy_lets_no_stranger_in(server: Server) -> None:
    with server.client(key=None) as anyone:
        page = anyone.get("/")
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "trusted-types 'none'" in policy
        assert "<script>" not in page.text
        assert "style=" not in page.text
        script = page.text.partition('<script type="module" src="')[2].partition('"')[0]
        assert anyone.get(script).headers["cache-control"].endswith("immutable")
        missing = anyone.get("/console/0000/main.js")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
        assert anyone.get("/console/../app/settings.py").status_code == 404
