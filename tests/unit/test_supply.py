"""The scan of the tree sees secrets, and versions that nobody locked."""

from __future__ import annotations

from importlib import metadata

import pytest

from scripts import supply

PLANTED = [
    "-----BEGIN RSA PRIVATE KEY-----\n" + "QUJD" * 20,
    "cairn_sk_" + "a1B2" * 10 + "xyz",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "sk-" + "a1B2" * 9,
    "eyJ" + "a1B2" * 8 + ".eyJ" + "a1B2" * 8 + "." + "a1B2" * 9,
]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda each: each[:10])
def test_a_secret_is_seen(planted: str) -> None:
    assert [kind for kind, pattern in supply._SECRETS.items() if pattern.search(f"key = '{planted}'".encode())]


def test_no_file_holds_one_and_every_package_is_the_locked_one() -> None:
    assert [*supply.secrets(), *supply.strangers()] == []


def test_a_package_of_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        name, version = "FastAPI", "0.1"

    monkeypatch.setattr(metadata, "distributions", lambda: [Other()])
    said = list(supply.strangers())
    assert any(line.startswith("fastapi: 0.1 is installed") for line in said)
    assert any(line.startswith("httpx: nothing is installed") for line in said)
