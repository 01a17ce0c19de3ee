"""What the site makes of the pages that readers of the repository see as they are."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#:]+)(#[^)]*)?\)")


def on_config(config: Any) -> Any:
    """A folder in the navigation stands for its pages, in order; what it does not name is explanation."""
    docs = Path(config["docs_dir"])
    config["nav"] = [_expanded(docs, item) for item in config["nav"]]
    (explanation,) = (item["Explanation"] for item in config["nav"] if "Explanation" in item)
    named = str(config["nav"])
    pages = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    explanation += [page for page in pages if f"'{page}'" not in named]
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A link to a file of the repository that is no page of the site is its name."""

    def kept(match: re.Match[str]) -> str:
        text, target = match[1], match[2]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), target))
        if not path.startswith("../"):
            return match[0]
        name = path.removeprefix("../")
        return text if text.strip("`") == name else f"{text} (`{name}`)"

    return _LINK.sub(kept, markdown)


def _expanded(docs: Path, item: Any) -> Any:
    if isinstance(item, dict):
        ((title, inside),) = item.items()
        if isinstance(inside, str) and inside.endswith("/"):
            return {title: [f"{inside}{path.name}" for path in sorted((docs / inside).glob("*.md"))]}
    return item
