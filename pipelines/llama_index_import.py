"""LlamaIndex beside a package of ours that has the name of one of its own.

llama_index.core imports the top-level package `workflows` of the distribution llama-index-workflows, and Cairn has a top-level
package `workflows` too. Whichever is first on the path hides the other. This loads LlamaIndex with its own in
place and then puts ours back; what LlamaIndex took from its package it keeps.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_NAME = "workflows"


def import_llama_index() -> None:
    """Makes `import llama_index.core` and what it loads work from here on. Not for two threads at once."""
    if "llama_index.core" in sys.modules:
        return
    ours = _take_out()
    try:
        _load_theirs()
        importlib.import_module("llama_index.core")
    finally:
        _take_out()
        sys.modules.update(ours)


def _take_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == _NAME or name.startswith(f"{_NAME}.")]
    return {name: sys.modules.pop(name) for name in names}


def _load_theirs() -> None:
    source = Path(str(distribution("llama-index-workflows").locate_file(f"{_NAME}/__init__.py")))
    spec = spec_from_file_location(_NAME, source, submodule_search_locations=[str(source.parent)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{source} is not a package")
    sys.modules[_NAME] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[_NAME])
