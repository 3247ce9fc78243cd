"""What the console has beside the chat: settings, the request as a program, the key's latest requests."""

import ast
import asyncio
import json
import os
import re
import sys
from typing import Any

import pytest
from playwright.async_api import expect

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.bootstrap.settings import ClientSettings, Secret
from llm_gateway.domain.chat import ReasoningEffort, SystemMessage, Text
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.events import TextDelta

from ....external.environments import Environment
from ..served import KEY, chat, stopped_clock
from .browser import Browse, Visit
from .test_safety import CANARY, PHONE, width

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.external("chromium")]

NODE = Environment("node")
RUN = {
    "curl": ["sh"],
    "Python": [sys.executable, "-"],
    "JavaScript": [str(NODE.program("node")), "--input-type=module", "-"],
}
ODD = "It's \"$HOME\" `id` \\ \\n 'ü' 😀 \u2028 ${x} %s {y}\nand a second line"


def model(*scripts: Any) -> ScriptedChatModel:
    return ScriptedChatModel(stopped_clock(), *scripts)


async def test_system_text_and_parameters_go_along_and_what_is_empty_does_not(browse: Browse) -> None:
    asked = model()
    page = (visit := await browse(asked)).page
    await visit.unlock()
    await page.locator("#tune").click()
    await page.locator("#system").fill("Be short.")
    for name, value in {"temperature": "0", "max_tokens": "9", "seed": "-3", "stop": "END"}.items():
        await page.locator(f"#settings [name={name}]").fill(value)
    await page.locator("[name=reasoning_effort]").select_option("none")
    await expect(page.locator("#tune")).to_have_text("Settings (6)")

    await visit.ask("One")
    await expect(page.locator(".facts")).to_have_count(1)
    await visit.ask("Two")
    await expect(page.locator(".facts")).to_have_count(2)

    for call in asked.calls:
        request = call.request
        assert request.messages[0] == SystemMessage(content=(Text(text="Be short."),))
        assert (request.sampling.temperature, request.sampling.top_p, request.sampling.seed) == (0.0, None, -3)
        assert (request.max_tokens, request.sampling.stop) == (9, ("END",))
        assert request.reasoning_effort is ReasoningEffort.NONE
    assert [len(call.request.messages) for call in asked.calls] == [2, 4]
    await page.locator("#tune").click()
    await page.locator("#defaults").click()
    await expect(page.locator("#tune")).to_have_text("Settings")
    await visit.ask("Three")
    await expect(page.locator(".facts")).to_have_count(3)
    assert not isinstance(asked.calls[2].request.messages[0], SystemMessage)
    assert asked.calls[2].request.sampling.seed is None


async def test_a_parameter_that_is_refused_is_told_by_its_name(browse: Browse) -> None:
    page = (visit := await browse(model())).page
    await visit.unlock()
    await page.locator("#tune").click()
    await page.locator("[name=temperature]").fill("7")

    await visit.ask()

    await expect(page.locator(".failed li code")).to_have_text(["temperature"])


@pytest.mark.parametrize("language", ["curl", "Python", pytest.param("JavaScript", marks=pytest.mark.external("node"))])
async def test_the_program_sends_the_very_request(browse: Browse, language: str) -> None:
    """So the gateway answers it out of its cache. The key is no part of it."""
    asked = model(answer("First."), answer("Well."))
    page = (visit := await browse(asked)).page
    await visit.unlock()
    await page.locator("#tune").click()
    await page.locator("#system").fill(ODD)
    await page.locator("[name=temperature]").fill("0.5")
    for count, question in enumerate((ODD, "And?"), start=1):
        await visit.ask(question)
        await expect(page.locator(".facts")).to_have_count(count)

    await page.locator("#show-code").click()
    await page.get_by_role("button", name=language).click()

    program = await page.locator("#program").text_content() or ""
    assert KEY not in program
    assert (await run(language, program)).count("Well.") == 1
    assert len(asked.calls) == 2
    assert [record.cache for record in visit.served.observer.records] == ["miss", "miss", "hit"]


async def run(language: str, program: str) -> str:
    started = await asyncio.create_subprocess_exec(
        *RUN[language],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LLM_GATEWAY_API_KEY": KEY},
    )
    out, error = await started.communicate(program.encode())
    assert started.returncode == 0, error.decode()
    return out.decode()


async def test_any_body_is_written_as_each_language_has_it(browse: Browse) -> None:
    page = (await browse(model())).page
    body = {"a": [True, None, {"b": False, "c": {}}, [], "'\"\\\u2028"], "d": 0.5, "e": -3, "ü": "\x00\x1f"}
    texts = "async (body) => { const {LANGUAGES} = await import('/assets/snippets.js');"
    texts += " return Object.values(LANGUAGES).map((text) => text('', body)); }"

    curl, python, javascript = await page.evaluate(texts, body)

    assert json.loads(curl[curl.index("-d '") + 4 : curl.rindex("'")].replace("'\\''", "'")) == body
    literal = next(one for one in ast.parse(python).body if isinstance(one, ast.Assign))
    assert ast.literal_eval(literal.value) == body
    assert json.loads(javascript.partition(" = ")[2].partition(";\nconst")[0]) == body


async def test_the_program_follows_what_is_typed_and_chosen(browse: Browse) -> None:
    page = (visit := await browse(model())).page
    program = page.locator("#program")
    await page.locator("#show-code").click()
    await expect(program).to_contain_text('"content": "Hello"')

    await page.locator("#prompt").fill("Another")
    await page.locator("#hint").select_option("local")

    await expect(program).to_contain_text('"content": "Another"')
    await expect(program).to_contain_text('"model_hint": "local"')
    await expect(page.locator("#languages [aria-pressed=true]")).to_have_text("curl")
    await page.keyboard.press("Escape")
    await expect(page.locator("#code")).to_be_hidden()
    assert visit.served.observer.requests == []


async def test_the_key_s_latest_requests_are_listed_with_their_records(browse: Browse) -> None:
    other = ClientSettings(name="other", keys=(Secret("other-key-1"),))
    page = (visit := await browse(model(), clients=(other,))).page
    client = visit.served.client
    await client.post("/api/v1/chat", json=chat(), headers={"x-request-id": "mine-by-program"})
    await client.post("/api/v1/chat", json=chat(), headers={"x-request-id": "theirs", "x-api-key": "other-key-1"})
    await visit.unlock()
    await visit.ask("Mine by page")
    await expect(page.locator(".facts")).to_have_count(1)

    await page.locator("#show-requests").click()

    items = page.locator("#requests li > details")
    await expect(items).to_have_count(2)
    await expect(items.first.locator("summary")).to_have_text(re.compile("ollama/llama3.1answeredcache miss"))
    await items.nth(1).locator("summary").click()
    await expect(items.nth(1)).to_contain_text("mine-by-program")
    assert "theirs" not in await page.locator("#requests").inner_text()
    await client.post("/api/v1/chat", json=chat(model="none"))
    await page.locator("#refresh").click()
    await expect(items).to_have_count(3)
    await expect(items.first).to_contain_text("no endpoint")
    await expect(items.first.locator(".tag.bad")).to_have_text("UnknownModel")
    await page.locator("#requests-close").click()
    await expect(page.locator("#requests")).to_be_hidden()
    await expect(page.locator("#show-requests")).to_be_focused()
    assert await page.locator("#requests-list").inner_text() == ""


async def test_cost_and_queue_stand_in_the_line_where_the_record_has_them(browse: Browse) -> None:
    page = (visit := await browse(model())).page
    record = {
        "id": "r",
        "created": 0,
        "outcome": CANARY,
        "provider": CANARY,
        "model": "m",
        "cache": CANARY,
        "seconds": 1,
    }
    measured = {"cost_microdollars": 1200, "queue": {"position": 3, "seconds": 0.25}}
    unknown = {"cost_microdollars": None}
    await visit.answers("/api/v1/requests", {"requests": [record | measured, record | unknown]})
    await visit.unlock()

    await page.locator("#show-requests").click()

    figures = page.locator("#requests .figures")
    await expect(figures).to_have_text(["1.00 s in all · $0.001200 · waited 250 ms from place 3", "1.00 s in all"])
    await expect(page.locator("#requests summary").first).to_contain_text(CANARY)
    assert await page.evaluate("() => window.pwned") is None


async def test_where_nothing_is_listed_the_list_says_why(browse: Browse) -> None:
    page = (visit := await browse(model())).page
    await visit.unlock()
    await page.locator("#show-requests").click()
    await expect(page.locator("#requests .note")).to_contain_text("No request of this key is kept")
    await visit.answers("/api/v1/requests", {"detail": "no"}, status=404)
    await page.locator("#refresh").click()
    await expect(page.locator("#requests .note")).to_contain_text("keeps no list")
    await visit.answers("/api/v1/requests", {"detail": "down for now"}, status=503)
    await page.locator("#refresh").click()
    await expect(page.locator("#requests .error")).to_have_text("down for now")
    await visit.answers("/api/v1/requests", {"detail": "Invalid or missing API Key"}, status=401)
    await page.locator("#refresh").click()
    await expect(page.locator("#requests")).to_be_hidden()
    await expect(page.locator("#key-error")).to_have_text("Invalid or missing API Key")
    await expect(page.locator("#key")).to_be_focused()


async def test_closing_the_list_by_key_does_not_stop_an_answer(browse: Browse) -> None:
    page = (visit := await browse(model([TextDelta(text="One"), Wait(1_000)]))).page
    await visit.unlock()
    await visit.ask()
    await expect(page.locator(".answer")).to_have_text("One")
    await page.locator("#show-requests").click()
    await expect(page.locator("#requests")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#requests")).to_be_hidden()
    await expect(page.locator("#stop")).to_be_visible()


async def test_one_panel_is_open_at_a_time_and_gives_the_focus_back(browse: Browse) -> None:
    page = (await browse(model())).page
    for opener, panel in (("tune", "settings"), ("show-code", "code")):
        await page.locator(f"#{opener}").click()
        await expect(page.locator(f"#{opener}")).to_have_attribute("aria-expanded", "true")
        await expect(page.locator(".panel:visible")).to_have_count(1)
        await page.locator(f"#{panel} .close").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(f"#{opener}")).to_be_focused()
        await expect(page.locator(f"#{opener}")).to_have_attribute("aria-expanded", "false")


async def audited(visit: Visit) -> list[tuple[str, list[str]]]:
    """The rules of axe-core that the page breaks as it stands, with the elements."""
    found = await visit.page.evaluate("async () => (await axe.run()).violations")
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]


@pytest.mark.external("node")
@pytest.mark.parametrize(
    "look",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE | {"color_scheme": "light"}],
    ids=["light", "dark", "phone"],
)
async def test_axe_finds_no_fault_in_any_state(browse: Browse, look: dict[str, object]) -> None:
    axe = (NODE.place / "node_modules" / "axe-core" / "axe.min.js").read_text()
    prose = "# Title\n\n`x` and **y**\n\n1. one\n\n```py\na = 1\n```"
    look = look | {"reduced_motion": "reduce"}  # an element that fades in has no contrast yet
    page = (visit := await browse(model(answer(prose), [ProviderRejected("ollama", "no")]), look=look)).page
    await page.evaluate(axe)
    assert await audited(visit) == []
    await visit.unlock()
    await visit.ask()
    await expect(page.locator(".facts")).to_have_count(1)
    await page.locator(".facts summary").click()
    await page.locator(".record button").click()
    await expect(page.locator(".record h4")).to_be_visible()
    await visit.ask("Refused")
    await expect(page.locator(".failed")).to_be_visible()
    assert await audited(visit) == []
    for opener in ("tune", "show-code", "explain"):
        await page.locator(f"#{opener}").click()
        await expect(page.locator(f"#{opener}")).to_have_attribute("aria-expanded", "true")
        assert await audited(visit) == []
        assert await width(page) <= (visit.page.viewport_size or {"width": 0})["width"]
    await page.locator("#show-requests").click()
    await page.locator("#requests summary").first.click()
    assert await audited(visit) == []
    await page.goto(f"{visit.origin}/docs")
    some = "() => document.querySelectorAll('section').forEach((one, at) => at % 20 && one.remove())"
    await page.evaluate(some)  # all are made alike, and take axe ten seconds
    await page.evaluate(axe)
    assert await audited(visit) == []
