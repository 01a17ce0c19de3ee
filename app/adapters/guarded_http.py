"""HTTP to hosts that the operator named and to nothing else, whatever a name resolves to and wherever an answer sends us.

A name is resolved, every address that it has is checked, and the connection goes to an address that was checked: a second
answer of the name server changes nothing (DNS rebinding). Redirects are walked here, each hop checked like the first, and what
opens something goes to its own origin alone. No proxy of the environment is used.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import httpcore

from pipelines.domain.intake_errors import FileBlocked, FileUnavailable, SourceUnavailable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
INTERNAL: Sequence[Network] = tuple(
    ipaddress.ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1/128")
)
"""Where an organisation's own machines are; not the links' own addresses, at which clouds keep credentials."""

_PORTS = {"http": 80, "https": 443}
_EMBEDDING = tuple(ipaddress.ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_HOPS = 5
_BUSY = {429, 503}
_TRIES = 4
_PATIENCE_S = 60  # for somebody who asks for it; the workflow waits longer
_BLOCK = 256 * 1024
_AGENT = "Cairn"


@dataclass(frozen=True, slots=True)
class Reach:
    """Where requests may go: hosts as `name:port`, and networks beside those that everybody can reach."""

    hosts: frozenset[str]
    networks: Sequence[Network] = ()

    def names(self, url: SplitResult) -> bool:
        return url.scheme in _PORTS and not url.username and not url.password and _host(url) in self.hosts

    def admits(self, address: str) -> bool:
        found = ipaddress.ip_address(address.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        if any(found in each for each in self.networks if each.version == found.version):
            return True
        if any(found in each for each in _EMBEDDING if each.version == found.version):
            return False  # another address is inside of it
        return found.is_global and not found.is_multicast


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by their names in small letters. The body is read once."""

    url: str
    status: int
    headers: Mapping[str, str]
    _body: Iterable[bytes]

    def blocks(self) -> Iterator[bytes]:
        return iter(self._body)

    def read(self, most_bytes: int) -> bytes:
        """Raises FileUnavailable where there is more."""
        found = bytearray()
        for block in self._body:
            found += block
            if len(found) > most_bytes:
                raise FileUnavailable(f"The answer has more than {most_bytes:,} bytes.")
        return bytes(found)


class GuardedHttp:
    """Blocks: call it from a thread. `requests_per_s` to one host; `deadline` of a request is a time of `time.monotonic`."""

    def __init__(self, reach: Reach, *, requests_per_s: float = 20, timeout_s: float = 30) -> None:
        self._reach = reach
        self._pause_s = 1 / requests_per_s
        self._timeouts = {"connect": 10.0, "read": timeout_s, "write": timeout_s, "pool": timeout_s}
        self._next: dict[str, float] = {}
        self._turn = threading.Lock()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(), max_keepalive_connections=0, network_backend=_Checked(reach)
        )

    @contextmanager
    def request(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        secret: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline: float | None = None,
    ) -> Iterator[Answer]:
        """A GET, or a POST of `body`, for as long as the context is entered. `secret` are headers for this origin alone.

        Raises FileBlocked where it leads elsewhere, SourceUnavailable where nobody answers, or asks to be left alone for long.
        """
        until = time.monotonic() + 600 if deadline is None else deadline
        first = _split(url)
        for attempt in range(_TRIES):
            with self._walked(url, first, dict(headers or {}), dict(secret or {}), body, until) as answer:
                if answer.status not in _BUSY:
                    yield answer
                    return
                wait_s = _wait_s(answer.headers.get("retry-after"), attempt)
            if attempt == _TRIES - 1 or wait_s > _PATIENCE_S or time.monotonic() + wait_s > until:
                break
            time.sleep(wait_s)
        raise SourceUnavailable(f"{first.hostname} asks to be left alone for a while.")

    @contextmanager
    def _walked(
        self,
        url: str,
        first: SplitResult,
        headers: dict[str, str],
        secret: dict[str, str],
        body: bytes | None,
        until: float,
    ) -> Iterator[Answer]:
        for _ in range(_MOST_HOPS + 1):
            parts = _split(url)
            if not self._reach.names(parts):
                raise FileBlocked("It leads to a host that the operator does not name.")
            if first.scheme == "https" and parts.scheme != "https":
                raise FileBlocked("It leads from a protected connection to one that is not.")
            own = (parts.scheme, _host(parts)) == (first.scheme, _host(first))
            with self._sent(url, headers | (secret if own else {}), body, until) as answer:
                target = answer.headers.get("location")
                if answer.status not in _REDIRECTS or target is None:
                    yield answer
                    return
                if body is not None:
                    raise FileBlocked("What was sent is not sent on.")
                url = _joined(url, target)
        raise FileBlocked("It leads on and on.")

    @contextmanager
    def _sent(self, url: str, headers: Mapping[str, str], body: bytes | None, until: float) -> Iterator[Answer]:
        parts = urlsplit(url)
        self._wait_for_turn(_host(parts))
        sent = {"Host": parts.netloc, "User-Agent": _AGENT, "Accept-Encoding": "identity", **headers}
        if time.monotonic() > until:
            raise SourceUnavailable("The source takes too long.")
        with ExitStack() as stack:
            with _translated(parts.hostname):
                response = stack.enter_context(
                    self._pool.stream(
                        "GET" if body is None else "POST",
                        url.partition("#")[0],
                        headers=list(sent.items()),
                        content=body,
                        extensions={"timeout": self._timeouts},
                    )
                )
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            yield Answer(url, response.status, found, _body(response, parts.hostname, found, until))

    def _wait_for_turn(self, host: str) -> None:
        with self._turn:
            now = time.monotonic()
            at = max(now, self._next.get(host, now))
            self._next[host] = at + self._pause_s
        time.sleep(at - now)


class _Checked(httpcore.NetworkBackend):
    """Connects to addresses that were checked."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if f"{host.lower()}:{port}" not in self._reach.hosts:
            raise FileBlocked("It leads to a host that the operator does not name.")
        addresses = _addresses(host, port)
        if not all(self._reach.admits(each) for each in addresses):
            raise FileBlocked(
                f"{host} has an address that may not be reached; the operator may allow it (CAIRN_SYNC_NETWORKS)."
            )
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return self._real.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise FileBlocked("This is no address.")

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def hosts_of(names: Collection[str]) -> frozenset[str]:
    """`HOST` at its usual ports, `HOST:PORT` at that one."""
    named = [urlsplit(f"//{name}") for name in names]
    return frozenset(
        f"{each.hostname}:{port}" for each in named for port in ([each.port] if each.port else _PORTS.values())
    )


def _split(url: str) -> SplitResult:
    """Raises FileBlocked."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        url.encode("ascii")
    except ValueError as error:
        raise FileBlocked("This is no address.") from error
    return parts


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target).partition("#")[0]
    except ValueError as error:
        raise FileBlocked("This is no address.") from error


def _host(url: SplitResult) -> str:
    return f"{url.hostname}:{url.port or _PORTS.get(url.scheme, 0)}"


@contextmanager
def _translated(host: str | None) -> Iterator[None]:
    try:
        yield
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise SourceUnavailable(f"{host} does not answer: {type(error).__name__}.") from error


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(f"{host} has no address") from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _body(response: httpcore.Response, host: str | None, headers: Mapping[str, str], until: float) -> Iterator[bytes]:
    """Decoded; block by block, so that who reads decides how much that may become. Raises SourceUnavailable, FileUnavailable."""
    coding = headers.get("content-encoding", "identity").lower()
    if coding not in ("identity", "", "gzip"):
        raise FileUnavailable(f"The answer is packed in a way that was not asked for: {coding[:20]}.")
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if coding == "gzip" else None
    with _translated(host):
        for block in response.iter_stream():
            if time.monotonic() > until:
                raise SourceUnavailable("The source takes too long.")
            yield from [block] if unpack is None else unpacked(unpack, block)
    if unpack is not None and not unpack.eof:
        raise SourceUnavailable("The answer ends too early.")


def unpacked(unpack: Any, block: bytes) -> Iterator[bytes]:
    """Some of the packed bytes, as blocks of bounded size. Raises FileUnavailable."""
    try:
        while block and not unpack.eof:
            yield unpack.decompress(block, _BLOCK)
            block = unpack.unconsumed_tail
    except zlib.error as error:
        raise FileUnavailable("The answer is damaged.") from error


def _wait_s(retry_after: str | None, attempt: int) -> float:
    """Seconds that the server asks for (RFC 9110, 10.2.3), else a little more each time."""
    if retry_after is None:
        return float(2**attempt)
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return float(2**attempt)
