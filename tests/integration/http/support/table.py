"""The README's table of what each surface gives of each provider, as cells."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from ...project.documents import ROOT

PROVIDERS: Final = ("gemini", "ollama", "openai", "embedded")
"""In the order of the marks in a cell."""
WORKS, REFUSED, NAMED = "✓", "\N{EN DASH}", "○"
_ROW: Final = re.compile(r"^\| .*?`(?P<path>/[^`]+)`[^|]*\|(?P<cells>(?: [^ |]{4} \|)+)$", re.MULTILINE)
_HEAD: Final = re.compile(r"^\| surface \| (?P<features>.+) \|$", re.MULTILINE)


class Cell(Struct, frozen=True):
    """`path` is where the surface is asked for a chat."""

    path: str
    provider: str
    feature: str
    mark: str


def features() -> Sequence[str]:
    found = _HEAD.search((ROOT / "README.md").read_text())
    assert found is not None
    return found["features"].split(" | ")


def cells() -> Iterator[Cell]:
    for row in _ROW.finditer((ROOT / "README.md").read_text()):
        for feature, marks in zip(features(), row["cells"].split("|"), strict=False):
            for provider, mark in zip(PROVIDERS, marks.strip(), strict=True):
                yield Cell(row["path"], provider, feature, mark)
