"""Every page that is made from code is what the code makes of it."""

from pathlib import Path

import pytest

from llm_gateway.bootstrap.generated import PAGES, write_pages

ROOT = Path(__file__).parents[3]
MADE_FROM_CODE = "by `just generate`"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_not_stale(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert PAGES[name](text) == text, "run `just generate`"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_stale_is_written_again(name: str, tmp_path: Path) -> None:
    for each in PAGES:
        (tmp_path / each).parent.mkdir(exist_ok=True)
        (tmp_path / each).write_text((ROOT / each).read_text(encoding="utf-8"), encoding="utf-8")
    text = (tmp_path / name).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines(keepends=True) if line.startswith(("| `", "#"))]
    (tmp_path / name).write_text(text.replace(rows[-1], ""), encoding="utf-8")
    assert PAGES[name]((tmp_path / name).read_text(encoding="utf-8")) == text
    write_pages(tmp_path)
    assert {each: (tmp_path / each).read_text(encoding="utf-8") for each in PAGES} == {
        each: (ROOT / each).read_text(encoding="utf-8") for each in PAGES
    }


def test_every_page_that_says_so_is_one() -> None:
    saying = {path.name for path in (ROOT / "docs").glob("*.md") if MADE_FROM_CODE in path.read_text(encoding="utf-8")}
    assert saying == {Path(name).name for name in PAGES if name.startswith("docs/")}
