"""The promises of Cache (pipelines/cache_ports.py), on an SQLite file and on Redis."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.redis_cache import RedisCache
from app.adapters.sqlite_cache import SqliteCache
from pipelines.cache_ports import Entry, Usage
from pipelines.domain.errors import CacheUnavailable
from pipelines.ports import Cache
from tests.contract.redis_server import RedisServer

LIMITS = {"answers": 20_000, "results": 2_000_000}
SECRET = b"the kraken sleeps below deck nine"


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cache]:
    if request.param == "sqlite":
        made: SqliteCache | RedisCache = SqliteCache(tmp_path / "caches.sqlite3", LIMITS)
    else:
        url = request.getfixturevalue("redis_server").url
        made = RedisCache(url, LIMITS, prefix=f"test:{uuid.uuid4().hex}:")
    yield made
    made.close()


def entry(key: str, value: bytes = b"value", ttl_s: float = 60, **facts: object) -> Entry:
    return Entry(key, value, ttl_s, **facts)  # type: ignore[arg-type]


def test_what_was_put_is_got_by_level_and_key(cache: Cache) -> None:
    blob = bytes(range(256))
    cache.put("answers", [entry("a", b"one"), entry("b", blob)])
    cache.put("answers", [entry("a", b"two")])
    assert cache.get("answers", ["a", "b", "c"]) == {"a": b"two", "b": blob}
    assert cache.get("results", ["a"]) == {}
    assert cache.get("answers", []) == {}
    many = [entry(f"k{number}", b"%d" % number) for number in range(1_200)]
    cache.put("results", many)
    assert cache.get("results", [each.key for each in many]) == {each.key: each.value for each in many}


def test_an_entry_is_over_when_its_time_is(cache: Cache) -> None:
    cache.put("answers", [entry("short", ttl_s=0.05, scope="s", probe=b"p"), entry("long", scope="s", probe=b"q")])
    time.sleep(0.06)
    assert cache.get("answers", ["short", "long"]) == {"long": b"value"}
    assert cache.probes("answers", "s", 9) == [("long", b"q")]


def test_a_level_stays_within_its_bounds_and_what_ends_first_makes_room(cache: Cache) -> None:
    for number in range(40):
        cache.put("answers", [entry(f"k{number}", bytes(1_000), ttl_s=1_000 - number, tenant_id="acme")])
    kept = cache.get("answers", [f"k{number}" for number in range(40)])
    assert set(kept) == {f"k{number}" for number in range(20)}
    assert cache.usage()[("answers", "acme")] == Usage(20, 20_000)
    cache.put("answers", [entry("huge", bytes(20_001))])
    assert cache.get("answers", ["huge"]) == {}
    assert len(cache.get("answers", list(kept))) == 20, "what could never fit pushes nothing out"


def test_an_entry_goes_with_any_of_its_tags(cache: Cache) -> None:
    cache.put("answers", [entry("both", tags=frozenset({"v1", "v2"})), entry("one", tags=frozenset({"v1"}))])
    cache.put("results", [entry("other", tags=frozenset({"v2"})), entry("none")])
    assert cache.forget(["v2", "never"]) == 2
    assert set(cache.get("answers", ["both", "one"])) == {"one"}
    assert set(cache.get("results", ["other", "none"])) == {"none"}
    assert cache.forget(["v2"]) == 0
    assert cache.forget([]) == 0


def test_a_key_that_is_put_again_has_only_its_new_tags(cache: Cache) -> None:
    cache.put("answers", [entry("a", tags=frozenset({"v1"}), tenant_id="acme")])
    cache.put("answers", [entry("a", b"new", tags=frozenset({"v2"}), tenant_id="acme")])
    assert cache.usage() == {("answers", "acme"): Usage(1, 3)}
    cache.forget(["v2"])
    assert cache.get("answers", ["a"]) == {}
    assert cache.usage() == {}


def test_probes_are_of_one_scope_newest_first(cache: Cache) -> None:
    for number in range(5):
        cache.put("answers", [entry(f"k{number}", scope="s", probe=b"p%d" % number)])
    cache.put("answers", [entry("elsewhere", scope="t", probe=b"x"), entry("nowhere", probe=b"y")])
    cache.remove("answers", ["k3"])
    assert cache.probes("answers", "s", 3) == [("k4", b"p4"), ("k2", b"p2"), ("k1", b"p1")]
    assert cache.probes("results", "s", 3) == []
    assert cache.probes("answers", "", 3) == []


def test_a_tenant_clears_what_is_its_own(cache: Cache) -> None:
    cache.put("answers", [entry("a", tenant_id="acme"), entry("b", tenant_id="rival"), entry("c")])
    cache.put("results", [entry("d", tenant_id="acme")])
    assert cache.clear("acme") == 2
    assert set(cache.get("answers", ["a", "b", "c"])) == {"b", "c"}
    assert cache.get("results", ["d"]) == {}
    assert set(cache.usage()) == {("answers", "rival"), ("answers", "")}


def test_another_process_finds_and_forgets(tmp_path: Path) -> None:
    path = tmp_path / "caches.sqlite3"
    ours = SqliteCache(path, LIMITS)
    ours.put("answers", [entry("a", tags=frozenset({"v1"})), entry("b")])
    program = (
        "import sys; from pathlib import Path; from app.adapters.sqlite_cache import SqliteCache\n"
        f"cache = SqliteCache(Path(sys.argv[1]), {LIMITS!r})\n"
        "assert set(cache.get('answers', ['a', 'b'])) == {'a', 'b'}; assert cache.forget(['v1']) == 1"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    assert set(ours.get("answers", ["a", "b"])) == {"b"}
    ours.close()


def test_what_is_forgotten_leaves_no_byte_in_the_file(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "caches.sqlite3", LIMITS)
    cache.put("answers", [entry(f"k{number}", SECRET + bytes(3_000), tags=frozenset({"v1"})) for number in range(5)])
    cache.put("answers", [entry("p", probe=SECRET, scope="s", tenant_id="acme"), entry("other", b"stays")])
    in_files = lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir())  # noqa: E731
    assert SECRET in in_files()
    cache.forget(["v1"])
    cache.clear("acme")
    assert SECRET not in in_files()
    assert b"stays" in in_files()
    cache.close()


@pytest.mark.parametrize("damage", ["garbage", "middle", "gone", "empty"])
def test_a_file_that_is_damaged_is_begun_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "caches.sqlite3"
    cache = SqliteCache(path, LIMITS)
    cache.put("results", [entry(f"k{number}", bytes(4_000)) for number in range(50)])
    cache.close()
    if damage == "gone":
        path.unlink()
    else:
        size = path.stat().st_size
        content = path.read_bytes()
        broken = {
            "garbage": b"\xde\xad" * (size // 2),
            "middle": content[:4_096] + b"\xff" * (size - 4_096),
            "empty": b"",
        }
        path.write_bytes(broken[damage])
    assert cache.get("results", ["k1"]) == {}
    cache.put("results", [entry("new")])
    assert cache.get("results", ["new"]) == {"new": b"value"}
    cache.close()


def test_a_file_that_cannot_be_written_is_an_unavailable_cache(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "nowhere" / "caches.sqlite3", LIMITS)
    with pytest.raises(CacheUnavailable):
        cache.get("answers", ["a"])
    (tmp_path / "nowhere").mkdir()
    cache.put("answers", [entry("a")])
    assert cache.get("answers", ["a"]) == {"a": b"value"}
    cache.close()


def test_redis_that_dies_is_unavailable_and_is_used_again_when_it_is_back(tmp_path: Path) -> None:
    with RedisServer.running(tmp_path) as server:
        cache = RedisCache(server.url, LIMITS)
        cache.put("answers", [entry("a")])
        server.kill()
        for use in (lambda: cache.get("answers", ["a"]), lambda: cache.put("answers", [entry("b")]), cache.ping):
            with pytest.raises(CacheUnavailable):
                use()
        server.start()
        assert cache.get("answers", ["a"]) == {}
        cache.put("answers", [entry("b")])
        assert cache.get("answers", ["b"]) == {"b": b"value"}
        cache.close()


def test_what_redis_forgot_is_nowhere_in_it(redis_server: RedisServer) -> None:
    cache = RedisCache(redis_server.url, LIMITS, prefix=f"test:{uuid.uuid4().hex}:")
    cache.put("answers", [entry("a", SECRET, tags=frozenset({"v1"})), entry("b", b"stays")])
    assert sorted(cache.contents()) == [b"stays", SECRET]
    cache.forget(["v1"])
    assert list(cache.contents()) == [b"stays"]
    cache.close()
