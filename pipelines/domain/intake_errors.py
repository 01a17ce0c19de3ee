"""Errors of watched folders and of bundles, which files come in by (the others: errors.py).

InvalidRequest
├── UnreadableFile
│   └── BundleUnreadable      BundleTooManyFiles · BundleTooLarge · BundleBomb · BundleEncrypted · BundleUnsafePath
│                             BundleEmpty · BundleNested
└── SourceNotAllowed
NotFound                      SourceNotFound · BundleNotFound
Conflict                      SyncOff · SourceExists · SourceMissing · SourceShrunk · SourceTooLarge · FileChanged · FileBlocked
"""

from __future__ import annotations

from pipelines.domain.errors import Conflict, InvalidRequest, NotFound, UnreadableFile


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
    """Folders are not watched here. The operator names those that may be with CAIRN_SYNC_ROOTS."""

    code = "sync_off"


class SourceNotAllowed(InvalidRequest):
    """This folder may not be watched: it is not under one that CAIRN_SYNC_ROOTS names for your tenant."""

    code = "source_not_allowed"


class SourceNotFound(NotFound):
    """There is no such source."""

    code = "source_not_found"


class SourceExists(Conflict):
    """This folder, or one above or below it, is a source of the collection already."""

    code = "source_exists"


class SourceMissing(Conflict):
    """The folder is not there, or is empty where it was not. Nothing was deleted."""

    code = "source_missing"


class SourceShrunk(Conflict):
    """Most of the folder's files are gone. Nothing was deleted."""

    code = "source_shrunk"


class SourceTooLarge(Conflict):
    """The folder has more files than can be watched."""

    code = "source_too_large"


class FileChanged(Conflict):
    """The file changed while it was read; it waits for the next pass."""

    code = "file_changed"


class FileBlocked(Conflict):
    """The server may not read this file, or its name is no text."""

    code = "file_blocked"
