"""The console in a real browser: Chromium without a window, and what no visit may ever see."""

import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from playwright.async_api import Browser, ConsoleMessage, Page, Route, async_playwright, expect

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel

from ...waiting import HANG_SECONDS
from ..served import KEY, MODELS, Served, serve

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WHEREVER_A_KEY_COULD_LIE = """async () => JSON.stringify([
    location.href, document.cookie, history.state, window.name,
    {...localStorage}, {...sessionStorage}, await indexedDB.databases(), await caches.keys(),
    document.documentElement.outerHTML, [...document.querySelectorAll("input, textarea")].map((field) => field.value),
])"""


expect.set_options(timeout=1000 * HANG_SECONDS)


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser, None]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


class Visit:
    """A page on a server, and what was seen of it. `models` replaces the list of models that the server tells."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page = page
        self.served = served
        self.requests: list[str] = []
        self.refusals: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._told)

    def _told(self, message: ConsoleMessage) -> None:
        """Chromium reports each broken policy here; that a request was refused is no error of the page."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.refusals.append(message.text)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.served.port}"

    async def answers(self, path: str, body: object, status: int = 200) -> None:
        """Let the browser have this answer from a path, whatever the server would say."""

        async def fulfil(route: Route) -> None:
            await route.fulfill(json=body, status=status)

        await self.page.route(f"{self.origin}{path}", fulfil)

    async def unlock(self, key: str = KEY) -> None:
        await self.page.locator("#key").fill(key)
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator("#prompt")).to_be_focused()

    async def ask(self, question: str = "Hello") -> None:
        await self.page.locator("#prompt").fill(question)
        await self.page.keyboard.press("Enter")

    async def check(self) -> None:
        assert self.errors == []
        assert self.refusals == []
        assert [url for url in self.requests if not url.startswith(f"{self.origin}/")] == []
        assert KEY not in await self.page.evaluate(WHEREVER_A_KEY_COULD_LIE)
        assert KEY not in " ".join(self.requests)


@asynccontextmanager
async def visit(
    browser: Browser, models: Sequence[ScriptedChatModel], *, path: str = "/", look: Any = None, **options: Any
) -> AsyncGenerator[Visit, None]:
    """`look` is what Playwright calls a context's options: size, colour scheme."""
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serve(dict(zip(reversed(MODELS), models, strict=False)), **options))
        context = await browser.new_context(**{"viewport": {"width": 1180, "height": 820}} | (look or {}))
        stack.push_async_callback(context.close)
        context.set_default_timeout(1000 * HANG_SECONDS)
        visit = Visit(await context.new_page(), served)
        await visit.page.goto(f"{visit.origin}{path}")
        yield visit
        await visit.check()


class Browse(Protocol):
    async def __call__(self, *models: ScriptedChatModel, **options: Any) -> Visit: ...
