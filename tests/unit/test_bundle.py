"""Archives that anybody may send: what is dangerous is refused by name, before anything is unpacked."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.intake_errors import (
    BundleBomb,
    BundleEmpty,
    BundleEncrypted,
    BundleTooLarge,
    BundleTooManyFiles,
    BundleUnreadable,
    BundleUnsafePath,
)
from pipelines.ingest import bundle

MiB = 1024 * 1024
LIMITS = bundle.Limits(files=50, size_bytes=64 * MiB)


def _zip(path: Path, files: Mapping[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as file:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = how
            file.writestr(entry, content)
    return path


def _read(path: Path, member: bundle.Member) -> bytes:
    with bundle.opened(path, LIMITS) as file, bundle.stream(file, member) as data:
        return data.read()


def test_files_in_order_without_folders_and_what_is_nobodys_document(tmp_path: Path) -> None:
    names = [
        "b.md",
        "a/",
        "a/ä c.txt",
        "__MACOSX/._b.md",
        ".git/config",
        "a/~$x.docx",
        "x/Thumbs.db",
        "./c.md",
        "win\\d.md",
    ]
    path = _zip(tmp_path / "x.zip", {name: b"" if name.endswith("/") else name.encode() for name in names})
    found = bundle.members(path, LIMITS)
    assert [member.path for member in found] == ["b.md", "a/ä c.txt", "c.md", "win/d.md"]
    assert [_read(path, member) for member in found] == [b"b.md", "a/ä c.txt".encode(), b"./c.md", b"win\\d.md"]


@pytest.mark.parametrize(
    "name", ["../x.md", "a/../../x.md", "/etc/x.md", "C:\\x.md", "C:x.md", "..\\x.md", "a/..", "x\n.md", "\u202ex.md"]
)
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleUnsafePath):
        bundle.members(_zip(tmp_path / "x.zip", {"good.md": b"x", name: b"x"}), LIMITS)


def test_archives_and_links_inside_are_not_looked_into(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", {"a.md": b"x", "inner.ZIP": b"PK", "b.tar.gz": b"x"})
    with zipfile.ZipFile(path, "a") as file:
        link = zipfile.ZipInfo("link.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    assert [member.nested for member in bundle.members(path, LIMITS)] == [False, True, True, True]


def test_too_many_too_large_too_tight_and_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(BundleTooManyFiles):
        bundle.members(_zip(tmp_path / "a.zip", {f"{n}.md": b"x" for n in range(51)}), LIMITS)
    with pytest.raises(BundleTooManyFiles):
        bundle.members(_zip(tmp_path / "b.zip", {f"{n}/": b"" for n in range(200)}), LIMITS)
    with pytest.raises(BundleBomb):
        bundle.members(_zip(tmp_path / "c.zip", {"a.md": bytes(40 * MiB)}), LIMITS)
    with pytest.raises(BundleTooLarge):
        bundle.members(_zip(tmp_path / "d.zip", {"a.md": os.urandom(200_000) + bytes(65 * MiB)}), LIMITS)
    assert bundle.members(_zip(tmp_path / "e.zip", {"a.md": bytes(15 * MiB)}), LIMITS), "small ones may be tight"
    for files in ({}, {"a/": b""}, {".hidden": b"x"}):
        with pytest.raises(BundleEmpty):
            bundle.members(_zip(tmp_path / "f.zip", files), LIMITS)


def test_one_file_behind_many_names_counts_as_often_as_it_is_named(tmp_path: Path) -> None:
    """The bomb of David Fifield (2019): entries that share their bytes."""
    packed = _zip(tmp_path / "x.zip", {"a.md": bytes(8 * MiB)}).read_bytes()
    end = packed.rindex(b"PK\x05\x06")
    size, start = struct.unpack_from("<2L", packed, end + 12)
    entry = packed[start : start + size]
    directory = b"".join(entry.replace(b"a.md", f"{n:04}".encode()) for n in range(40))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 40, 40, len(directory), start, 0)
    (tmp_path / "bomb.zip").write_bytes(packed[:start] + directory + tail)
    with pytest.raises(BundleBomb):
        bundle.members(tmp_path / "bomb.zip", LIMITS)


def test_a_directory_that_lies_about_itself(tmp_path: Path) -> None:
    packed = bytearray(_zip(tmp_path / "x.zip", {"a.md": b"x" * 5_000}).read_bytes())
    end = packed.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<L", packed, end + 16)[0]
    smaller = bytearray(packed)
    struct.pack_into("<L", smaller, start + 24, 10)  # it says ten bytes
    (tmp_path / "small.zip").write_bytes(smaller)
    (member,) = bundle.members(tmp_path / "small.zip", LIMITS)
    with pytest.raises(BundleUnreadable):
        _read(tmp_path / "small.zip", member)
    early = bytearray(packed)
    struct.pack_into("<L", early, end + 12, 40_000)  # so that it begins before the file does
    (tmp_path / "early.zip").write_bytes(early)
    with pytest.raises(BundleUnreadable):
        bundle.members(tmp_path / "early.zip", LIMITS)
    many = bytearray(packed)
    struct.pack_into("<2H", many, end + 8, 60_000, 60_000)
    (tmp_path / "many.zip").write_bytes(many)
    with pytest.raises(BundleTooManyFiles):
        bundle.members(tmp_path / "many.zip", LIMITS)
    big = packed[:end] + b"PK\x06\x07" + bytes(16) + packed[end:]
    (tmp_path / "big.zip").write_bytes(big)
    with pytest.raises(BundleTooLarge):
        bundle.members(tmp_path / "big.zip", LIMITS)


def test_a_password_and_other_ways_of_packing(tmp_path: Path) -> None:
    packed = bytearray(_zip(tmp_path / "x.zip", {"a.md": b"x"}).read_bytes())
    start = struct.unpack_from("<L", packed, packed.rindex(b"PK\x05\x06") + 16)[0]
    packed[start + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(packed)
    with pytest.raises(BundleEncrypted):
        bundle.members(tmp_path / "locked.zip", LIMITS)
    for how in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):  # LZMA asks for as much memory as it likes
        with pytest.raises(BundleUnreadable, match="deflate"):
            bundle.members(_zip(tmp_path / "y.zip", {"a.md": b"x"}, how), LIMITS)


@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 400))
@settings(max_examples=400, deadline=None)
def test_whatever_is_broken_in_it_is_said_by_name(
    place: int, value: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.md", "Some text. " * 20)
        file.writestr("b/c.md", "More text. " * 20)
    packed = bytearray(buffer.getvalue())
    packed[place % len(packed)] = value
    path = tmp_path_factory.mktemp("broken") / "x.zip"
    path.write_bytes(packed[: len(packed) - cut if cut < 40 else len(packed)])
    with suppress(BundleUnreadable):
        for member in bundle.members(path, LIMITS):
            with suppress(BundleUnreadable):
                _read(path, member)
