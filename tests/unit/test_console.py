"""The console's own files: nothing from elsewhere, nothing that makes markup or script of text, no import that leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "app" / "console" / "static"
MODULES = sorted(STATIC.rglob("*.js"))
_DANGEROUS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\b|new Function"
    r"|\.style\b|\bstyle:|javascript:|dangerously"
)
_LONGEST = 300


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_makes_no_markup_of_text_and_is_short(module: Path) -> None:
    text = module.read_text()
    assert _DANGEROUS.findall(text) == []
    assert len(text.splitlines()) <= _LONGEST
    assert text.startswith("//"), "the first line says what it is for"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_imports_lead_to_what_is_exported(module: Path) -> None:
    for names, path in re.findall(
        r"(?:import|export) (?:\{([^}]*)\}|\* as \w+) from \"(\.[^\"]+)\"", module.read_text()
    ):
        target = (module.parent / path).resolve()
        assert target in MODULES, path
        exported = set(re.findall(r"export (?:async )?(?:function\*?|const|class) (\w+)", target.read_text()))
        exported |= {
            name.strip() for each in re.findall(r"export \{([^}]*)\}", target.read_text()) for name in each.split(",")
        }
        assert {name.strip() for name in names.split(",") if name.strip()} <= exported, path


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in STATIC.rglob("*"):
        if path.is_file():
            found = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", path.read_text()))
            assert found <= {"http://www.w3.org"}, path.name
