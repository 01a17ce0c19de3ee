"""What a look at a source calls for: pure, so that every combination can be tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipelines.domain.access import EVERYONE
from pipelines.domain.intake_errors import SourceMissing, SourceShrunk
from pipelines.domain.sources import ListedFile, Listing, Shared, SourceFile, file_id

_FEW = 20  # so many documents may always go at once


class Plan(NamedTuple):
    take: tuple[ListedFile, ...]  # new, or not as they were
    gone: tuple[str, ...]  # ids of files that are not there any more
    waiting: int  # files that someone may still be writing


class Share(NamedTuple):
    """Who reads a document from now on."""

    document_id: str
    readers: tuple[str, ...]


def plan(
    source_id: str, listing: Listing, known: Mapping[str, SourceFile], *, now_ns: int, settle_ns: int, trusting: bool
) -> Plan:
    """`known` by id. A file younger than `settle_ns` waits for the next pass; one from the future, or with an etag, does not.

    Unless `trusting`: raises SourceMissing where all is gone that was known, SourceShrunk where most of it is. That is
    rather a disk that is not mounted than somebody's wish.
    """
    listed = {file_id(source_id, file.path): file for file in listing.files}
    news = [file for id_, file in listed.items() if id_ not in known or not known[id_].shows(file)]
    ready = [file for file in news if file.etag or not 0 <= now_ns - file.mtime_ns < settle_ns]
    gone = [each for each in _missing(source_id, listing, listed, known) if not _hidden(each.path, listing.unreadable)]
    if not trusting:
        _check(bool(listed) or len(gone) < len(known), len(gone), len(known))
    taken = tuple(sorted(ready, key=lambda file: file.path))
    return Plan(taken, tuple(sorted(each.id for each in gone)), waiting=len(news) - len(ready))


def shares(
    source_id: str, listing: Listing, known: Mapping[str, SourceFile], shared: Mapping[str, Shared], owner: str
) -> tuple[tuple[Share, ...], int]:
    """What the place's own access lists change for documents that are there, and how many have to wait for that.

    Who lost a file loses its document at once. Who gained it gains a document only once that shows the file as it is now:
    what an earlier version said was never theirs to read. `owner`, who added the source, stays one of the readers.
    """
    changes, waiting = [], 0
    for file in listing.files:
        id_ = file_id(source_id, file.path)
        if file.readers is None or id_ not in shared:
            continue
        before, wanted = shared[id_].readers, frozenset(file.readers) | {owner}
        shows = shared[id_].current and known[id_].problem is None and known[id_].shows(file)
        after = wanted if shows else common(before, wanted) | {owner}
        waiting += after != wanted
        if after != before:
            changes.append(Share(shared[id_].document_id, tuple(sorted(after))))
    return tuple(changes), waiting


def common(one: Iterable[str], other: Iterable[str]) -> frozenset[str]:
    """Who is in both lists, as far as the lists say: nobody looks into a group."""
    ours, theirs = frozenset(one), frozenset(other)
    if EVERYONE in ours:
        return theirs
    return ours if EVERYONE in theirs else ours & theirs


def _missing(
    source_id: str, listing: Listing, listed: Mapping[str, ListedFile], known: Mapping[str, SourceFile]
) -> list[SourceFile]:
    if listing.gone is None:
        return [each for id_, each in known.items() if id_ not in listed]
    ids = {file_id(source_id, path) for path in listing.gone}
    return [each for id_, each in known.items() if id_ in ids and id_ not in listed]


def _hidden(path: str, unreadable: tuple[str, ...]) -> bool:
    """Whether it may be there and just not be seen; of an erased document the path is not known."""
    return any(not path or path == folder or path.startswith(f"{folder}/") for folder in unreadable)


def _check(some_left: bool, gone: int, known: int) -> None:
    if gone and not some_left:
        raise SourceMissing(
            f"Nothing is there, and {known:,} files of it were known. Nothing was deleted. Is its disk mounted? If "
            "it is to be empty, sync it with accept_removals."
        )
    if gone > max(_FEW, known // 2):
        raise SourceShrunk(
            f"{gone:,} of {known:,} known files are not there any more. Nothing was deleted. If that is right, "
            "sync it with accept_removals."
        )
