"""Which places may be watched, and what reads them."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from app.adapters.confluence import Confluence
from app.adapters.s3_source import S3Source
from app.adapters.sharepoint import SharePoint
from app.adapters.source_connections import Connections
from app.adapters.source_kinds import SourceKinds
from app.adapters.watched_folders import LocalFolders
from app.adapters.web_source import Limits, WebSource
from app.services.identity import FIRST_TENANT
from app.settings import Settings
from pipelines.domain.sources import SourceKind


def secrets_of(settings: Settings) -> list[str]:
    """What must not be shown, of the settings and of the connections. Raises ConfigurationError."""
    return [*settings.secrets, *Connections.load(settings.sync_connections, FIRST_TENANT).secrets]


def places_of(settings: Settings, folder: Path) -> SourceKinds:
    """`folder` is the data folder, which nobody watches. Raises ConfigurationError."""
    connections = Connections.load(settings.sync_connections, FIRST_TENANT)
    networks = [ipaddress.ip_network(each) for each in settings.sync_networks]
    incoming = folder / "incoming"
    limits = Limits(settings.sync_web_pages, settings.max_file_bytes, requests_per_s=settings.sync_web_requests_per_s)
    return SourceKinds(
        {
            SourceKind.FOLDER: LocalFolders(settings.roots_by_tenant(FIRST_TENANT), folder),
            SourceKind.WEB: WebSource(settings.hosts_by_tenant(FIRST_TENANT), networks, incoming, limits),
            SourceKind.CONFLUENCE: Confluence(connections, incoming, settings.max_file_bytes),
            SourceKind.SHAREPOINT: SharePoint(connections, incoming, settings.max_file_bytes),
            SourceKind.S3: S3Source(connections, incoming, settings.max_file_bytes),
        }
    )
