"""The console at `/`: one page, whose files stand in the folder `page` beside this module."""

from collections.abc import Mapping
from pathlib import Path

from ..common.pages import page_reply
from ..common.replies import Reply

_PAGE = Path(__file__).with_name("page")
_ASSETS = "/assets/"
_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}


def console_pages() -> Mapping[str, Reply]:
    """The page and its parts, whose files are read here, by path."""
    assets = {path: _reply(_PAGE / path.removeprefix(_ASSETS)) for path in asset_paths()}
    return {"/": _reply(_PAGE / "index.html"), **assets}


def asset_paths() -> list[str]:
    """The paths of what belongs to the page: scripts, styles, pictures."""
    files = sorted(file for file in _PAGE.iterdir() if file.suffix in _TYPES and file.name != "index.html")
    return [_ASSETS + file.name for file in files]


def _reply(file: Path) -> Reply:
    return page_reply(file.read_bytes(), _TYPES[file.suffix])
