"""What a look at a folder calls for: pure, so that every combination can be tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pipelines.domain.intake_errors import SourceMissing, SourceShrunk
from pipelines.domain.sources import ListedFile, Listing, SourceFile, file_id

_FEW = 20  # so many documents may always go at once


class Plan(NamedTuple):
    take: tuple[ListedFile, ...]  # new, or not as they were
    gone: tuple[str, ...]  # ids of files that are not there any more
    waiting: int  # files that someone may still be writing


def plan(
    source_id: str, listing: Listing, known: Mapping[str, SourceFile], *, now_ns: int, settle_ns: int, trusting: bool
) -> Plan:
    """`known` by id. A file younger than `settle_ns` waits for the next pass; one from the future does not.

    Unless `trusting`: raises SourceMissing where all is gone that was known, SourceShrunk where most of it is. That is
    rather a disk that is not mounted than somebody's wish.
    """
    listed = {file_id(source_id, file.path): file for file in listing.files}
    news = [file for id_, file in listed.items() if id_ not in known or not known[id_].shows(file)]
    ready = [file for file in news if not 0 <= now_ns - file.mtime_ns < settle_ns]
    gone = [each for id_, each in known.items() if id_ not in listed and not _hidden(each.path, listing.unreadable)]
    if not trusting:
        _check(len(listed), len(gone), len(known))
    return Plan(tuple(sorted(ready)), tuple(sorted(each.id for each in gone)), waiting=len(news) - len(ready))


def _hidden(path: str, unreadable: tuple[str, ...]) -> bool:
    """Whether it may be there and just not be seen; of an erased document the path is not known."""
    return any(not path or path == folder or path.startswith(f"{folder}/") for folder in unreadable)


def _check(listed: int, gone: int, known: int) -> None:
    if gone and not listed:
        raise SourceMissing(
            f"The folder is empty, and {known:,} files of it were known. Nothing was deleted. Is its disk mounted? If "
            "it is to be empty, sync it with accept_removals."
        )
    if gone > max(_FEW, known // 2):
        raise SourceShrunk(
            f"{gone:,} of {known:,} known files are not in the folder any more. Nothing was deleted. If that is right, "
            "sync it with accept_removals."
        )
