"""Accounts that sources are read with: the operator puts them in a file, and everything else knows their names alone."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from pipelines.domain.errors import ConfigurationError
from pipelines.domain.intake_errors import SourceNotAllowed, SyncOff

_NAME = r"^[a-z0-9][a-z0-9._-]{0,62}$"


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("expected an address such as https://wiki.example.org")
    return value.rstrip("/")


Subject = Annotated[str, Field(pattern=r"^(everyone|(user|group):\S.*)$")]
Address = Annotated[str, AfterValidator(_address)]


class _Connection(BaseModel):
    """`X_file` names a file that holds X."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenants: frozenset[str] = Field(frozenset(), description="who may use it; default: the first tenant")

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, given: dict[str, object]) -> dict[str, object]:
        read = dict(given)
        for name in [name for name in given if name.endswith("_file")]:
            path = read.pop(name)
            try:
                read[name.removesuffix("_file")] = Path(str(path)).read_text().rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{name}: {path} cannot be read ({type(error).__name__})") from None
        return read

    @property
    def secrets(self) -> list[str]:
        """What must not be shown."""
        held = (getattr(self, name) for name in type(self).model_fields)
        return [each.get_secret_value() for each in held if isinstance(each, SecretStr)]


class S3Connection(_Connection):
    """A bucket: `s3://NAME/PREFIX`."""

    kind: Literal["s3"]
    url: Address
    bucket: str = Field(min_length=1)
    region: str = "us-east-1"
    access_key: str = Field(min_length=1)
    secret_key: SecretStr


class ConfluenceConnection(_Connection):
    """Confluence Data Center: `confluence:NAME/SPACE`. A personal access token, or a user and a password."""

    kind: Literal["confluence"]
    url: Address
    token: SecretStr | None = None
    user: str = ""
    password: SecretStr | None = None
    everyone: frozenset[str] = Field(frozenset(), description="groups that everybody of the tenant is in")
    space_readers: frozenset[Subject] = Field(
        frozenset(), description="who views a space, where Confluence does not say that (before 9.1)"
    )
    requests_per_s: float = Field(10, gt=0)

    @model_validator(mode="after")
    def _with_an_account(self) -> Self:
        if self.token is None and not (self.user and self.password):
            raise ValueError("needs a token, or a user and a password")
        return self


class SharePointConnection(_Connection):
    """SharePoint, by an app that Entra knows: `sharepoint:NAME/sites/SITE/LIBRARY`. Other clouds have other addresses."""

    kind: Literal["sharepoint"]
    host: str = Field(pattern=r"^[A-Za-z0-9.:-]+$", description="contoso.sharepoint.com")
    directory: str = Field(min_length=1, description="the id of the organisation's directory")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    url: Address = "https://graph.microsoft.com"
    login_url: Address = "https://login.microsoftonline.com"
    download_hosts: tuple[str, ...] = Field((), description="where files come from; default: `host`")
    site_groups: dict[str, frozenset[Subject]] = Field(
        {}, description="who is in a group of a site, `sites/SITE/NAME`: Graph does not say it"
    )
    organisation_is_everyone: bool = Field(False, description="everybody of the organisation is of the tenant")
    whole_every_s: float = Field(900, ge=0, description="between two looks at everything; others follow the delta")
    requests_per_s: float = Field(20, gt=0)


Connection = Annotated[S3Connection | ConfluenceConnection | SharePointConnection, Field(discriminator="kind")]
C = TypeVar("C", bound=_Connection)


class Connections:
    """By name, and each of its tenants alone."""

    def __init__(self, by_name: Mapping[str, _Connection], first_tenant: str) -> None:
        self._by_name = by_name
        self._first = first_tenant

    @classmethod
    def load(cls, path: Path | None, first_tenant: str) -> Self:
        """Raises ConfigurationError, which says no secret."""
        if path is None:
            return cls({}, first_tenant)
        try:
            tables = tomllib.loads(path.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(
                f"CAIRN_SYNC_CONNECTIONS: {path} cannot be read: {type(error).__name__}."
            ) from error
        try:
            return cls(_CHECKED.validate_python(tables), first_tenant)
        except ValidationError as error:
            where = "; ".join(
                f"{'.'.join(str(part) for part in each['loc'])}: {each['msg'].removeprefix('Value error, ')}"
                for each in error.errors(include_input=False)
            )
            raise ConfigurationError(f"CAIRN_SYNC_CONNECTIONS: {where}") from None

    def of(self, kind: type[C], tenant_id: str, name: str) -> C:
        """Raises SyncOff where there is none of the kind, SourceNotAllowed."""
        if not any(isinstance(each, kind) for each in self._by_name.values()):
            raise SyncOff
        found = self._by_name.get(name)
        if not isinstance(found, kind) or tenant_id not in (found.tenants or {self._first}):
            raise SourceNotAllowed("The operator names no such connection for your tenant (CAIRN_SYNC_CONNECTIONS).")
        return found

    @property
    def secrets(self) -> list[str]:
        return [secret for each in self._by_name.values() for secret in each.secrets]


_CHECKED = TypeAdapter(dict[Annotated[str, Field(pattern=_NAME)], Connection])
