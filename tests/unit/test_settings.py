"""Secrets come from the environment or from files, and are not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, load, unknown_variables

PASSWORD = "hunter2hunter2"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def _file(folder: Path, content: str) -> str:
    path = folder / "secret"
    path.write_text(content)
    return str(path)


def test_a_secret_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAIRN_BOOTSTRAP_KEY_FILE", _file(tmp_path, f"{PASSWORD}\n"))
    monkeypatch.setenv("INNGEST_SIGNING_KEY_FILE", _file(tmp_path, f"{PASSWORD}\n"))
    found = load()
    assert found.bootstrap_key is not None
    assert found.inngest_signing_key is not None
    assert found.bootstrap_key.get_secret_value() == found.inngest_signing_key.get_secret_value() == PASSWORD
    assert unknown_variables({"CAIRN_BOOTSTRAP_KEY_FILE": "x", "CAIRN_BOOTSTRAP_KEY_FIEL": "x"}) == {
        "CAIRN_BOOTSTRAP_KEY_FIEL": "CAIRN_BOOTSTRAP_KEY_FILE"
    }


def test_an_address_with_its_password_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = f"postgresql://cairn:{PASSWORD}@db/cairn"
    monkeypatch.setenv("CAIRN_DATABASE_URL_FILE", _file(tmp_path, url))
    found = load()
    assert found.database_url == url
    assert PASSWORD in found.secrets
    assert PASSWORD not in repr(found)
    assert found.shown()["database_url"] == "postgresql://cairn:***@db/cairn"


def test_a_file_that_is_not_there_and_a_secret_given_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAIRN_BOOTSTRAP_KEY_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=r"CAIRN_BOOTSTRAP_KEY_FILE: .*nowhere cannot be read"):
        load()
    monkeypatch.setenv("CAIRN_BOOTSTRAP_KEY_FILE", _file(tmp_path, "a"))
    monkeypatch.setenv("CAIRN_BOOTSTRAP_KEY", "b")
    with pytest.raises(SettingsError, match="given twice"):
        load()


@pytest.mark.parametrize("variable", ["CAIRN_DATABASE_URL", "CAIRN_REDIS_URL"])
def test_a_password_in_a_wrong_address_is_not_repeated(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, f"mysql://cairn:{PASSWORD}@db/cairn")
    with pytest.raises(SettingsError, match=variable) as refused:
        load()
    assert PASSWORD not in str(refused.value)


def test_what_is_secret_is_known() -> None:
    found = Settings(bootstrap_key="the-first-key", redis_url=f"redis://:{PASSWORD}@cache/0")  # type: ignore[arg-type]
    assert set(found.secrets) == {"the-first-key", PASSWORD}
    assert "the-first-key" not in repr(found)


@pytest.mark.parametrize("origin", ["*", "intranet.example.org", "https://intranet.example.org/app"])
def test_an_origin_is_one_site(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("CAIRN_CORS_ORIGINS", origin)
    with pytest.raises(SettingsError, match="CAIRN_CORS_ORIGINS"):
        load()
