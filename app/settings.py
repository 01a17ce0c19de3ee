"""Every setting of the product. Environment over file over default; a bad value stops the start and says why.

Names in the environment are the field's name in capitals after `CAIRN_` (`CAIRN_PORT=9000`); the file is TOML, named by
`CAIRN_CONFIG` or `cairn.toml` in the working folder, with the field's name as key (`port = 9000`). Inngest's own
settings keep Inngest's names (`INNGEST_DEV`, ...). With `_FILE` at its end a variable names a file that holds the value.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from app.setting_types import (
    Budgets,
    DatabaseUrl,
    Hosts,
    Networks,
    OptionalSecret,
    OptionalUrl,
    Origins,
    RedisUrl,
    Roots,
    Seconds,
    SigningKey,
    SyncHosts,
    Units,
)

PREFIX = "CAIRN_"
CONFIG_VARIABLE = "CAIRN_CONFIG"

MiB = 1024 * 1024
_WITH_PASSWORDS = ("database_url", "redis_url", "chroma_url", "ollama_url")
BUILT_IN_MODEL = "all-MiniLM-L6-v2"


class SettingsError(Exception):
    """One line for each setting that cannot be used: its name, what was expected, what was given."""


class Settings(BaseSettings):
    """Sizes in bytes, times in seconds, as the names say."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=False)

    # where it listens and keeps things
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65_535)
    data_dir: Path = Path("data")
    bootstrap_key: OptionalSecret = Field(None, description="a first API key with the role tenant admin")
    signing_key: SigningKey | None = Field(
        None,
        description="64 hexadecimal digits that sign receipts and the audit log; the same for all processes of a cluster",
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    otlp_url: OptionalUrl = Field(
        None, description="a collector of traces, OTLP over HTTP, as http://otel-collector:4318; default: no traces"
    )
    latency_budgets: Budgets = Field(
        {"retrieve": 1, "first_sentence": 15, "total": 60},
        description="seconds that stages of a question may take, STAGE=SECONDS with commas between; more is counted",
    )

    # who may enter with a token of an identity provider, besides API keys
    oidc_issuer: OptionalUrl = Field(None, description="OpenID Connect; its tokens' `iss`, to the letter")
    oidc_audience: str = Field("cairn", description="the tokens' `aud`: what Cairn is called there")
    oidc_jwks_url: OptionalUrl = Field(None, description="its keys; default: where the issuer's discovery says")
    oidc_user_claim: str = Field("sub", description="a dot leads into an object")
    oidc_groups_claim: str = Field("groups", description="what readers lists name group:NAME")
    oidc_roles_claim: str = Field("roles", description="of Cairn's roles; others are ignored: realm_access.roles")
    oidc_client_id: str | None = Field(
        None, description="of Cairn as a public client there: the console offers to sign in"
    )
    oidc_scope: str = Field("openid profile", description="what the console asks for at signing in")
    oidc_default_role: Literal["reader", "editor", "none"] = Field("reader", description="of who has none of them")

    # stores
    database_url: DatabaseUrl | None = Field(None, repr=False, description="default: an SQLite file in the data folder")
    chroma_url: OptionalUrl = Field(None, description="a Chroma server; default: Chroma in this process")

    vectors_timeout_s: Seconds = Field(
        5, description="a search in vectors; then words alone find, until it answers again"
    )
    vector_memory_bytes: int = Field(
        512 * MiB, ge=0, description="vectors that are searched in memory; of larger selections Chroma's graph proposes"
    )
    blob_url: OptionalUrl = Field(None, description="a bucket that speaks S3, http(s)://HOST/BUCKET; default: a folder")
    blob_access_key: str = Field("", description="for the bucket")
    blob_secret_key: OptionalSecret = Field(None, description="for the bucket")
    blob_region: str = Field("us-east-1", description="for the bucket; AWS alone minds")
    redis_url: RedisUrl | None = Field(
        None, repr=False, description="the cache in Redis; default: an SQLite file in the data folder"
    )
    cache_max_bytes: int = Field(256 * MiB, ge=MiB, description="of answers, search results and vectors together")
    cache_ttl_s: Seconds = Field(86_400, description="how long an answer is given again, if nothing changes before")
    cache: bool = Field(True, description="give answers and search results again; false: work out each anew")
    semantic_cache: bool = Field(True, description="give an answer again to the same question in other words")

    # models
    ollama_url: OptionalUrl = Field("http://127.0.0.1:11434", description="empty: never look for Ollama")
    llm_model: str = Field("gemma3:4b", min_length=1)
    embedding_model: str = Field(BUILT_IN_MODEL, min_length=1, description="built in, or the name of a model in Ollama")
    embedding_model_dir: Path | None = Field(None, description="a local copy of the built-in model's files")
    reranker_dir: Path | None = Field(
        None, description="an ONNX cross-encoder (model.onnx, tokenizer.json) that puts what was found in order"
    )
    llm_expansion: bool = Field(
        False, description="have the language model say what documents may write for a question"
    )
    llm_rerank: bool = Field(False, description="have the language model put what was found in order; takes seconds")
    rerank_timeout_s: Seconds = Field(20, description="for either; then the order without a model stands")
    glossary: Path | None = Field(
        None, description="your own words, beside the built-in ones: lines of `name; name: phrase; {name}; phrase`"
    )
    llm_first_token_timeout_s: Seconds = Field(120, description="a large model is read from the disk in that time")
    llm_token_timeout_s: Seconds = 30
    llm_keep_alive: str = Field(
        "30m", pattern=r"^-?\d+(ms|s|m|h)?$", description="how long Ollama keeps an idle model in memory; -1: always"
    )
    llm_concurrency: int = Field(4, ge=1, le=256, description="answers that the model writes at once")
    llm_queue: int = Field(64, ge=0, le=10_000, description="questions in line for it; more are refused (429)")
    llm_queue_timeout_s: Seconds = Field(120, description="in line; then the answer is extracted")
    llm_breaker_failures: int = Field(5, ge=1, description="in a row, after which the model is left alone")
    llm_breaker_rest_s: Seconds = Field(15, description="for so long")

    # streams
    keep_alive_s: Seconds = Field(15, description="a comment is sent on a stream that was silent for so long")
    reader_timeout_s: Seconds = Field(60, description="a stream that nobody reads for so long is ended")

    # pictures of pages
    ocr: bool = Field(True, description="read pages that are pictures, where Tesseract's language data is installed")
    vision_model: str | None = Field(
        None, min_length=1, description="a model in Ollama that says what figures show; default: none is asked"
    )
    ocr_languages: str = Field(
        "eng", pattern=r"^[A-Za-z_]+(\+[A-Za-z_]+)*$", description="Tesseract's names, joined by +: eng+deu"
    )
    tessdata_dir: Path | None = Field(None, description="its folder; default: where systems install it")

    # limits
    max_file_bytes: int = Field(200 * MiB, ge=1)
    max_files_per_upload: int = Field(100, ge=1)
    max_files_per_bundle: int = Field(5_000, ge=1, le=50_000)
    max_bundle_bytes: int = Field(2_048 * MiB, ge=1, description="of all its files, unpacked")
    max_pages: int = Field(5_000, ge=1)
    parse_timeout_s: Seconds = 300
    worker_memory_bytes: int = Field(2_048 * MiB, ge=512 * MiB)
    worker_processes: int = Field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)), ge=1, le=64)

    # what may be used; nothing said: as much as one likes. A rate's units come back evenly, not all at once
    key_requests_per_minute: Units = Field(None, description="of any kind, by one key; with a token, by its user")
    tenant_requests_per_minute: Units = None
    key_questions_per_day: Units = Field(None, description="at /v1/query and /v1/chat/completions")
    tenant_questions_per_day: Units = None
    key_tokens_per_day: Units = Field(None, description="of questions and of answers that were made for them")
    tenant_tokens_per_day: Units = None
    tenant_documents: Units = Field(None, description="that it may have at a time")
    tenant_bytes: Units = Field(None, description="of all its documents' files, older versions too")

    # the edge
    cors_origins: Origins = Field([], description="origins whose pages may call the API, with commas between; none")
    allowed_hosts: Hosts = Field([], description="names under which it is called, with commas between; default: any")
    body_timeout_s: Seconds = Field(30, description="that a body may be silent, or fall behind 4 KiB a second")

    # personal data
    pii_policy: Literal["default", "strict", "off"] = Field(
        "default", description="of collections without one of their own"
    )
    pii_names_model: Path | None = Field(
        None, description="folder of a spaCy, Hugging Face or GLiNER model that finds names instead of the built-in one"
    )

    erasure_search: list[Path] = Field([], description="files and folders to search for deleted text, such as logs")

    # what people said
    conversation_days: int = Field(90, ge=1, description="conversations and feedback go so long after their last use")

    # what may be watched
    sync_roots: Roots = Field(
        [],
        description="folders whose insides tenants may watch, with : between them; TENANT=FOLDER for another than main",
    )
    sync_hosts: SyncHosts = Field(
        [],
        description="web sites that tenants may watch, HOST or HOST:PORT, with commas between; TENANT=HOST for another than main",
    )
    sync_networks: Networks = Field(
        [], description="private networks that those sites may be in, such as 10.0.0.0/8, with commas between"
    )
    sync_web_pages: int = Field(5_000, ge=1, le=50_000, description="of one site")
    sync_web_requests_per_s: float = Field(5, gt=0, le=1_000, description="to one host")
    sync_connections: Path | None = Field(
        None, description="a TOML file that names the buckets and wikis which may be watched: docs/sources.md"
    )
    sync_settle_s: float = Field(5, ge=0, le=86_400, description="a file that changed since then waits")

    # workflows
    ingest_concurrency: int = Field(2, ge=1, description="documents of one tenant prepared at the same time")
    step_retries: int = Field(8, ge=0, le=20, description="of a step whose dependency is down: 8 last 80 minutes")
    retry_wait_s: Seconds = Field(10, description="before a step's first retry; the eighth waits 240 times as long")
    reindex_max_loss: float = Field(
        0.02, ge=0, le=1, description="of recall and nDCG on a golden set that a new build may have; 1: any"
    )
    nightly_evaluation: bool = Field(
        False, description="ask every collection's golden set at 02:00 UTC, and show the scores at /metrics"
    )
    history_days: int = Field(30, ge=1, description="how long the course of jobs that ended is kept")
    inngest_dev: str | None = Field(None, validation_alias="INNGEST_DEV")
    inngest_base_url: OptionalUrl = Field(None, validation_alias="INNGEST_BASE_URL")
    inngest_event_key: SecretStr | None = Field(None, validation_alias="INNGEST_EVENT_KEY")
    inngest_signing_key: SecretStr | None = Field(None, validation_alias="INNGEST_SIGNING_KEY")
    inngest_serve_origin: OptionalUrl = Field(None, validation_alias="INNGEST_SERVE_ORIGIN")
    inngest_dashboard_url: OptionalUrl = Field(
        None, description="where people's browsers reach the Inngest dashboard; jobs in the console lead there"
    )

    @model_validator(mode="after")
    def _with_keys_for_the_bucket(self) -> Settings:
        if self.blob_url and not (self.blob_access_key and self.blob_secret_key):
            raise ValueError("blob_url: needs CAIRN_BLOB_ACCESS_KEY and CAIRN_BLOB_SECRET_KEY")
        return self

    def roots_by_tenant(self, first: str) -> dict[str, list[Path]]:
        """Folders that may be watched, by tenant; those without one are of the first."""
        roots: dict[str, list[Path]] = {}
        for entry in self.sync_roots:
            tenant, _, path = entry.partition("=") if not entry.startswith("/") else (first, "", entry)
            roots.setdefault(tenant, []).append(Path(path))
        return roots

    def hosts_by_tenant(self, first: str) -> dict[str, list[str]]:
        """Web sites that may be watched, by tenant; those without one are of the first."""
        hosts: dict[str, list[str]] = {}
        for entry in self.sync_hosts:
            tenant, _, host = entry.rpartition("=")
            hosts.setdefault(tenant or first, []).append(host)
        return hosts

    @property
    def secrets(self) -> list[str]:
        """What must not be shown: keys, and the passwords in addresses."""
        keys = (self.bootstrap_key, self.inngest_event_key, self.inngest_signing_key, self.blob_secret_key)
        passwords = (urlsplit(getattr(self, name) or "").password for name in _WITH_PASSWORDS)
        return [*(key.get_secret_value() for key in keys if key), *(password for password in passwords if password)]

    def shown(self) -> dict[str, Any]:
        """All of them, as JSON has them, without what must not be shown."""
        found = self.model_dump(mode="json")
        for name in _WITH_PASSWORDS:
            if found[name] and (password := urlsplit(found[name]).password):
                found[name] = found[name].replace(f":{password}@", ":***@")
        return found

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
    def dashboard_url(self) -> str:
        """Where people see the engine's runs; "" where that is not said. The dev server is its own dashboard."""
        if self.inngest_dashboard_url is not None or not self.external_engine:
            return self.inngest_dashboard_url or ""
        return self.inngest_url if self.inngest_base_url is None else ""

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
        toml = TomlConfigSettingsSource(settings_cls, toml_file=file)
        return init_settings, env_settings, _FileSettings(settings_cls), toml


class _FileSettings(PydanticBaseSettingsSource):
    """`CAIRN_X_FILE`: the file that the setting X is read from, as orchestrators hand secrets in, without its last line break."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        key = str(field.validation_alias or field_name)
        variable = _variable(key)
        path = os.environ.get(f"{variable}_FILE")
        if not path:
            return None, key, False
        if os.environ.get(variable):
            raise SettingsError(f"{variable}: given twice, by itself and by {variable}_FILE")
        try:
            return Path(path).read_text().rstrip("\r\n"), key, False
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{variable}_FILE: {path} cannot be read ({type(error).__name__})") from None

    def __call__(self) -> dict[str, Any]:
        found = (self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items())
        return {key: value for value, key, _ in found if value is not None}


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
    names = {_variable(name) for name in Settings.model_fields}
    known = names | {f"{name}_FILE" for name in names} | {CONFIG_VARIABLE, "CAIRN_URL", "CAIRN_API_KEY"}
    strangers = [name for name in environment if name.startswith(PREFIX) and name not in known]
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), None) for name in strangers}


def _variable(name: str) -> str:
    return name if name.startswith("INNGEST_") else PREFIX + name.upper()


def _explain(problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else "?"
    variable = _variable(name)
    if problem["type"] == "extra_forbidden":
        return f"{name}: there is no such setting"
    secret = name.lower().endswith("_key") or name.lower() in _WITH_PASSWORDS
    given = "" if secret else f", got {problem['input']!r}"
    return f"{variable}: {str(problem['msg']).removeprefix('Value error, ')}{given}"
