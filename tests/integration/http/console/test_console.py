"""The console as a person uses it, in a real browser."""

import re

import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.bootstrap.settings import PriceSettings
from llm_gateway.domain.chat import AssistantMessage, FinishReason, Text, Usage
from llm_gateway.domain.events import Finished, ReasoningDelta, TextDelta
from llm_gateway.domain.routing import Feature

from ..served import endpoint, eventually, stopped_clock
from .browser import Browse

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.external("chromium")]

END = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2), model="scripted-1")
NEVER = Wait(1_000)


async def test_an_answer_is_seen_as_it_comes_and_then_what_was_done_for_it(browse: Browse) -> None:
    clock = stopped_clock()
    thought = ReasoningDelta(text="Counting.")
    visit = await browse(
        ScriptedChatModel(clock, [thought, TextDelta(text="One"), Wait(1), TextDelta(text=" two"), END])
    )
    page = visit.page
    await visit.unlock()

    await visit.ask("Count")

    await expect(page.locator(".answer")).to_have_text("One")
    await expect(page.locator(".answer")).to_have_attribute("aria-busy", "true")
    await expect(page.locator("#stop")).to_be_visible()
    await clock.advance(1)
    await expect(page.locator(".answer")).to_have_text("One two")
    await expect(page.locator(".answer")).to_have_attribute("aria-busy", "false")
    await expect(page.locator("#send")).to_be_visible()
    await expect(page.locator(".facts summary")).to_contain_text("ollama/llama3.1")
    for words in ("on premises", "cache miss", "3 + 2 tokens", "first token", "in all"):
        await expect(page.locator(".facts summary")).to_contain_text(words)
    await page.locator(".facts summary").click()
    await expect(page.locator(".facts .table")).to_contain_text("as scripted-1")
    await expect(page.locator(".facts .table")).to_contain_text(f"Request id{visit.served.observer.requests[0].id}")
    await expect(page.locator("#quota")).to_have_text("999,999 of 1,000,000 requests left")
    await expect(page.locator(".thinking")).to_be_visible()


@pytest.mark.parametrize("how", ["button", "escape"])
@pytest.mark.parametrize("begun", [[], [TextDelta(text="One")]], ids=["waiting", "streaming"])
async def test_stopping_closes_the_call(browse: Browse, how: str, begun: list[TextDelta]) -> None:
    model = ScriptedChatModel(stopped_clock(), [*begun, NEVER])
    visit = await browse(model)
    await visit.unlock()
    await visit.ask()
    await eventually(lambda: model.open_calls)
    if begun:
        await expect(visit.page.locator(".answer")).to_have_text("One")

    await (visit.page.locator("#stop").click() if how == "button" else visit.page.keyboard.press("Escape"))

    await expect(visit.page.locator(".turn .note")).to_contain_text("Stopped")
    await eventually(lambda: not model.open_calls and visit.served.observer.records)
    assert [record.left for record in visit.served.observer.records] == [True]


async def test_the_conversation_goes_along_and_a_repeated_question_is_answered_from_the_cache(browse: Browse) -> None:
    model = ScriptedChatModel(stopped_clock(), answer("Yes."), answer("Indeed."))
    visit = await browse(model)
    page = visit.page
    await visit.unlock()
    await visit.ask("Is it?")
    await expect(page.locator(".facts")).to_have_count(1)
    await visit.ask("Really?")
    await expect(page.locator(".facts")).to_have_count(2)
    assert [type(message).__name__ for message in model.calls[1].request.messages] == [
        "UserMessage",
        "AssistantMessage",
        "UserMessage",
    ]
    said = model.calls[1].request.messages[1]
    assert isinstance(said, AssistantMessage)
    assert said.content == (Text(text="Yes."),)

    await page.locator("#fresh").click()
    await visit.ask("Is it?")

    await expect(page.locator(".facts summary")).to_contain_text("cache hit")
    await expect(page.locator(".answer")).to_have_text("Yes.")
    assert len(model.calls) == 2
    await page.locator(".facts summary").click()
    await expect(page.locator(".facts .table")).to_contain_text("Cost$0Ended")


@pytest.mark.parametrize(
    ("prices", "shown"),
    [
        ((PriceSettings(provider="ollama", names=("*",), input=2, output=5.5),), "Cost$0.000017Ended"),
        ((), "Costunknown"),
    ],
    ids=["known", "unknown"],
)
async def test_what_a_streamed_answer_cost_is_shown(
    browse: Browse, prices: tuple[PriceSettings, ...], shown: str
) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock(), [TextDelta(text="Yes."), END]), prices=prices)
    await visit.unlock()
    await visit.ask("Is it?")
    await visit.page.locator(".facts summary").click()
    await expect(visit.page.locator(".facts .table")).to_contain_text(shown)


async def test_an_answer_that_begins_late_is_told_as_its_end_tells_it(browse: Browse) -> None:
    """Its status line went out before anybody knew who would answer."""
    clock = stopped_clock()
    visit = await browse(ScriptedChatModel(clock, [Wait(1), *answer("Late.")]), pace=Pace(keep_alive=0.02))
    await visit.unlock()
    async with visit.page.expect_response("**/api/v1/chat"):
        await visit.ask()

    await clock.advance(1)

    await expect(visit.page.locator(".answer")).to_have_text("Late.")
    await expect(visit.page.locator(".facts summary")).to_contain_text("ollama/scripted-1")
    await expect(visit.page.locator(".facts summary")).to_contain_text("on premises")


async def test_lists_headings_and_code_are_shown_as_such(browse: Browse) -> None:
    text = "# Title\n\nSee `x` and **y**:\n\n1. one\n   more\n2. two\n\n```py\na = 1\n\nb = 2\n```\n~~~\nnever closed"
    visit = await browse(ScriptedChatModel(stopped_clock(), answer(text)))
    page = visit.page
    await visit.unlock()
    await visit.ask()
    await expect(page.locator(".facts")).to_have_count(1)

    await expect(page.locator(".answer h3")).to_have_text("Title")
    await expect(page.locator(".answer p > *")).to_have_text(["x", "y"])
    assert await page.locator(".answer li").all_inner_texts() == ["one\nmore", "two"]
    assert await page.locator(".answer pre").all_inner_texts() == ["a = 1\n\nb = 2", "never closed"]


async def test_explain_shows_the_plan_and_what_was_left_out(browse: Browse) -> None:
    states = [
        endpoint("gemini", unusable="it does not answer"),
        endpoint("ollama", without=frozenset({Feature.IMAGES})),
    ]
    visit = await browse(ScriptedChatModel(stopped_clock()), endpoints=states)
    await visit.unlock()
    await visit.page.locator("#hint").select_option("online")

    await visit.page.locator("#explain").click()

    await expect(visit.page.locator("#plan .steps li")).to_have_text(
        re.compile("ollama/llama3.1.*on premises.*healthy")
    )
    await expect(visit.page.locator("#plan .skips")).to_contain_text("it does not answer")
    await visit.page.keyboard.press("Escape")
    await expect(visit.page.locator("#plan")).to_be_hidden()


@pytest.mark.parametrize("kept", [True, False])
async def test_the_decision_record_is_fetched_on_demand(browse: Browse, kept: bool) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    attempt = {"seconds": 0.25004, "error": None, "usage": {"prompt_tokens": 3, "total_tokens": 5}}
    record = {"id": "r", "created": 0, "hint": None, "plan": ["a/b", "c/d"], "skipped": [], "attempts": [attempt]}
    await visit.answers("/api/v1/requests/*", record if kept else {"detail": "no"}, status=200 if kept else 404)
    await visit.unlock()
    await visit.ask()
    await visit.page.locator(".facts summary").click()

    await visit.page.locator(".record button").click()

    if not kept:
        await expect(visit.page.locator(".record")).to_contain_text("keeps no decision record")
        return
    rows = ["id", "created", "plan", "skipped", "attempts"]
    await expect(visit.page.locator(".record > div > dl > dt")).to_have_text(rows)
    for words in ("a/b, c/d", "none", "seconds0.25usageprompt tokens 3 · total tokens 5", "19"):
        await expect(visit.page.locator(".record")).to_contain_text(words)


async def test_a_demonstration_is_labelled_wherever_it_shows(browse: Browse) -> None:
    state = replace(endpoint("ollama"), demonstration=True)
    visit = await browse(ScriptedChatModel(stopped_clock()), endpoints=[state])
    await expect(visit.page.locator("#state")).to_contain_text("demonstration model")
    await visit.unlock()
    await visit.ask()

    await expect(visit.page.locator(".facts summary")).to_contain_text("demonstration")
    await expect(visit.page.locator("#model")).to_contain_text("demonstration")
    await visit.page.locator("#explain").click()
    await expect(visit.page.locator("#plan")).to_contain_text("demonstration")


async def test_a_demonstration_that_can_not_be_used_is_told_as_that(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    absent = {
        "name": "embedded/embedded",
        "usable": False,
        "locality": "on_premises",
        "demonstration": True,
        "reason": "not installed",
    }
    await visit.answers("/health/ready", {"status": "no_endpoint", "endpoints": [absent], "stores": []}, 503)
    await visit.page.reload()
    await expect(visit.page.locator("#state")).to_have_text("no endpoint is usable")


async def test_the_console_and_the_documentation_lead_to_each_other(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))

    await visit.page.get_by_role("link", name="API docs").click()
    await expect(visit.page.get_by_role("heading", level=1)).to_contain_text("LLM Gateway Core")
    await visit.page.get_by_role("link", name="ChatBody").first.click()
    await expect(visit.page.locator("#ChatBody")).to_be_in_viewport()
    await visit.page.get_by_role("link", name="Console").click()

    await expect(visit.page.locator("#key")).to_be_visible()
