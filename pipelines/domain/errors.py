"""Every error the product raises on purpose. HTTP statuses are assigned at the edge (app/api/errors.py).

CairnError
├── InvalidRequest            the caller must change the request
│   ├── MissingFile · EmptyFile · FileTooLarge · UnsupportedType
│   ├── UnreadableFile
│   │   └── EncryptedFile · TruncatedFile · LimitExceeded · SensitiveContent
│   └── IdempotencyConflict
├── Unauthenticated · Forbidden
├── NotFound                  DocumentNotFound · JobNotFound · CollectionNotFound
├── Conflict                  CollectionExists · VersionSuperseded
├── DependencyUnavailable     ModelUnavailable · IndexUnavailable · WorkerCrashed · StageFailed · RedactionFailed
└── ConfigurationError        SettingsInvalid · ModelFilesInvalid
"""

from __future__ import annotations

from typing import ClassVar


class CairnError(Exception):
    """`code` is stable and documented; `detail` is for a person and never holds document text."""

    code: ClassVar[str] = "internal"
    retriable: ClassVar[bool] = False
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


class JobNotFound(NotFound):
    """There is no such job, or you may not see it."""

    code = "job_not_found"


class CollectionNotFound(NotFound):
    """There is no such collection."""

    code = "collection_not_found"


class Conflict(CairnError):
    """The request does not fit the present state."""

    code = "conflict"


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


class IndexUnavailable(DependencyUnavailable):
    """The index is not answering."""

    code = "index_unavailable"


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


class ConfigurationError(CairnError):
    """The installation is not set up correctly."""

    code = "configuration_error"


class SettingsInvalid(ConfigurationError):
    """A setting has a value that cannot be used."""

    code = "settings_invalid"


class ModelFilesInvalid(ConfigurationError):
    """The model's files are missing or are not the ones expected."""

    code = "model_files_invalid"
