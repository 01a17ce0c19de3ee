"""A web site that is watched: documents are as its pages are, and nothing but the site is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.folders import WORDS, add, cairn, counts, documents, settled, sync, titles
from tests.e2e.server import Server, events, finished
from tests.fakes.http_server import Reply
from tests.fakes.site import Site, html, site


@pytest.fixture
def web() -> Iterator[Site]:
    with site() as found:
        yield found


@pytest.fixture
def server(tmp_path: Path, web: Site) -> Iterator[Server]:
    settings = {
        "CAIRN_SYNC_HOSTS": web.url.removeprefix("http://"),
        "CAIRN_SYNC_NETWORKS": "127.0.0.0/8",
        "CAIRN_SYNC_WEB_REQUESTS_PER_S": "500",
        "CAIRN_RETRY_WAIT_S": "0.2",
        "PYTHONPATH": str(Path(__file__).parent / "refuse_egress"),
        "REFUSED_EGRESS_FILE": str(tmp_path / "refused.txt"),
    }
    started = Server(tmp_path / "data", settings).start()
    yield started
    started.stop()
    assert not (tmp_path / "refused.txt").exists(), "it tried to reach something else"


def _page(title: str, word: str, *links: str) -> str:
    return html(title, f"The {word} rests in the northern archive. " * 6, *links)


def _source(client: httpx.Client, web: Site, path: str) -> dict[str, Any]:
    return add(client, web.url + path, readers=["group:staff"])


@pytest.mark.parametrize("start", ["/docs/", "/sitemap.xml"])
def test_new_changed_and_removed_pages(server: Server, web: Site, start: str) -> None:
    def publish(**pages: str) -> None:
        paths = [f"/docs/{name}" for name in pages]
        web.pages = {f"/docs/{name}": _page(word.title(), word) for name, word in pages.items()}
        web.pages["/docs/"] = html("Start", "Where everything is listed.", *paths, "http://169.254.169.254/latest")
        web.sitemap("/sitemap.xml", "/docs/", *paths)

    publish(one=WORDS[0], two=WORDS[1], three=WORDS[2])
    with server.client() as client:
        source = _source(client, web, start)
        assert counts(source) == {"files": 4, "new": 4}
        first = documents(client)
        one = first["/docs/one"]
        assert (one["title"], one["metadata"]["url"]) == (WORDS[0].title(), f"{web.url}/docs/one")
        assert "group:staff" in one["readers"]
        assert "everyone" not in one["readers"]
        assert titles(client, WORDS[1]) == {"two.html"}

        web.sent.clear()
        assert counts(sync(client, source)) == {"files": 4}
        assert documents(client) == first
        assert [path for path in web.sent if path not in ("/sitemap.xml", "/docs/")] == (
            [] if start == "/sitemap.xml" else ["/docs/one", "/docs/two", "/docs/three"]
        )

        publish(one=WORDS[3], zwei=WORDS[1], four=WORDS[4])
        changed = counts(sync(client, source))
        assert changed == {"files": 4, "new": 1, "changed": 2, "moved": 1, "removed": 1}
        second = documents(client)
        assert set(second) == {"/docs/", "/docs/one", "/docs/zwei", "/docs/four"}
        assert second["/docs/one"]["id"] == one["id"]
        moved = second["/docs/zwei"]
        assert (moved["id"], moved["metadata"]["url"]) == (first["/docs/two"]["id"], f"{web.url}/docs/zwei")
        assert moved["active_version_id"] == first["/docs/two"]["active_version_id"]
        assert titles(client, WORDS[1]) == {"zwei.html"}
        assert titles(client, WORDS[3]) == {"one.html"}
        assert titles(client, WORDS[2]) == set()

        web.pages["/docs/zwei"] = Reply(500)
        assert counts(sync(client, source))["unreadable"] >= 1
        web.pages = {"/docs/": Reply(404), "/sitemap.xml": Reply(404)}
        assert sync(client, source, "failed")["job"]["error"]["code"] == "source_missing"
        assert set(documents(client)) == set(second)


def test_a_kill_in_the_middle_of_a_pass_loses_and_doubles_nothing(server: Server, web: Site) -> None:
    web.pages = {f"/{number}": _page(f"Page {number}", f"word{number}") for number in range(12)}
    web.sitemap("/sitemap.xml", *web.pages)
    with server.client() as client:
        base = "/v1/collections/default/sources"
        source = client.post(base, json={"path": f"{web.url}/sitemap.xml"}).json()
        for name, _, _ in events(client, "GET", f"/v1/jobs/{source['job']['id']}/events"):
            if name == "step.progress":
                server.kill()
                break
    server.start()
    with server.client() as client:
        finished(client, source["job"]["id"])
        settled(client, source["id"])
        assert set(documents(client)) == {f"/{number}" for number in range(12)}
        assert {each["status"] for each in documents(client).values()} == {"ready"}


def test_nothing_but_what_the_operator_named_is_asked(server: Server, web: Site) -> None:
    web.pages["/docs/"] = html("Start", "x", "/docs/meta")
    web.pages["/docs/meta"] = Reply(302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})
    web.pages["/away"] = Reply(302, headers={"Location": f"http://localhost:{server.port}/metrics"})
    added = cairn(server, "sources", "add", f"{web.url}/docs/")
    assert added.returncode == 0, added.stderr
    for place in (
        f"{web.url}/away",
        "http://169.254.169.254/latest/",
        f"http://127.0.0.1:{server.port}/healthz",
        f"http://localhost:{web.server.port if web.server else 0}/docs/",
        "https://example.org/",
    ):
        refused = cairn(server, "sources", "add", place)
        assert (refused.returncode, "source_not_allowed" in refused.stderr) == (1, True), refused.stderr
