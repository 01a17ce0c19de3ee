"""A backup while people work, the end of everything, and everything back: what is lost, what differs, and how long it took.

Two tenants and five people upload, replace, share, delete and ask. `cairn backup` runs beside them. Then every process is killed
and everything that was kept is removed; `cairn restore` fills an empty system, of the same kind or the other. It must show every
document, version, reader and audit row as they were at one moment of the backup, the files byte for byte, and the same
answers to the same questions. Prints figures as JSON; exit code 1 if anything is lost or differs.

    .venv/bin/python scripts/restore_drill.py                                     # embedded, with the sample handbook
    .venv/bin/python scripts/restore_drill.py --from cluster --into cluster       # see cluster_local.py for what it needs
    .venv/bin/python scripts/restore_drill.py FILE... --questions questions.jsonl # with documents and questions of yours
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from recovery import seen
from recovery.people import Desk, People, notes
from recovery.systems import KINDS, System

from app.cli.handbook import write

READERS = ("group:archive", "everyone", "user:bob", "group:archive,user:eve")
_ANSWERED = ("200", "202", "503")  # a machine that has too much to do may say so, and takes nothing then
ASKED_BY = ("bob", "ada", "eve", "rival")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="documents to take in (default: the sample handbook)")
    parser.add_argument("--from", dest="source", choices=KINDS, default="embedded")
    parser.add_argument("--into", dest="target", choices=KINDS, default="embedded")
    parser.add_argument(
        "--questions", type=Path, help="JSON lines with `question`; else sentences of the documents are asked about"
    )
    parser.add_argument("--ask", type=int, default=50, help="how many questions")
    parser.add_argument(
        "--load", type=float, default=8, help="seconds of work before the backup, and half as many after it"
    )
    arguments = parser.parse_args()
    given = [json.loads(line)["question"] for line in arguments.questions.open()] if arguments.questions else []
    with tempfile.TemporaryDirectory(prefix="cairn-drill-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        for each in ("source", "target", "samples"):
            (folder / each).mkdir()
        files = arguments.files
        if not files:
            write(folder / "samples/handbook.pdf")
            files = [folder / "samples/handbook.pdf"]
        source, target = KINDS[arguments.source](folder / "source"), KINDS[arguments.target](folder / "target")
        try:
            report = drill(source, target, folder, files, given, arguments.ask, arguments.load)
        finally:
            source.stop()
            target.stop()
    print(json.dumps(report, indent=1))
    sys.exit(0 if report["whole"] else 1)


def drill(
    source: System, target: System, folder: Path, files: list[Path], given: list[str], ask: int, load_s: float
) -> dict[str, Any]:
    source.start()
    people = People.of(source)
    with people.at(source.url) as clients:
        _say("taking documents in ...")
        began = time.monotonic()
        archive = _archive(clients, folder / "samples", files)
        taken_in_s = time.monotonic() - began
        before = seen.look(clients, archive)
        questions = seen.questions(before, given, ASKED_BY, ask)
        first = seen.answers(clients, questions)
        audit_before = {who: len(seen.audit_lines(clients[who])) for who in ("admin", "rival")}

        _say("people work, and the backup is made ...")
        desk = Desk(people, source.url, questions)
        with desk:
            time.sleep(load_s)
            began = time.monotonic()
            backup = Path(str(source.cairn("backup", str(folder / "backups"))["folder"]))
            ended = time.monotonic()
            time.sleep(load_s / 2)
            audit = {who: seen.audit_lines(clients[who]) for who in ("admin", "rival")}
            died = desk.end_with(source.destroy)

    _say("everything is gone; restoring ...")
    restoring = time.monotonic()
    target.prepare()
    target.cairn("restore", str(backup))
    restored = time.monotonic()
    again = Path(str(target.cairn("backup", str(folder / "again"))["folder"]))
    copied = time.monotonic()  # is no part of a recovery
    target.start()
    ready = time.monotonic()
    with people.at(target.url) as clients:
        seen.answers(clients, questions[:1])
        answering = time.monotonic()
        for who in ("admin", "rival"):
            seen.settled(clients[who])
        settled = time.monotonic()
        after, second = seen.look(clients, archive), seen.answers(clients, questions)
        chains = {
            who: target.cairn("audit", "verify", "--public-key", _public_key(backup), key=people.keys[who])
            for who in ("admin", "rival")
        }
        kept = {who: seen.audit_lines(clients[who]) for who in ("admin", "rival")}
        acts = seen.cut(desk.acts, began, ended, clients["desk"])
    manifest = json.loads((backup / "manifest.json").read_text())
    known = {version: sha256 for versions in archive.versions.values() for version, sha256 in versions}
    problems = {
        "audit": [each for chain in chains.values() for each in chain["problems"]]
        + [who for who in audit if not _continues(audit[who], kept[who], audit_before[who])],
        "acts": acts.wrong,
        "answers": [
            {
                "asked": questions[at],
                **{name: (each[name], second[at][name]) for name in each if each[name] != second[at][name]},
            }
            for at, each in enumerate(first)
            if each != second[at]
        ],
        "files": seen.files_that_differ(backup, again) + [id_ for id_ in known if after["files"][id_] != known[id_]],
        "rows": seen.rows_that_differ(backup, again),
        "seen": [what for what in before if before[what] != after[what]],
        "work": [what for what in desk.outcomes if not what.endswith(_ANSWERED)],
    }
    return {
        "from": source.kind,
        "into": target.kind,
        "archive": {
            "documents": len(archive.owners),
            "versions": len(known),
            "chunks": sum(map(len, before["chunks"].values())),
            "taken_in_s": round(taken_in_s, 1),
        },
        "work": dict(sorted(desk.outcomes.items())),
        "backup": {
            "seconds": round(ended - began, 1),
            "megabytes": round(sum(path.stat().st_size for path in backup.rglob("*") if path.is_file()) / 1e6, 1),
            "rows": sum(manifest["rows"].values()),
            "audit_rows": manifest["rows"]["audit_rows"],
            "files": sum(name.startswith("files/") for name in manifest["sha256"]),
            "vectors": sum(manifest["vectors"].values()),
        },
        "recovery": {
            "restore_s": round(restored - restoring, 1),
            "start_s": round(ready - copied, 1),
            "answering_s": round(answering - restoring - (copied - restored), 1),
            "settled_s": round(settled - restoring - (copied - restored), 1),
            "of_the_backup_s": round(died - began, 1),  # what was done in them is not in it, or only in part
        },
        "acts": {"there": acts.there, "after_the_backup": acts.gone},
        "answers": {"asked": len(questions), "the_same": len(questions) - len(problems["answers"])},
        "abstained": sum(bool(each["abstained"]) for each in first),
        "audit_rows": {who: chain["rows"] for who, chain in chains.items()},
        "load_average": round(os.getloadavg()[0], 1),
        "problems": problems,
        "whole": not any(problems.values()),
    }


def _archive(clients: dict[str, Any], samples: Path, files: list[Path]) -> seen.Archive:
    """Documents of both tenants, and then, when those are read, second versions of some."""
    archive, again = seen.Archive(), []
    for number, path in enumerate([*files, *notes(samples, 12)]):
        who = "rival" if number % 5 == 4 else "ada"
        readers = "everyone" if who == "rival" else READERS[number % len(READERS)]
        id_ = archive.take_in(clients[who], who, path, path.read_bytes(), readers=readers)
        if number % 4 == 1 and path.suffix == ".md":
            again.append((who, path, id_))
    for who in ("admin", "rival"):
        seen.settled(clients[who])
    for who, path, id_ in again:
        content = path.read_bytes() + b"\nThe house was painted since.\n"
        archive.take_in(clients[who], who, path, content, document_id=id_)
    for who in ("admin", "rival"):
        seen.settled(clients[who])
    return archive


def _continues(before: list[str], after: list[str], least: int) -> bool:
    """Whether the restored log holds the first rows of the lost one, all that were there before the backup, and then its own."""
    shared = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), None)
    return min(len(before), len(after)) >= least and (shared is None or shared >= least)


def _public_key(backup: Path) -> str:
    return str(json.loads((backup / "manifest.json").read_text())["public_key"])


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
