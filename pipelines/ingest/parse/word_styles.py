"""Paragraph styles of a Word document: which are headings, of which level (WordprocessingML, ECMA-376 part 1, 17.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_DEEPEST = 6
_BODY_TEXT = 9  # the outline level of what is no heading (17.3.1.20)
_CODE_NAME = re.compile(r"(?:source |program )?code(?: block)?|(?:html )?preformatted(?: text)?|listing", re.IGNORECASE)
_HEADING_NAME = re.compile(r"heading ([1-9])", re.IGNORECASE)


class Styles:
    """Of a document's part of styles, or of a document without one."""

    def __init__(self, root: Element | None) -> None:
        found = () if root is None else root.iter(f"{W}style")
        self._styles = {
            style.get(f"{W}styleId", ""): style for style in found if style.get(f"{W}type", "paragraph") == "paragraph"
        }

    def bases(self, style_id: str) -> Iterator[Element]:
        """The style, the one it is based on, and so on."""
        seen: list[Element] = []
        at = self._styles.get(style_id)
        while at is not None and at not in seen:
            yield at
            seen.append(at)
            at = self._styles.get(value(at, "basedOn"))

    def level(self, style_id: str) -> int | None:
        """From 1; None of a style that is no heading."""
        for style in self.bases(style_id):
            if outline := value(style, f"pPr/{W}outlineLvl"):
                return int(outline) + 1 if outline.isdecimal() and int(outline) < _BODY_TEXT else None
            if named := _HEADING_NAME.fullmatch(value(style, "name")):
                return int(named[1])
        return None

    def rules(self) -> Iterator[str]:
        """What the styles mean, in mammoth's language."""
        for style_id, style in self._styles.items():
            name = value(style, "name")
            if not name.isprintable() or not name:
                continue
            quoted = name.replace("\\", "\\\\").replace("'", "\\'")
            if _CODE_NAME.fullmatch(name):
                yield f"p[style-name='{quoted}'] => pre:separator('\\n')"
            elif name.lower() == "title":
                yield f"p[style-name='{quoted}'] => h1.title:fresh"
            elif (level := self.level(style_id)) is not None:
                yield f"p[style-name='{quoted}'] => h{min(level, _DEEPEST)}:fresh"


def value(element: Element, path: str) -> str:
    """Of the `w:val` of what stands inside; "" where it is not there."""
    found = element.find(W + path)
    return "" if found is None else found.get(f"{W}val", "")
