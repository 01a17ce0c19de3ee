"""What a look at a source calls for, whatever is in it and whatever was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import sync
from pipelines.domain.access import EVERYONE
from pipelines.domain.intake_errors import SourceMissing, SourceShrunk
from pipelines.domain.jobs import JobError
from pipelines.domain.sources import ListedFile, Listing, Shared, SourceFile, file_id

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


def test_a_mark_of_the_place_says_whether_a_file_changed_whatever_its_size_and_time() -> None:
    known = {file_id(SOURCE, "x"): SourceFile(file_id(SOURCE, "x"), SOURCE, "x", 1, 1, "", "doc_x", None, "a")}
    assert _plan(Listing((ListedFile("x", 9, NOW, "a"),), ()), known) == sync.Plan((), (), 0)
    changed = ListedFile("x", 1, 1, "b")
    assert _plan(Listing((changed,), ()), known).take == (changed,)
    young = ListedFile("y", 1, NOW, "a")
    assert _plan(Listing((young,), ()), {}).take == (young,), "what has a mark is whole"


def test_a_listing_of_changes_takes_away_only_what_it_says_is_gone() -> None:
    known = _known({"a": (1, 1), "b": (1, 1), "c": (1, 1)})
    listing = Listing((ListedFile("d", 1, 1), ListedFile("c", 1, 1)), (), gone=("a", "c", "never"))
    plan = _plan(listing, known, trusting=False)
    assert [file.path for file in plan.take] == ["d"]
    assert plan.gone == (file_id(SOURCE, "a"),), "c was removed and is there again"
    with pytest.raises(SourceMissing):
        _plan(Listing((), (), gone=("a", "b", "c")), known, trusting=False)


OWNER = "user:owner"
people = st.frozensets(st.sampled_from([EVERYONE, "group:a", "group:b", "user:x", OWNER]))


@given(before=people, now=st.none() | people, current=st.booleans(), same=st.booleans(), refused=st.booleans())
def test_nobody_gains_a_document_that_is_not_the_file_of_now_and_who_lost_the_file_loses_it(
    before: frozenset[str], now: frozenset[str] | None, current: bool, same: bool, refused: bool
) -> None:
    id_ = file_id(SOURCE, "x")
    problem = JobError("x", "y") if refused else None
    known = {id_: SourceFile(id_, SOURCE, "x", 1, 1, "", "doc_x", problem, "old")}
    file = ListedFile("x", 1, 1, "old" if same else "new", None if now is None else tuple(now))
    shared = {id_: Shared("doc_x", before | {OWNER}, current)}
    shares, waiting = sync.shares(SOURCE, Listing((file,), ()), known, shared, OWNER)
    after = frozenset(shares[0].readers) if shares else before | {OWNER}
    if now is None:
        assert (shares, waiting) == ((), 0)
        return
    wanted = now | {OWNER}
    assert (waiting == 0) == (after == wanted)
    if current and same and not refused:
        assert after == wanted
    for reader in after - {OWNER}:
        assert EVERYONE in now or reader in now
        if not (current and same and not refused):
            assert EVERYONE in before or reader in before
    assert OWNER in after


def test_readers_of_what_is_not_there_are_nobodys_business() -> None:
    listing = Listing((ListedFile("x", 1, 1, "a", ("group:a",)),), ())
    assert sync.shares(SOURCE, listing, {}, {}, OWNER) == ((), 0)
