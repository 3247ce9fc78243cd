"""The blocks of code in the documents, and a place to run them in that looks like a clone."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[3]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
)
_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>.*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
FROM_A_WHEEL = "from a wheel"
RECORDED = "recorded"
_INLINE = re.compile(r"`(\.venv/bin/llm-gateway [^`]+)`")


class Block(Struct, frozen=True):
    """`note` is the comment before it: `from: FILE` for an excerpt, `run in: ENVIRONMENT`, `client: NAME`, `from a
    wheel`, `recorded` for commands and what they printed, or `not run: REASON`.
    """

    page: str
    line: int
    language: str
    text: str
    note: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def environment(self) -> str | None:
        """The one of tests/external that it runs in; None is the project's own."""
        return self.note.removeprefix("run in: ") if self.note.startswith("run in: ") else None


def blocks() -> Iterator[Block]:
    """Every fenced block, and every command of ours that stands in a sentence."""
    for page in PAGES:
        document = (ROOT / page).read_text()
        for found in _BLOCK.finditer(document):
            line = document.count("\n", 0, found.start("language")) + 1
            yield Block(page, line, found["language"], found["text"], found["note"] or "")
        for found in _INLINE.finditer(_BLOCK.sub("", document)):
            yield Block(page, 0, "sh", found[1] + "\n", "")


def clone(folder: Path) -> Path:
    """The files that git knows or would know, and the environment that set-up made, in a folder of their own."""
    known = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, known.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    return folder
