"""Signing in to the console at the organisation's identity provider, with a browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import accessible, picture, visiting
from tests.e2e.server import Server, running
from tests.fakes.identity_provider import AUDIENCE, IdentityProvider, identity_provider

SIGN_IN = "Sign in with your organisation"


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as started:
        started.add_key("one")
        yield started


@pytest.fixture(scope="module")
def server(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {
        "CAIRN_OIDC_ISSUER": provider.issuer,
        "CAIRN_OIDC_AUDIENCE": AUDIENCE,
        "CAIRN_OIDC_CLIENT_ID": "cairn-console",
    }
    with running(tmp_path_factory.mktemp("data"), **settings) as started:
        yield started


@pytest.fixture(autouse=True)
def as_it_was(provider: IdentityProvider) -> Iterator[None]:
    yield
    provider.claims, provider.lasting_s, provider.opaque, provider.refuses, provider.down = {}, 300, False, False, False


def _sign_in(page: Page) -> None:
    page.get_by_role("button", name=SIGN_IN).click()


@pytest.mark.parametrize("opaque", [False, True])
def test_who_signs_in_elsewhere_comes_back_as_who_they_are(
    browser: Browser, server: Server, provider: IdentityProvider, opaque: bool
) -> None:
    provider.claims, provider.opaque = {"sub": "ada", "groups": ["finance"], "roles": ["editor"]}, opaque
    with visiting(browser, server, key=None, elsewhere=provider.issuer) as page:
        accessible(page)
        picture(page, "sign-in-elsewhere")
        _sign_in(page)
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        page.get_by_label("Account of ada").click()
        expect(page.locator("#account")).to_contain_text("editor; finance")
        assert "code=" not in page.url
        page.reload()
        expect(page.get_by_label("Account of ada")).to_be_visible()
        page.get_by_label("Account of ada").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name=SIGN_IN)).to_be_visible()
        assert page.evaluate("Object.keys(sessionStorage)") == []


def test_a_token_that_ends_is_followed_by_the_next(
    browser: Browser, server: Server, provider: IdentityProvider
) -> None:
    provider.claims, provider.lasting_s = {"roles": ["reader"]}, 61  # it is renewed a minute early
    with visiting(browser, server, key=None, elsewhere=provider.issuer) as page:
        _sign_in(page)
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        first = page.evaluate("sessionStorage.getItem('cairn.renewal')")
        page.wait_for_function("first => sessionStorage.getItem('cairn.renewal') !== first", arg=first)
        token = page.evaluate("sessionStorage.getItem('cairn.key')")
    with server.client(token) as client:
        assert client.get("/v1/me").json()["user"] == "ada"


def test_who_is_not_let_in_is_told_why(browser: Browser, server: Server, provider: IdentityProvider) -> None:
    provider.refuses = True
    with visiting(browser, server, key=None, elsewhere=provider.issuer) as page:
        _sign_in(page)
        expect(page.get_by_text("Ada may not use this.")).to_be_visible()
        accessible(page)


def test_a_link_cannot_sign_somebody_in_as_another(
    browser: Browser, server: Server, provider: IdentityProvider
) -> None:
    with visiting(browser, server, key=None) as page:
        page.goto(f"{server.url}/?code=of-a-stranger&state=theirs")
        expect(page.get_by_text("not begun in this tab")).to_be_visible()
        assert page.evaluate("sessionStorage.getItem('cairn.key')") is None


def test_a_code_opens_once_and_to_its_verifier_alone(server: Server, provider: IdentityProvider) -> None:
    asked = {
        "client_id": "cairn-console",
        "redirect_uri": f"{server.url}/",
        "state": "s",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",  # RFC 7636, appendix B
    }
    right = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as client:

        def post(verifier: str, redirect_uri: str = asked["redirect_uri"]) -> httpx.Response:
            provider.let_in(asked)
            body = {"code": list(provider.codes)[-1], "code_verifier": verifier, "redirect_uri": redirect_uri}
            return client.post("/v1/sign-in", json=body)

        assert post("x" * 43).json()["code"] == "unauthenticated"
        assert post(right, "https://elsewhere.example/").status_code == 401
        assert post("short").status_code == 422
        assert post(right).status_code == 200
        assert client.post("/v1/sign-in/renew", json={"refresh_token": "guessed"}).status_code == 401
        provider.claims = {"aud": "another"}
        assert post(right).status_code == 401
        provider.down = True
        assert (post(right).status_code, post(right).json()["code"]) == (503, "identity_provider_unavailable")


def test_without_a_client_there_is_no_such_way(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> None:
    with running(tmp_path_factory.mktemp("data")) as plain, visiting(browser, plain, key=None) as page:
        expect(page.get_by_label("API key")).to_be_focused()
        expect(page.get_by_role("button", name=SIGN_IN)).to_have_count(0)
        with plain.client() as client:
            assert client.get("/v1/sign-in").json()["code"] == "no_sign_in"
