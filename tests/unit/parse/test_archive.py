"""Archives that attack who unpacks them."""

from __future__ import annotations

import random
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from pipelines.domain.errors import (
    CairnError,
    DecompressionBomb,
    EncryptedFile,
    TruncatedFile,
    UnreadableFile,
    UnsafeMarkup,
)
from pipelines.ingest.parse import archive


def packed(folder: Path, parts: dict[str, bytes], method: int = ZIP_DEFLATED) -> Path:
    path = folder / "file.zip"
    with ZipFile(path, "w", method) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return path


def unpacked(path: Path, **options: bool) -> frozenset[str]:
    with archive.opened(path, **options) as file:
        return frozenset(file.namelist())


def test_an_archive_like_any_other_is_opened(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.xml": b"<a/>", "b.bin": bytes(range(256)) * 100, "empty": b""})
    assert unpacked(path) == archive.names(path) == {"a.xml", "b.bin", "empty"}


def test_a_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a": bytes(16 * 1024 * 1024)})
    with pytest.raises(DecompressionBomb):
        archive.names(path)


def test_many_parts_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a": bytes(7 * 1024 * 1024)})
    data = path.read_bytes()
    with ZipFile(path) as file:
        start = file.start_dir
    entry = data[start:-22]
    copies = b"".join(entry[:46] + bytes([97 + n // 26, 97 + n % 26])[:1] + entry[47:] for n in range(80))
    path.write_bytes(
        data[:start] + copies + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 80, 80, len(copies), start, 0)
    )
    with pytest.raises(DecompressionBomb):
        archive.names(path)


def test_a_part_that_is_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a": bytes(1024 * 1024)})
    size = struct.pack("<L", 1024 * 1024)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<L", 10)))
    with pytest.raises(UnreadableFile):
        unpacked(path)


def test_a_directory_larger_than_memory_is_not_read(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a": b"a"})
    data = bytearray(path.read_bytes())
    data[-10:-6] = struct.pack("<L", 0xFFFFFF00)
    path.write_bytes(data)
    with pytest.raises(DecompressionBomb):
        archive.names(path)


def test_too_many_parts_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, {str(number): b"" for number in range(archive.MOST_PARTS + 1)}, ZIP_STORED)
    with pytest.raises(DecompressionBomb):
        archive.names(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE a [<!ENTITY x "x">]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://192.0.2.1/x">%x;]>',
        "<!-- " + "x" * 2_000_000 + ' --><!DOCTYPE a [<!ENTITY x "x">]>',
    ],
)
def test_entities_are_refused_wherever_they_hide(tmp_path: Path, prolog: str, encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    path = packed(tmp_path, {"word/innocent.png": f"{head}{prolog}<a/>".encode(encoding)}, ZIP_STORED)
    for public in (False, True):
        with pytest.raises(UnsafeMarkup):
            unpacked(path, public_document_types=public)


def test_entities_are_seen_at_a_glance(tmp_path: Path) -> None:
    path = packed(tmp_path, {"word/document.xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "x">]><a/>'})
    with pytest.raises(UnsafeMarkup):
        archive.glance(path, public_document_types=True)


def test_a_public_document_type_is_for_books_and_pages_only(tmp_path: Path) -> None:
    kind = b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd"><html/>'
    assert unpacked(packed(tmp_path, {"word/inserted.htm": kind}))
    path = packed(tmp_path, {"word/document.xml": kind})
    assert unpacked(path, public_document_types=True)
    with pytest.raises(UnsafeMarkup):
        unpacked(path)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda data: data[:-30], TruncatedFile),
        (lambda data: data[: len(data) // 2], TruncatedFile),
        (
            lambda data: data.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
            EncryptedFile,
        ),
        (lambda data: data[:40] + b"\xff\xff\xff" + data[43:], UnreadableFile),
    ],
    ids=["cut", "half", "encrypted", "damaged"],
)
def test_what_cannot_be_unpacked_says_why(tmp_path: Path, change: object, error: type[CairnError]) -> None:
    path = packed(tmp_path, {"a.xml": b"<a>" + zlib.compress(b"x" * 1000).hex().encode() + b"</a>"})
    assert callable(change)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(error) as raised:
        unpacked(path)
    assert type(raised.value) is error


def test_rare_methods_and_double_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        unpacked(packed(tmp_path, {"a": b"a"}, ZIP_BZIP2))
    path = tmp_path / "double.zip"
    with ZipFile(path, "w") as file:
        file.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a", b"2")
    with pytest.raises(UnreadableFile):
        unpacked(path)


@pytest.mark.parametrize("size", [1, 40_000, 60_000])
def test_a_directory_that_is_elsewhere_is_damage(tmp_path: Path, size: int) -> None:
    path = packed(tmp_path, {"a.xml": b"<a/>" * 50})
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.rindex(b"PK\x05\x06") + 12, size)
    path.write_bytes(data)
    with pytest.raises(UnreadableFile):
        unpacked(path)


def test_no_change_of_two_bytes_is_a_surprise(tmp_path: Path) -> None:
    """Each either opens, or is refused by one of our errors."""
    whole = packed(tmp_path, {"word/document.xml": b"<a/>" * 50, "caf\u00e9.xml": b"<b/>"}).read_bytes()
    path = tmp_path / "changed.zip"
    dice = random.Random(4)
    for _ in range(1_500):
        data = bytearray(whole)
        for _ in range(2):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(data)
        with suppress(CairnError):
            unpacked(path)
