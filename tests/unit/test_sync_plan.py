"""What a look at a folder calls for, whatever is in it and whatever was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import sync
from pipelines.domain.intake_errors import SourceMissing, SourceShrunk
from pipelines.domain.sources import ListedFile, Listing, SourceFile, file_id

SOURCE, NOW, SETTLE = "src_1", 1_000_000, 100
paths = st.sampled_from([f"{folder}{name}.md" for folder in ("", "a/", "a/b/", "ab/") for name in "xyz"])
states = st.dictionaries(paths, st.tuples(st.integers(0, 2), st.integers(0, 2)))


def _known(files: dict[str, tuple[int, int]]) -> dict[str, SourceFile]:
    rows = [
        SourceFile(file_id(SOURCE, path), SOURCE, path, size, time, "", f"doc_{path}")
        for path, (size, time) in files.items()
    ]
    return {row.id: row for row in rows}


def _listing(files: dict[str, tuple[int, int]], *unreadable: str) -> Listing:
    return Listing(tuple(ListedFile(path, *state) for path, state in files.items()), unreadable)


def _plan(listing: Listing, known: dict[str, SourceFile], *, trusting: bool = True) -> sync.Plan:
    return sync.plan(SOURCE, listing, known, now_ns=NOW, settle_ns=SETTLE, trusting=trusting)


@given(before=states, now=states)
def test_what_differs_is_taken_what_is_missing_goes_and_then_nothing_is_left_to_do(
    before: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]]
) -> None:
    plan = _plan(_listing(now), _known(before))
    assert {file.path for file in plan.take} == {path for path in now if before.get(path) != now[path]}
    assert set(plan.gone) == {file_id(SOURCE, path) for path in set(before) - set(now)}
    assert _plan(_listing(now), _known(now)) == sync.Plan((), (), 0)


@given(before=states, now=states, folder=st.sampled_from(["a", "a/b", "ab"]))
def test_what_cannot_be_seen_is_not_gone(
    before: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]], folder: str
) -> None:
    seen = {path: state for path, state in now.items() if not path.startswith(f"{folder}/")}
    plan = _plan(_listing(seen, folder), _known(before))
    hidden = {file_id(SOURCE, path) for path in before if path.startswith(f"{folder}/")}
    assert not hidden & set(plan.gone)
    assert set(plan.gone) | hidden >= {file_id(SOURCE, path) for path in set(before) - set(seen)}


@pytest.mark.parametrize(
    ("age", "waits"), [(0, True), (SETTLE - 1, True), (SETTLE, False), (NOW, False), (-1, False), (-NOW, False)]
)
def test_a_young_file_waits_and_one_from_the_future_does_not(age: int, waits: bool) -> None:
    plan = _plan(_listing({"x.md": (1, NOW - age)}), {})
    assert (len(plan.take), plan.waiting) == ((0, 1) if waits else (1, 0))


def test_a_file_that_waits_is_not_gone() -> None:
    assert _plan(_listing({"x.md": (2, NOW)}), _known({"x.md": (1, 1)})) == sync.Plan((), (), 1)


def test_an_erased_document_of_which_no_path_is_known_may_be_in_a_folder_that_cannot_be_read() -> None:
    erased = SourceFile(file_id(SOURCE, "a/x.md"), SOURCE, "", 1, 1, "", None)
    assert _plan(_listing({}, "a"), {erased.id: erased}).gone == ()
    assert _plan(_listing({}), {erased.id: erased}).gone == (erased.id,)


@pytest.mark.parametrize(
    ("known", "left", "error"),
    [
        (0, 0, None),
        (1, 0, SourceMissing),
        (500, 0, SourceMissing),
        (21, 1, None),
        (30, 9, SourceShrunk),
        (42, 21, None),
        (100, 49, SourceShrunk),
        (100, 50, None),
    ],
)
def test_when_nearly_everything_is_gone_somebody_has_to_say_so(
    known: int, left: int, error: type[Exception] | None
) -> None:
    files = {f"{number}.md": (1, 1) for number in range(known)}
    listing = _listing({f"{number}.md": (1, 1) for number in range(left)})
    if error is None:
        assert len(_plan(listing, _known(files), trusting=False).gone) == known - left
    else:
        with pytest.raises(error):
            _plan(listing, _known(files), trusting=False)
    assert len(_plan(listing, _known(files)).gone) == known - left
