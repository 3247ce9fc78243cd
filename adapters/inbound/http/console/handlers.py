"""The console at `/`: one page, whose files stand in the folder `page` beside this module."""

from pathlib import Path
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from ..common.pages import page_reply
from ..common.replies import Reply
from ..common.request_context import context_of

_PAGE = Path(__file__).with_name("page")
_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}


class ConsoleHandlers:
    """Reads its files once. `assets` are the paths of what belongs to the page: scripts, styles, pictures."""

    def __init__(self) -> None:
        files = {
            file.name: page_reply(file.read_bytes(), _TYPES[file.suffix])
            for file in sorted(_PAGE.iterdir())
            if file.suffix in _TYPES
        }
        self.page = files.pop("index.html")
        self._replies = {f"/assets/{name}": reply for name, reply in files.items()}
        self.assets = list(self._replies)

    def asset(self, path: str) -> Reply:
        return self._replies[path]


def console_handlers(handlers: ConsoleHandlers) -> list[HTTPRouteHandler]:
    @HTTPRouteHandler("/", http_method=["GET", "HEAD"])
    async def console(request: Request[Any, Any, Any]) -> ASGIApp:
        context_of(request.scope).route = "/"
        return handlers.page

    @HTTPRouteHandler(handlers.assets, http_method=["GET", "HEAD"])
    async def asset(request: Request[Any, Any, Any]) -> ASGIApp:
        context_of(request.scope).route = "/assets"
        return handlers.asset(request.scope["path"])

    return [console, asset]
