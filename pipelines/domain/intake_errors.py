"""Errors of sources and of bundles, which files come in by (the others: errors.py).

InvalidRequest
├── UnreadableFile
│   └── BundleUnreadable      BundleTooManyFiles · BundleTooLarge · BundleBomb · BundleEncrypted · BundleUnsafePath
│                             BundleEmpty · BundleNested
└── SourceNotAllowed
NotFound                      SourceNotFound · BundleNotFound
Conflict                      SyncOff · SourceExists · SourceMissing · SourceShrunk · SourceTooLarge · FileChanged · FileBlocked
│                             FileUnavailable
DependencyUnavailable         SourceUnavailable
"""

from __future__ import annotations

from pipelines.domain.errors import Conflict, DependencyUnavailable, InvalidRequest, NotFound, UnreadableFile


class BundleUnreadable(UnreadableFile):
    """This is not a ZIP archive, or it is damaged."""

    code = "bundle_unreadable"


class BundleTooManyFiles(BundleUnreadable):
    """The bundle has more files than are allowed."""

    code = "bundle_too_many_files"


class BundleTooLarge(BundleUnreadable):
    """Unpacked, the bundle is larger than is allowed."""

    code = "bundle_too_large"


class BundleBomb(BundleUnreadable):
    """The bundle is packed so tightly that it looks like an attack."""

    code = "bundle_bomb"


class BundleEncrypted(BundleUnreadable):
    """The bundle needs a password. Remove it and upload the bundle again."""

    code = "bundle_encrypted"


class BundleUnsafePath(BundleUnreadable):
    """A file of the bundle has a path that leads out of it."""

    code = "bundle_unsafe_path"


class BundleEmpty(BundleUnreadable):
    """There is no file in the bundle."""

    code = "bundle_empty"


class BundleNested(BundleUnreadable):
    """An archive or a link in a bundle is not looked into. Upload an archive by itself."""

    code = "bundle_nested"


class BundleNotFound(NotFound):
    """There is no such bundle, you may not see it, or it was unpacked long ago."""

    code = "bundle_not_found"


class SyncOff(Conflict):
    """None of these are watched here. The operator names what may be: CAIRN_SYNC_ROOTS, _HOSTS, _CONNECTIONS."""

    code = "sync_off"


class SourceNotAllowed(InvalidRequest):
    """This may not be watched: it is not under what the operator names for your tenant (CAIRN_SYNC_ROOTS and the like)."""

    code = "source_not_allowed"


class SourceNotFound(NotFound):
    """There is no such source."""

    code = "source_not_found"


class SourceExists(Conflict):
    """This, or what is above or below it, is a source of the collection already."""

    code = "source_exists"


class SourceMissing(Conflict):
    """It is not there, or is empty where it was not. Nothing was deleted."""

    code = "source_missing"


class SourceShrunk(Conflict):
    """Most of the source's files are gone. Nothing was deleted."""

    code = "source_shrunk"


class SourceTooLarge(Conflict):
    """The source has more files than can be watched."""

    code = "source_too_large"


class FileChanged(Conflict):
    """The file changed while it was read; it waits for the next pass."""

    code = "file_changed"


class FileBlocked(Conflict):
    """The server may not read this file, or its name is no text."""

    code = "file_blocked"


class FileUnavailable(Conflict):
    """The source did not give this file; the next pass asks again."""

    code = "file_unavailable"


class SourceUnavailable(DependencyUnavailable):
    """The source does not answer, or asks to be left alone for a while."""

    code = "source_unavailable"
