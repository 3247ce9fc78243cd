"""How a person gets to the console and to a first answer: the key that was typed, and a path of a proxy."""

import pytest
from msgspec.structs import replace
from playwright.async_api import Route, expect

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, answer

from ..served import KEY, endpoint, stopped_clock
from .browser import Browse

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.external("chromium")]


def model() -> ScriptedChatModel:
    return ScriptedChatModel(stopped_clock(), answer("Well."))


@pytest.mark.parametrize("how", ["send", "explain"])
async def test_a_key_that_was_typed_is_used_when_something_is_asked(browse: Browse, how: str) -> None:
    visit = await browse(model())
    page = visit.page
    await page.locator("#key").fill(KEY)

    await page.locator("#prompt").fill("Hello")
    await page.locator(f"#{how}").click()

    await expect(page.locator(".answer" if how == "send" else "#plan")).to_contain_text(
        "Well." if how == "send" else "1"
    )
    await expect(page.locator("#key-form")).to_be_hidden()


async def test_a_typed_key_that_is_wrong_keeps_the_message(browse: Browse) -> None:
    visit = await browse(model())
    page = visit.page
    await page.locator("#key").fill("wrong")

    await visit.ask("A long question")

    await expect(page.locator("#key-error")).to_contain_text("Invalid")
    await expect(page.locator("#prompt")).to_have_value("A long question")


async def test_a_demonstration_has_its_key_filled_in_once(browse: Browse) -> None:
    state = replace(endpoint("ollama"), demonstration=True)
    visit = await browse(model(), endpoints=[state])
    page = visit.page

    await expect(page.locator("#key")).to_have_value("sk-gateway-123")
    await page.locator("#key").fill("")
    await visit.ask()
    await expect(page.locator("#key-error")).to_have_text("Enter a key first.")
    await expect(page.locator("#key")).to_have_value("")


async def test_no_other_gateway_has_a_key_filled_in(browse: Browse) -> None:
    visit = await browse(model())

    await expect(visit.page.locator("#state")).to_contain_text("ready")
    await expect(visit.page.locator("#key")).to_have_value("")


async def test_the_console_works_under_a_path(browse: Browse) -> None:
    """As behind a proxy that takes `/llm/` off."""
    visit = await browse(model())
    page = visit.page

    async def proxied(route: Route) -> None:
        assert route.request.url.startswith(f"{visit.origin}/llm/"), route.request.url
        await route.fulfill(response=await route.fetch(url=route.request.url.replace("/llm/", "/", 1)))

    await page.goto("about:blank")
    await page.route("**/*", proxied)
    await page.goto(f"{visit.origin}/llm/")
    await visit.unlock()
    await visit.ask()

    await expect(page.locator(".answer")).to_have_text("Well.")
    await expect(page.locator(".facts summary")).to_contain_text("ollama/llama3.1")
    await page.locator("#show-code").click()
    await expect(page.locator("#program")).to_contain_text(f"'{visit.origin}/llm/api/v1/chat'")
    await page.get_by_role("link", name="API docs").click()
    await expect(page).to_have_url(f"{visit.origin}/llm/docs")
    await expect(page.locator("h1")).to_contain_text("LLM Gateway Core")
    assert await page.evaluate("[...document.styleSheets].every(sheet => sheet.cssRules.length)")
    await page.get_by_role("link", name="Console").click()
    await expect(page).to_have_url(f"{visit.origin}/llm/")
    await expect(page.locator("#state")).to_contain_text("ready")
    await page.unroute_all(behavior="wait")
