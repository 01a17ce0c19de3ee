"""Settings that change while the server runs: at SIGHUP, without a request that fails, and never half."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.e2e.server import Server, running


def _until(holds: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _told(server: Server, config: Path, text: str, event: str) -> str:
    """What the server says of these settings."""
    assert server.process is not None
    config.write_text(text)
    before = server.log().count(event)
    server.process.send_signal(signal.SIGHUP)
    _until(lambda: server.log().count(event) > before)
    return next(line for line in reversed(server.log().splitlines()) if event in line)


def test_limits_and_the_log_level_change_under_load_and_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "cairn.toml"
    config.write_text('log_level = "warning"\ncache_ttl_s = 100\n')
    with running(tmp_path / "data", CAIRN_CONFIG=str(config)) as server, server.client() as client:
        assert "settings.reloaded" not in server.log()
        answered: Counter[int] = Counter()
        over = threading.Event()

        def people() -> None:
            with server.client() as other:
                while not over.is_set():
                    answered[other.get("/v1/documents").status_code] += 1

        thread = threading.Thread(target=people)
        thread.start()
        try:
            _until(lambda: answered[200] > 5)
            told = _told(server, config, 'log_level = "info"\ncache_ttl_s = 200\n', "settings.reloaded")
            assert "log_level" in told
            assert "cache_ttl_s" in told.partition("need_a_restart")[2]
            seen = answered[200]
            _until(lambda: answered[200] > seen + 5)
        finally:
            over.set()
            thread.join()
        assert set(answered) == {200}

        _told(server, config, 'log_level = "info"\nkey_requests_per_minute = 2\n', "settings.reloaded")
        assert _second_of(client, 429)
        refused = _told(server, config, 'log_level = "info"\nkey_requests_per_minute = -1\n', "settings.refused")
        assert "CAIRN_KEY_REQUESTS_PER_MINUTE" in refused
        assert _second_of(client, 429), "the old limit holds"
        _told(server, config, 'log_level = "info"\n', "settings.reloaded")
        assert [client.get("/v1/documents").status_code for _ in range(20)] == [200] * 20

        note = {"file": ("note.md", "The gate closes at nine.")}
        _told(server, config, 'log_level = "info"\ntenant_bytes = 10\n', "settings.reloaded")
        full = client.post("/v1/documents", files=note)
        assert (full.status_code, full.json()["code"]) == (409, "quota_reached"), full.text
        _told(server, config, 'log_level = "info"\ntenant_bytes = 1000\n', "settings.reloaded")
        assert client.post("/v1/documents", files=note).status_code == 202


def _second_of(client: httpx.Client, status: int) -> bool:
    """Whether more than two requests at once are answered so."""
    return [client.get("/v1/documents").status_code for _ in range(6)].count(status) >= 3
