"""Copies of what the package is made of, where a build or a test may write beside it."""

import shutil
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
LAYERS: Final = ("domain", "application", "adapters", "bootstrap")
_FILES: Final = ("pyproject.toml", "README.md", "LICENSE")


def copy_sources(folder: Path) -> Path:
    """The folder itself, which may exist: two builds of one tree at a time spoil each other's lists of files."""
    for name in (*LAYERS, "src"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignore)
    for name in _FILES:
        shutil.copy(ROOT / name, folder)
    return folder
