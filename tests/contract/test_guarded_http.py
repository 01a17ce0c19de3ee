"""Requests of connectors: nothing leads them to where the operator did not send them."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.adapters import guarded_http
from app.adapters.guarded_http import INTERNAL, GuardedHttp, Reach, hosts_of
from pipelines.domain.intake_errors import FileBlocked, FileUnavailable, SourceUnavailable
from tests.fakes.http_server import HttpServer, Reply, Request, http_server

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.fixture
def served() -> Iterator[tuple[HttpServer, dict[str, Reply | Callable[[Request], Reply]]]]:
    replies: dict[str, Reply | Callable[[Request], Reply]] = {"/": Reply(200, b"hello")}

    def answer(request: Request) -> Reply:
        found = replies.get(request.path, Reply(404))
        return found(request) if callable(found) else found

    with http_server(answer) as server:
        yield server, replies


def _http(server: HttpServer, *more: str, networks: Any = LOOPBACK) -> GuardedHttp:
    return GuardedHttp(Reach(hosts_of([f"127.0.0.1:{server.port}", *more]), networks), requests_per_s=1_000)


def _body(http: GuardedHttp, url: str, **how: Any) -> bytes:
    with http.request(url, **how) as answer:
        return answer.read(1_000_000)


def test_hosts_are_named_with_their_ports(served: Any) -> None:
    server, _ = served
    assert hosts_of(["Wiki.example.org", "x:8080"]) == {"wiki.example.org:80", "wiki.example.org:443", "x:8080"}
    assert _body(_http(server), f"{server.url}/") == b"hello"
    for url in (
        f"http://localhost:{server.port}/",  # another name of the same machine
        "http://127.0.0.1/",
        f"http://127.0.0.1:{server.port + 1}/",
        f"http://user:pass@127.0.0.1:{server.port}/",
        f"http://127.0.0.1:{server.port}@169.254.169.254/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        f"http://127.0.0.1:{server.port}/ä",
        "http://[/",
        "http://127.0.0.1:99999999/",
    ):
        with pytest.raises(FileBlocked):
            _body(_http(server), url)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.31.0.1", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::a9fe:a9fe", False),  # 169.254.169.254 behind a translator
        ("2002:7f00:1::", False),  # 127.0.0.1 in a tunnel
    ],
)
def test_what_everybody_reaches_may_be_reached_and_nothing_else(address: str, admitted: bool) -> None:
    assert Reach(frozenset()).admits(address) == admitted
    assert not Reach(frozenset(), INTERNAL).admits("169.254.169.254")
    assert Reach(frozenset(), INTERNAL).admits("10.1.2.3")


def test_a_name_that_resolves_to_a_private_address_is_not_reached(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = served
    http = _http(server, f"wiki.test:{server.port}", networks=())
    for addresses in (["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"]):
        _resolve(monkeypatch, *addresses)
        with pytest.raises(FileBlocked, match="CAIRN_SYNC_NETWORKS"):
            _body(http, f"http://wiki.test:{server.port}/")
    assert server.asked == []


def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_used(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that says a good address first and another one a moment later (DNS rebinding)."""
    server, _ = served
    asked = _resolve(monkeypatch, "127.0.0.1", then="169.254.169.254")
    assert _body(_http(server, f"wiki.test:{server.port}"), f"http://wiki.test:{server.port}/") == b"hello"
    assert asked == ["wiki.test"]
    assert server.asked[0].headers["host"] == f"wiki.test:{server.port}"


def _resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str, then: str | None = None) -> list[str]:
    """The name server of the test; what it was asked for."""
    real, asked = socket.getaddrinfo, []

    def look_up(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if not host.endswith(".test"):
            return real(host, port, *rest, **more)
        asked.append(host)
        said = [then] if then and len(asked) > 1 else addresses
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in said]

    monkeypatch.setattr(guarded_http.socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:PORT/",
        "http://127.0.0.1/",
        "http://[::1]:PORT/",
        "http://2130706433:PORT/",
        "//169.254.169.254/",
        "file:///etc/passwd",
        "http://a:b@127.0.0.1:PORT/",
        "http://[",
        "/loop",
    ],
)
def test_a_redirect_is_checked_like_the_first_address(served: Any, target: str) -> None:
    server, replies = served
    replies["/loop"] = Reply(302, headers={"Location": "/loop"})
    replies["/away"] = Reply(302, headers={"Location": target.replace("PORT", str(server.port))})
    with pytest.raises(FileBlocked):
        _body(_http(server), f"{server.url}/away")
    assert {request.path for request in server.asked} <= {"/away", "/loop"}


def test_what_opens_something_is_sent_to_its_own_origin_alone(served: Any) -> None:
    server, replies = served
    with http_server(lambda _: Reply(200, b"elsewhere")) as other:
        replies["/here"] = Reply(307, headers={"Location": "/"})
        replies["/there"] = Reply(307, headers={"Location": f"{other.url}/"})
        http = _http(server, f"127.0.0.1:{other.port}")
        secret = {"Authorization": "Bearer hush"}
        assert _body(http, f"{server.url}/here", secret=secret) == b"hello"
        assert _body(http, f"{server.url}/there", secret=secret) == b"elsewhere"
        assert [request.headers.get("authorization") for request in server.asked] == ["Bearer hush"] * 3
        assert "authorization" not in other.asked[0].headers
        replies["/form"] = Reply(307, headers={"Location": "/"})
        with pytest.raises(FileBlocked):
            _body(http, f"{server.url}/form", body=b"client_secret=hush")


def test_who_asks_to_be_left_alone_is(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, replies = served
    slept: list[float] = []
    monkeypatch.setattr(guarded_http.time, "sleep", lambda seconds: slept.append(seconds))
    busy = iter([Reply(429, headers={"Retry-After": "7"}), Reply(503)])
    replies["/busy"] = lambda _: next(busy, Reply(200, b"now"))
    assert _body(_http(server), f"{server.url}/busy") == b"now"
    assert [wait for wait in slept if wait >= 1] == [7, 2]
    for retry_after in ("3600", "Fri, 31 Dec 2100 23:59:59 GMT"):
        replies["/long"] = Reply(429, headers={"Retry-After": retry_after})
        before = len(server.asked)
        with pytest.raises(SourceUnavailable):
            _body(_http(server), f"{server.url}/long")
        assert len(server.asked) == before + 1
    replies["/ever"] = Reply(503)
    with pytest.raises(SourceUnavailable):
        _body(_http(server), f"{server.url}/ever")


def test_answers_that_are_cut_off_endless_or_packed_by_an_enemy(served: Any) -> None:
    server, replies = served
    packed = {"Content-Encoding": "gzip"}
    replies["/packed"] = Reply(200, gzip.compress(b"hello"), packed)
    assert _body(_http(server), f"{server.url}/packed") == b"hello"
    for path, reply, error in (
        ("/cut", Reply(200, b"x" * 1_000, cut=10), SourceUnavailable),
        ("/endless", Reply(200, b"x" * 10_000, endless=True), FileUnavailable),
        ("/bomb", Reply(200, gzip.compress(b"\0" * 50_000_000), packed), FileUnavailable),
        ("/torn", Reply(200, gzip.compress(b"hello")[:-9], packed), SourceUnavailable),
        ("/noise", Reply(200, b"no gzip", packed), FileUnavailable),
        ("/odd", Reply(200, b"?", {"Content-Encoding": "br"}), FileUnavailable),
    ):
        replies[path] = reply
        with pytest.raises(error):
            _body(_http(server), f"{server.url}{path}")
    with pytest.raises(SourceUnavailable):
        _body(_http(server), f"{server.url}/endless", deadline=time.monotonic() - 1)
    with pytest.raises(SourceUnavailable):
        _body(GuardedHttp(Reach(hosts_of(["127.0.0.1:9"]), LOOPBACK)), "http://127.0.0.1:9/")


def test_no_proxy_of_the_environment_is_used(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = served
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:9")
    assert _body(_http(server), f"{server.url}/") == b"hello"
