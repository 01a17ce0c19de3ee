"""What this tree is made of, looked at without a network: installed packages are the locked ones, and no file holds a secret.

With `--advisories`, pip-audit (installed beside: `pip install pip-audit`) asks its database about every locked package.
Exit code 1 where something is wrong. Secrets that are made up for tests are named in `_MADE_UP`, file by file.

    .venv/bin/python -m scripts.supply [--advisories]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).parents[1]
_LOCKED = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))?(?: \\)?$", re.MULTILINE
)
_SECRETS = {
    "private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{60,}"),
    "API key of Cairn": re.compile(rb"\bcairn_sk_[A-Za-z0-9_-]{43}\b"),
    "access key of AWS": re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "token of GitHub": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b"),
    "token of Slack": re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "key of OpenAI or Anthropic": re.compile(rb"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}"),
    "key of Google": re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b"),
    "token": re.compile(rb"\beyJ[A-Za-z0-9_-]{30,}\.eyJ[A-Za-z0-9_-]{30,}\.[A-Za-z0-9_-]{30,}"),
}
_MADE_UP: frozenset[str] = frozenset()
_NORMAL = re.compile(r"[-_.]+")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--advisories", action="store_true")
    given = parser.parse_args()
    wrong = [*strangers(), *secrets()]
    print("\n".join(wrong) or "Installed packages are the locked ones; no file holds a secret.")
    code = 1 if wrong else 0
    if given.advisories:
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / "requirements.lock"), "--disable-pip"]
        code |= subprocess.run([*command, "--require-hashes"], check=False).returncode
    return code


def strangers() -> Iterator[str]:
    """Packages that are installed in another version than the lock's, or not at all."""
    text = (ROOT / "requirements-dev.lock").read_text()
    locked = {
        _normal(found["name"]): found["version"]
        for found in _LOCKED.finditer(text)
        if found["marker"] is None or Marker(found["marker"]).evaluate()
    }
    installed = {_normal(each.name): each.version for each in metadata.distributions()}
    for name, version in locked.items():
        if (found := installed.get(name)) != version:
            yield f"{name}: {found or 'nothing'} is installed, {version} is locked"


def secrets() -> Iterator[str]:
    """Of the files that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        path = ROOT / name
        if name in _MADE_UP or not path.is_file():
            continue
        content = path.read_bytes()
        for kind, pattern in _SECRETS.items():
            if found := pattern.search(content):
                line = content.count(b"\n", 0, found.start()) + 1
                yield f"{name}:{line}: this looks like a {kind}"


def _normal(name: str) -> str:
    return _NORMAL.sub("-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
