"""What values of settings look like: each says what was expected where it is none."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or len(value.split("://", 1)[1]) == 0:
        raise ValueError("expected an address such as http://127.0.0.1:11434")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    return value


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("expected an address such as redis://127.0.0.1:6379/0")
    return value


def _hex_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch("[0-9a-fA-F]{64}", value.get_secret_value()):
        raise ValueError("expected 64 hexadecimal digits, as `openssl rand -hex 32` prints them")
    return value


def _roots(value: object) -> object:
    return [entry for entry in value.split(os.pathsep) if entry] if isinstance(value, str) else value


def _root(value: str) -> str:
    if not value.rpartition("=")[2].startswith("/"):
        raise ValueError("expected folders such as /srv/documents or TENANT=/srv/documents, with : between them")
    return value


def _listed(value: object) -> object:
    return [entry.strip() for entry in value.split(",") if entry.strip()] if isinstance(value, str) else value


def _budgets(value: object) -> object:
    listed = _listed(value)
    return dict(map(_pair, listed)) if isinstance(listed, list) else value


def _pair(entry: str) -> tuple[str, str]:
    stage, _, seconds = entry.partition("=")
    return stage.strip(), seconds.strip()


def _origin(value: str) -> str:
    if urlsplit(value).scheme not in ("http", "https") or value != value.rstrip("/") or value.count("/") != 2:
        raise ValueError("expected origins such as https://intranet.example.org, with commas between them")
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError("expected networks such as 10.0.0.0/8, with commas between them") from None


def _or_none(value: object) -> object:
    return None if value == "" else value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
OptionalUrl = Annotated[HttpUrl | None, BeforeValidator(_or_none)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_or_none)]
Roots = Annotated[list[Annotated[str, AfterValidator(_root)]], NoDecode, BeforeValidator(_roots)]
Units = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_or_none)]
Origins = Annotated[list[Annotated[str, AfterValidator(_origin)]], NoDecode, BeforeValidator(_listed)]
Hosts = Annotated[list[Annotated[str, Field(pattern=r"^[A-Za-z0-9.:\[\]-]+$")]], NoDecode, BeforeValidator(_listed)]
SyncHosts = Annotated[
    list[Annotated[str, Field(pattern=r"^([^=,]+=)?[A-Za-z0-9.:\[\]-]+$")]], NoDecode, BeforeValidator(_listed)
]
Networks = Annotated[list[Annotated[str, AfterValidator(_network)]], NoDecode, BeforeValidator(_listed)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
SigningKey = Annotated[SecretStr, AfterValidator(_hex_key)]
Budgets = Annotated[dict[str, Seconds], NoDecode, BeforeValidator(_budgets)]
