"""The promises of SourceReader (pipelines/ports.py) for folders: a tenant sees its own, and no link leads out of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.adapters.watched_folders import LocalFolders
from pipelines.domain.intake_errors import (
    FileBlocked,
    FileChanged,
    SourceMissing,
    SourceNotAllowed,
    SourceTooLarge,
    SyncOff,
)
from pipelines.domain.sources import ListedFile, Seen

NOTHING = Seen(lambda _: "")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for path in ("ours/papers/deep", "theirs", "data"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "ours/papers/deep/one.md").write_text("one")
    (tmp_path / "theirs/secret.md").write_text("secret")
    return tmp_path


@pytest.fixture
def folders(base: Path) -> LocalFolders:
    return LocalFolders({"acme": [base / "ours", base / "data"], "rival": [base / "theirs"]}, base / "data")


def test_a_tenant_has_its_own_roots_and_no_others(folders: LocalFolders, base: Path) -> None:
    assert folders.allowed("acme", f"{base}/ours/papers/../papers/") == f"{base}/ours/papers"
    for tenant, path in (
        ("acme", base / "theirs"),
        ("rival", base / "ours"),
        ("acme", base / "ours/../theirs"),
        ("acme", base),
        ("acme", base / "data"),  # Cairn's own keys and files
        ("acme", base / "data/files"),
        ("acme", Path("ours")),
        ("acme", base / "ours\0/papers"),
        ("acme", base / "oursandmore"),
    ):
        with pytest.raises(SourceNotAllowed):
            folders.allowed(tenant, str(path))
    for path in ("ours/never", "ours/papers/deep/one.md"):
        with pytest.raises(SourceMissing):
            folders.allowed("acme", str(base / path))
    with pytest.raises(SyncOff):
        folders.allowed("nobody", str(base / "ours"))
    with pytest.raises(SyncOff, match="CAIRN_SYNC_ROOTS"):
        LocalFolders({}, base / "data").allowed("acme", str(base / "ours"))


def test_a_root_above_the_data_folder_does_not_open_it(base: Path) -> None:
    folders = LocalFolders({"acme": [base]}, base / "data")
    with pytest.raises(SourceNotAllowed):
        folders.allowed("acme", str(base))
    assert folders.allowed("acme", str(base / "ours"))


def test_a_folder_that_became_a_link_is_missing(folders: LocalFolders, base: Path) -> None:
    papers = str(base / "ours/papers")
    assert [file.path for file in folders.listing("acme", papers, NOTHING).files] == ["deep/one.md"]
    (base / "ours/papers").rename(base / "ours/away")
    (base / "ours/papers").symlink_to(base / "theirs")
    with pytest.raises((SourceMissing, SourceNotAllowed)):
        folders.listing("acme", papers, NOTHING)
    with pytest.raises((SourceMissing, SourceNotAllowed)):
        folders.allowed("acme", papers)
    with pytest.raises(SourceMissing), folders.open("acme", papers, ListedFile("secret.md", -1, -1)):
        pass


def test_links_pipes_and_names_that_are_no_text_are_not_files(folders: LocalFolders, base: Path) -> None:
    papers = base / "ours/papers"
    (papers / "link.md").symlink_to(base / "theirs/secret.md")
    (papers / "folder").symlink_to(base / "theirs")
    os.mkfifo(papers / "pipe.md")
    for name in ("~$x.docx", "x.tmp", "x.md~", ".x.md", "Thumbs.db", "x.crdownload", "x.PART"):
        (papers / name).write_text("x")
    with open(os.fsencode(papers) + b"/caf\xe9.md", "w") as file:
        file.write("x")
    listing = folders.listing("acme", str(papers), NOTHING)
    assert [file.path for file in listing.files] == ["deep/one.md"]
    assert listing.unreadable == ("caf\\xe9.md",)
    for path in ("link.md", "folder/secret.md", "pipe.md"):
        with (
            pytest.raises((FileBlocked, FileNotFoundError)),
            folders.open("acme", str(papers), ListedFile(path, -1, -1)),
        ):
            pass
        assert not folders.exists("acme", str(papers), path)
    with (
        pytest.raises(FileNotFoundError),
        folders.open("acme", str(papers), ListedFile("../../theirs/secret.md", -1, -1)),
    ):
        pass


def test_a_file_that_changes_while_it_is_read_is_not_taken(folders: LocalFolders, base: Path) -> None:
    path = base / "ours/papers/deep/one.md"
    with folders.open("acme", str(base / "ours/papers"), ListedFile("deep/one.md", -1, -1)) as file:
        assert file.stream.read() == b"one"
        digest = file.digest()
        file.rewind()
        assert file.stream.read() == b"one"
        assert file.digest() == digest
        file.rewind()
        path.write_text("two!")
        with pytest.raises(FileChanged):
            file.stream.read()


def test_a_folder_has_so_many_files_at_most(base: Path) -> None:
    for number in range(9):
        (base / f"ours/{number}.md").write_text("x")
    folders = LocalFolders({"acme": [base / "ours"]}, base / "data", most_files=9)
    with pytest.raises(SourceTooLarge):
        folders.listing("acme", str(base / "ours"), NOTHING)
