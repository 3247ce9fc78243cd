"""What is chosen in the console, and what it says of requests that are refused."""

import re

import pytest
from playwright.async_api import expect

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Step, answer
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import TextDelta
from llm_gateway.domain.routing import Hint

from ..served import stopped_clock
from .browser import Browse

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.external("chromium")]


async def test_hint_model_and_cache_are_what_is_chosen(browse: Browse) -> None:
    gemini, ollama = ScriptedChatModel(stopped_clock()), ScriptedChatModel(stopped_clock())
    visit = await browse(ollama, gemini)
    page = visit.page
    await visit.unlock()
    await page.locator("#model").select_option("gemini/gemini-flash-latest")
    await page.locator("#hint").select_option("fast")
    await page.locator("#cache").select_option("bypass")

    await visit.ask()

    await expect(page.locator(".facts summary")).to_contain_text("cloud")
    await expect(page.locator(".facts summary")).to_contain_text("cache bypass")
    assert (len(gemini.calls), len(ollama.calls)) == (1, 0)
    assert visit.served.observer.records[0].hint is Hint.FAST


async def test_the_models_are_the_gateway_s_own_list_where_it_keeps_one(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    listed = {"id": "ollama/llama3.1", "owned_by": "ollama", "locality": "on_premises", "context_length": 8192}
    await visit.answers("/v1/models", {"object": "list", "data": [listed, {"id": "gemma"}]})

    await visit.unlock()

    await expect(visit.page.locator("#model option")).to_have_text(
        ["by hint", "ollama/llama3.1 (on premises, 8,192 tokens)", "gemma"]
    )


async def test_hints_in_that_list_are_no_second_way_to_say_a_hint(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    await visit.answers("/v1/models", {"data": [{"id": "secure", "owned_by": "us"}, {"id": "ollama/llama3.1"}]})

    await visit.unlock()

    await expect(visit.page.locator("#model option")).to_have_text(["by hint", re.compile("^ollama/llama3.1")])


async def test_a_refusal_is_told_with_the_time_to_wait(browse: Browse) -> None:
    limits = {"rate_limiter_capacity": 1, "rate_limiter_refill_rate": 0.01}
    visit = await browse(ScriptedChatModel(stopped_clock()), **limits)
    page = visit.page
    await visit.unlock()
    await visit.ask("One")
    await expect(page.locator(".facts")).to_have_count(1)

    await visit.ask("Two")

    await expect(page.locator(".failed .detail")).to_contain_text("Too many requests. Please wait before trying again.")
    await expect(page.locator(".failed .code")).to_contain_text("429 rate_limited")
    await expect(page.locator(".failed button")).to_have_text(re.compile(r"Try again in (9\d|100) s"))
    await expect(page.locator(".failed button")).to_be_disabled()
    await expect(page.locator("#quota")).to_have_text("0 of 1 requests left")


async def test_an_answer_that_breaks_off_is_told_and_asked_again(browse: Browse) -> None:
    broken: list[Step] = [TextDelta(text="Half"), ProviderBroken("ollama", "the answer broke off before its end")]
    visit = await browse(ScriptedChatModel(stopped_clock(), broken, answer("Whole.")))
    page = visit.page
    await visit.unlock()
    await visit.ask()
    await expect(page.locator(".failed .detail")).to_contain_text("broke off")
    await expect(page.locator(".answer")).to_have_text("Half")

    await page.locator(".failed button").click()

    await expect(page.locator(".answer")).to_have_text("Whole.")
    await expect(page.locator(".turn")).to_have_count(1)


async def test_bad_input_is_told_field_by_field(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()), ScriptedChatModel(stopped_clock()))
    await visit.unlock()
    await visit.page.locator("#model").select_option("gemini/gemini-flash-latest")
    await visit.page.locator("#hint").select_option("secure")

    await visit.ask()

    await expect(visit.page.locator(".failed li code")).to_have_text(["model"])


async def test_a_wrong_key_is_asked_for_again(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    await visit.answers("/v1/models", {}, status=404)
    await visit.unlock("wrong")

    await visit.ask()

    await expect(visit.page.locator("#key-error")).to_have_text("Invalid or missing API Key")
    await expect(visit.page.locator("#key")).to_be_focused()


@pytest.mark.parametrize(("key", "why"), [("", "Enter a key first."), ("schlüssel 1", "no spaces")])
async def test_a_key_that_can_t_be_one_is_refused_at_once(browse: Browse, key: str, why: str) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    await visit.page.locator("#key").fill(key)

    await visit.page.keyboard.press("Enter") if key else await visit.ask()

    await expect(visit.page.locator("#key-error")).to_contain_text(why)
    await expect(visit.page.locator("#key")).to_be_focused()


async def test_an_answer_without_its_end_is_told(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    half = 'event: delta\ndata: {"content": "Half"}\n\n'
    await visit.page.route("**/api/v1/chat", lambda route: route.fulfill(body=half, content_type="text/event-stream"))
    await visit.unlock()

    await visit.ask()

    await expect(visit.page.locator(".failed .detail")).to_have_text("The answer broke off before its end.")
    await expect(visit.page.locator(".answer")).to_have_text("Half")


async def test_a_gateway_that_is_away_is_told(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    await visit.unlock()
    await visit.page.route("**/api/v1/chat", lambda route: route.abort())

    await visit.ask()

    await expect(visit.page.locator(".failed .detail")).to_contain_text("be reached")
    await expect(visit.page.locator(".failed button")).to_be_enabled()
