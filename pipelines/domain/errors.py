"""Every error the product raises on purpose. HTTP statuses are assigned at the edge (app/api/errors.py).

CairnError
├── InvalidRequest            the caller must change the request
│   ├── MissingFile · EmptyFile · FileTooLarge
│   ├── UnsupportedType       TypeMismatch · OcrUnavailable
│   ├── UnreadableFile
│   │   ├── EncryptedFile · TruncatedFile · UnsafeMarkup · SensitiveContent
│   │   └── LimitExceeded     DecompressionBomb
│   └── IdempotencyConflict
├── Unauthenticated · Forbidden
├── NotFound                  DocumentNotFound · PageNotFound · JobNotFound · CollectionNotFound · KeyNotFound
├── Conflict                  CollectionExists · VersionSuperseded · TooManyKeys · QuotaReached
├── RateLimited
├── DependencyUnavailable     IndexUnavailable · WorkerCrashed · StageFailed · RedactionFailed
│   │                         StorageFull · StorageUnavailable · AuditUnavailable · IdentityProviderUnavailable
│   └── ModelUnavailable      ModelTimedOut · ModelMissing · ModelBusy
└── ConfigurationError        SettingsInvalid · ModelFilesInvalid · DataFolderInUse · DataFolderUnusable

Those of folders and bundles that files come in by: intake_errors.py.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from pipelines.domain.limits import Policy, Standing


class CairnError(Exception):
    """`code` is stable and documented; `detail` is for a person and never holds document text."""

    code: ClassVar[str] = "internal"
    retriable: ClassVar[bool] = False
    retry_after_s: float = 5  # where it is
    attempts: ClassVar[int | None] = None  # how often it is worth trying, where that is less than the workflow would

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.__doc__ or self.code)

    @property
    def detail(self) -> str:
        return str(self)


class InvalidRequest(CairnError):
    """The request is not valid."""

    code = "invalid_request"


class MissingFile(InvalidRequest):
    """No file was sent: send at least one multipart part named `file`."""

    code = "missing_file"


class EmptyFile(InvalidRequest):
    """The file is empty."""

    code = "empty_file"


class FileTooLarge(InvalidRequest):
    """The file is larger than the limit."""

    code = "file_too_large"


class UnsupportedType(InvalidRequest):
    """This type of file cannot be read."""

    code = "unsupported_type"


class TypeMismatch(UnsupportedType):
    """The file's name says one type, its content another."""

    code = "type_mismatch"


class OcrUnavailable(UnsupportedType):
    """The words of a picture are read by OCR, which is not installed here (`tesseract-ocr`) or switched off."""

    code = "ocr_unavailable"


class UnreadableFile(InvalidRequest):
    """The file is damaged and cannot be read."""

    code = "unreadable_file"


class EncryptedFile(UnreadableFile):
    """The file needs a password. Remove the password and upload it again."""

    code = "encrypted_file"


class TruncatedFile(UnreadableFile):
    """The end of the file is missing. Upload it again."""

    code = "truncated_file"


class LimitExceeded(UnreadableFile):
    """Reading the file took more time, memory or pages than is allowed."""

    code = "limit_exceeded"


class OutOfTime(LimitExceeded):
    """Reading the file took longer than is allowed."""


class OutOfMemory(LimitExceeded):
    """Reading the file took more memory than is allowed."""


class DecompressionBomb(LimitExceeded):
    """The file would take far more room when unpacked than a document does."""

    code = "decompression_bomb"


class UnsafeMarkup(UnreadableFile):
    """The file declares entities or a document type of its own, which documents of its kind do not."""

    code = "unsafe_markup"


class SensitiveContent(UnreadableFile):
    """The file holds a secret that the policy does not take. Remove it and upload the file again."""

    code = "sensitive_content"


class IdempotencyConflict(InvalidRequest):
    """This Idempotency-Key was used before with another request."""

    code = "idempotency_conflict"


class Unauthenticated(CairnError):
    """Send a valid API key: `Authorization: Bearer <key>`."""

    code = "unauthenticated"


class Forbidden(CairnError):
    """This key may not do that."""

    code = "forbidden"


class NotFound(CairnError):
    """There is no such thing, or you may not see it."""

    code = "not_found"


class DocumentNotFound(NotFound):
    """There is no such document, or you may not see it."""

    code = "document_not_found"


class PageNotFound(NotFound):
    """The document has no such page."""

    code = "page_not_found"


class JobNotFound(NotFound):
    """There is no such job, or you may not see it."""

    code = "job_not_found"


class CollectionNotFound(NotFound):
    """There is no such collection."""

    code = "collection_not_found"


class KeyNotFound(NotFound):
    """There is no such key."""

    code = "key_not_found"


class Conflict(CairnError):
    """The request does not fit the present state."""

    code = "conflict"


class TooManyKeys(Conflict):
    """The tenant has as many keys as it may have. Revoke some first."""

    code = "too_many_keys"


class QuotaReached(Conflict):
    """The tenant keeps as much as it may. Delete something first."""

    code = "quota_reached"


class RateLimited(CairnError):
    """More was asked for than is allowed in that time; ask again later."""

    code = "rate_limited"
    retriable = True

    def __init__(self, policy: Policy, retry_after_s: float, standings: Sequence[Standing] = ()) -> None:
        super().__init__(
            f"The limit {policy.name} is {policy.quota:,} in {policy.window_s:,} seconds; ask again later."
        )
        self.retry_after_s = max(1.0, retry_after_s)
        self.standings = standings


class CollectionExists(Conflict):
    """A collection of that name exists already."""

    code = "collection_exists"


class VersionSuperseded(Conflict):
    """The document was deleted, or replaced by a newer upload, while this version was being prepared."""

    code = "version_superseded"


class DependencyUnavailable(CairnError):
    """Something this needs is not answering; try again."""

    code = "dependency_unavailable"
    retriable = True


class ModelUnavailable(DependencyUnavailable):
    """The model is not answering."""

    code = "model_unavailable"


class ModelTimedOut(ModelUnavailable):
    """The model said nothing for too long."""

    code = "model_timed_out"


class ModelMissing(ModelUnavailable):
    """The model is not installed where it was looked for."""

    code = "model_missing"


class ModelBusy(ModelUnavailable):
    """More questions are waiting than can be answered now; ask again in a while."""

    code = "model_busy"

    def __init__(self, detail: str = "", retry_after_s: float = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class IndexUnavailable(DependencyUnavailable):
    """The index is not answering."""

    code = "index_unavailable"


class CacheUnavailable(DependencyUnavailable):
    """The cache is not answering."""

    code = "cache_unavailable"


class WorkerCrashed(DependencyUnavailable):
    """The worker process died while it read the file."""

    code = "worker_crashed"
    attempts = 3  # it is the file's doing, most likely


class StageFailed(DependencyUnavailable):
    """Something went wrong on our side while the file was read; the server's log has the details."""

    code = "internal"
    attempts = 3  # it is the file's doing, most likely


class RedactionFailed(DependencyUnavailable):
    """The detector of personal data failed: nothing goes on unredacted."""

    code = "redaction_failed"
    attempts = 3  # it is the file's doing, most likely


class StorageFull(DependencyUnavailable):
    """The disk is full. Make room in the data folder; what was accepted is kept and goes on then."""

    code = "storage_full"


class StorageUnavailable(DependencyUnavailable):
    """The data folder cannot be written."""

    code = "storage_unavailable"


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turns what the system says of a disk that takes nothing into StorageFull or StorageUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO):
            raise StorageUnavailable(f"The data folder cannot be written: {error.strerror}.") from error
        raise


class IdentityProviderUnavailable(DependencyUnavailable):
    """The identity provider does not answer, so tokens cannot be checked. API keys still open."""

    code = "identity_provider_unavailable"


class AuditUnavailable(DependencyUnavailable):
    """What is done cannot be recorded now, so it is not done."""

    code = "audit_unavailable"


class ConfigurationError(CairnError):
    """The installation is not set up correctly."""

    code = "configuration_error"


class SettingsInvalid(ConfigurationError):
    """A setting has a value that cannot be used."""

    code = "settings_invalid"


class ModelFilesInvalid(ConfigurationError):
    """The model's files are missing or are not the ones expected."""

    code = "model_files_invalid"


class DataFolderInUse(ConfigurationError):
    """Another server works on this data folder."""

    code = "data_folder_in_use"


class DataFolderUnusable(ConfigurationError):
    """The data folder cannot be written."""

    code = "data_folder_unusable"
