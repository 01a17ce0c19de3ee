"""Every setting of the product. Environment over file over default; a bad value stops the start and says why.

Names in the environment are the field's name in capitals after `CAIRN_` (`CAIRN_PORT=9000`); the file is TOML, named by
`CAIRN_CONFIG` or `cairn.toml` in the working folder, with the field's name as key (`port = 9000`). Inngest's own
settings keep Inngest's names (`INNGEST_DEV`, ...).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

PREFIX = "CAIRN_"
CONFIG_VARIABLE = "CAIRN_CONFIG"

MiB = 1024 * 1024
BUILT_IN_MODEL = "all-MiniLM-L6-v2"


class SettingsError(Exception):
    """One line for each setting that cannot be used: its name, what was expected, what was given."""


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or len(value.split("://", 1)[1]) == 0:
        raise ValueError("expected an address such as http://127.0.0.1:11434")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    return value


def _or_none(value: object) -> object:
    return None if value == "" else value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
OptionalUrl = Annotated[HttpUrl | None, BeforeValidator(_or_none)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_or_none)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Settings(BaseSettings):
    """Sizes in bytes, times in seconds, as the names say."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=False)

    # where it listens and keeps things
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65_535)
    data_dir: Path = Path("data")
    bootstrap_key: OptionalSecret = Field(None, description="a first API key with the role tenant admin")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"

    # stores
    database_url: DatabaseUrl | None = Field(None, description="default: an SQLite file in the data folder")
    chroma_url: OptionalUrl = Field(None, description="a Chroma server; default: Chroma in this process")

    # models
    ollama_url: OptionalUrl = Field("http://127.0.0.1:11434", description="empty: never look for Ollama")
    llm_model: str = Field("gemma3:4b", min_length=1)
    embedding_model: str = Field(BUILT_IN_MODEL, min_length=1, description="built in, or the name of a model in Ollama")
    embedding_model_dir: Path | None = Field(None, description="a local copy of the built-in model's files")
    llm_first_token_timeout_s: Seconds = 120
    llm_token_timeout_s: Seconds = 30

    # limits
    max_file_bytes: int = Field(200 * MiB, ge=1)
    max_files_per_upload: int = Field(100, ge=1)
    max_pages: int = Field(5_000, ge=1)
    parse_timeout_s: Seconds = 300
    worker_memory_bytes: int = Field(2_048 * MiB, ge=512 * MiB)
    worker_processes: int = Field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)), ge=1, le=64)

    # personal data
    pii_policy: Literal["default", "strict", "off"] = "default"

    # workflows
    ingest_concurrency: int = Field(2, ge=1, description="documents of one tenant prepared at the same time")
    step_retries: int = Field(8, ge=0, le=20, description="of a step whose dependency is down: 8 last 80 minutes")
    inngest_dev: str | None = Field(None, validation_alias="INNGEST_DEV")
    inngest_base_url: OptionalUrl = Field(None, validation_alias="INNGEST_BASE_URL")
    inngest_event_key: SecretStr | None = Field(None, validation_alias="INNGEST_EVENT_KEY")
    inngest_signing_key: SecretStr | None = Field(None, validation_alias="INNGEST_SIGNING_KEY")
    inngest_serve_origin: OptionalUrl = Field(None, validation_alias="INNGEST_SERVE_ORIGIN")

    @property
    def catalog_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'catalog.sqlite3'}"

    @property
    def external_engine(self) -> bool:
        """Whether an Inngest server runs the workflows; otherwise the embedded executor does."""
        return self.inngest_base_url is not None or (self.inngest_dev or "0").lower() not in ("0", "false", "")

    @property
    def inngest_url(self) -> str:
        """Of the Inngest server; the dev server's own address when only its use was asked for."""
        named = self.inngest_dev if self.inngest_dev and self.inngest_dev.startswith("http") else self.inngest_base_url
        return (named or "http://127.0.0.1:8288").rstrip("/")

    @property
    def address(self) -> str:
        """Where a program on this machine reaches the server."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = Path(os.environ.get(CONFIG_VARIABLE, "cairn.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)


def load(**overrides: object) -> Settings:
    """Settings from overrides, environment, file and defaults. Raises SettingsError."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named and not Path(named).is_file():
        raise SettingsError(f"{CONFIG_VARIABLE}: expected the path of a TOML file, got {named!r}")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(dict(problem)) for problem in error.errors())) from None
    except ValueError as error:  # the file is not TOML
        raise SettingsError(f"{named or 'cairn.toml'}: {error}") from None


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that look like settings and are none, each with the nearest real name (or None)."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE, "CAIRN_URL", "CAIRN_API_KEY"}
    strangers = [name for name in environment if name.startswith(PREFIX) and name not in known]
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), None) for name in strangers}


def _explain(problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else "?"
    variable = name if name.startswith("INNGEST_") else PREFIX + name.upper()
    if problem["type"] == "extra_forbidden":
        return f"{name}: there is no such setting"
    secret = "key" in name.lower() or "password" in name.lower()
    given = "" if secret else f", got {problem['input']!r}"
    return f"{variable}: {str(problem['msg']).removeprefix('Value error, ')}{given}"
