"""What the console must never do with text and keys, and that anybody can use it: keyboard, phone, light and dark."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.events import ReasoningDelta, TextDelta

from ..served import KEY, endpoint, eventually, stopped_clock
from .browser import Browse, Visit

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.external("chromium")]

CANARY = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
LONG = f"A word: {'x' * 300}\n\n```python\n{'y = 1; ' * 60}\n```\n\n- one\n- two `{'z' * 200}`\n\n# Heading\n\nEnd."
SCREENSHOTS = Path(__file__).parents[4] / ".cache" / "screenshots"


async def width(page: Page) -> int:
    return int(await page.evaluate("() => document.documentElement.scrollWidth"))


async def test_markup_stays_text_wherever_it_comes_from(browse: Browse) -> None:
    script = [ReasoningDelta(text=CANARY), *answer(f"{CANARY}\n\n- {CANARY}\n\n```\n{CANARY}\n```", model=CANARY)]
    refused = [ProviderRejected("ollama", CANARY)]
    states = [endpoint("gemini", unusable=CANARY), endpoint("ollama")]
    visit = await browse(ScriptedChatModel(stopped_clock(), script, refused), endpoints=states)
    page = visit.page
    listed = {"id": CANARY, "owned_by": CANARY, "locality": CANARY}
    await visit.answers("/v1/models", {"data": [listed]})
    await visit.answers("/api/v1/requests/*", {CANARY: [CANARY, {"deep": CANARY}]})
    await visit.unlock()

    await visit.ask(CANARY)
    await expect(page.locator(".facts")).to_have_count(1)
    await page.locator(".facts summary").click()
    await page.locator(".record button").click()
    await page.locator(".thinking summary").click()
    await page.locator("#hint").select_option("online")
    await page.locator("#explain").click()
    await expect(page.locator("#plan .skips")).to_contain_text(CANARY)
    await visit.ask(f"{CANARY} again")

    await expect(page.locator(".failed")).to_contain_text(CANARY)
    for place in (
        ".question >> nth=0",
        ".answer > p",
        ".answer li",
        ".answer pre",
        ".thinking",
        ".facts .table",
        ".record",
    ):
        await expect(page.locator(place).first).to_contain_text(CANARY)
    await expect(page.locator("#model")).to_contain_text(CANARY)
    await expect(page.locator("img")).to_have_count(1)
    assert await page.evaluate("() => [window.pwned, document.scripts.length]") == [None, 1]


async def test_markup_in_a_problem_stays_text(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    problem = {"status": 400, "code": CANARY, "detail": CANARY, "request_id": CANARY}
    await visit.answers("/api/v1/chat", problem | {"errors": [{"path": CANARY, "message": CANARY}]}, status=400)
    await visit.unlock()

    await visit.ask()

    for place in (".failed .detail", ".failed li", ".failed .code"):
        await expect(visit.page.locator(place)).to_contain_text(CANARY)
    assert await visit.page.evaluate("() => window.pwned") is None


async def test_the_page_asks_for_a_key_and_forgets_it(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock()))
    page = visit.page
    sent: list[str | None] = []
    page.on("request", lambda request: sent.append(request.headers.get("x-api-key")) if "/v1/" in request.url else None)
    await visit.ask()
    await expect(page.locator("#key-error")).to_have_text("Enter a key first.")
    assert sent == []

    await visit.unlock()
    await visit.ask()
    await expect(page.locator(".facts")).to_have_count(1)
    assert KEY in sent
    await page.locator("#forget").click()
    sent.clear()
    await visit.ask("Again")

    await expect(page.locator("#key-error")).to_have_text("Enter a key first.")
    assert sent == []
    await page.reload()
    await expect(page.locator("#key-form")).to_be_visible()


async def test_the_policy_is_in_force(browse: Browse) -> None:
    """Or the tests that find no violation would find none of anything."""
    visit = await browse(ScriptedChatModel(stopped_clock()))

    await visit.page.evaluate(
        "() => { document.body.append(Object.assign(document.createElement('img'), {src: '//x/'})) }"
    )
    sink = "() => { try { document.body.innerHTML = '<p>x</p>'; return 'set' } catch (error) { return error.name } }"

    assert await visit.page.evaluate(sink) == "TypeError"
    await eventually(lambda: visit.refusals)
    assert "Content Security Policy" in " ".join(visit.refusals)
    visit.refusals.clear()
    visit.requests[:] = [url for url in visit.requests if url != "http://x/"]


async def test_the_keyboard_is_enough(browse: Browse) -> None:
    model = ScriptedChatModel(stopped_clock(), answer("Yes."), [TextDelta(text="One"), Wait(1_000)])
    visit = await browse(model)
    page, keyboard = visit.page, visit.page.keyboard

    async def tab_to(id: str) -> None:
        for _ in range(20):
            await keyboard.press("Tab")
            outline = "() => [document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle]"
            focused, style = await page.evaluate(outline)
            composer = "() => getComputedStyle(document.querySelector('.composer')).borderColor"
            assert style != "none" or (focused == "prompt" and await page.evaluate(composer) == "rgb(31, 111, 92)")
            if focused == id:
                return
        pytest.fail(f"no way to #{id}")

    await tab_to("key")
    await keyboard.type(KEY)
    await keyboard.press("Enter")
    await expect(page.locator("#prompt")).to_be_focused()
    await keyboard.type("One line")
    await keyboard.press("Shift+Enter")
    await keyboard.type("and another")
    await keyboard.press("Enter")
    await expect(page.locator(".answer")).to_have_text("Yes.")
    assert model.calls[0].request.messages[-1].content[0].text == "One line\nand another"  # type: ignore[union-attr]
    await keyboard.type("More")
    await keyboard.press("Enter")
    await expect(page.locator(".answer >> nth=1")).to_have_text("One")
    await keyboard.press("Escape")
    await expect(page.locator(".turn .note")).to_contain_text("Stopped")
    await tab_to("explain")
    await keyboard.press("Enter")
    await expect(page.locator("#plan")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_nothing_is_wider_than_a_phone(browse: Browse, path: str) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock(), answer(LONG)), look=PHONE, path=path)
    assert await width(visit.page) == 360
    if path == "/docs":
        return
    await visit.unlock()
    await visit.ask("w" * 200)
    await expect(visit.page.locator(".facts")).to_have_count(1)
    await visit.page.locator(".facts summary").click()
    await visit.page.locator("#explain").click()
    await expect(visit.page.locator("#plan")).to_be_visible()

    assert await width(visit.page) == 360


async def converse(visit: Visit) -> None:
    await visit.unlock()
    await visit.ask("What does a gateway do for its clients?")
    await expect(visit.page.locator(".facts")).to_have_count(1)
    await visit.page.locator(".facts summary").click()


@pytest.mark.parametrize(
    ("name", "look", "dark"),
    [
        ("light", {"color_scheme": "light"}, False),
        ("dark", {"color_scheme": "dark"}, True),
        ("phone", PHONE | {"color_scheme": "light"}, False),
    ],
)
async def test_it_follows_the_colours_that_are_preferred(
    browse: Browse, name: str, look: dict[str, object], dark: bool
) -> None:
    """Leaves pictures of itself to be looked at."""
    visit = await browse(ScriptedChatModel(stopped_clock(), answer("It plans, **limits** and remembers.")), look=look)
    await converse(visit)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    picture = await visit.page.screenshot(path=SCREENSHOTS / f"console-{name}.png")

    assert picture.startswith(b"\x89PNG")
    colours = "() => ['color', 'backgroundColor'].map((of) => getComputedStyle(document.body)[of].match(/\\d+/g))"
    ink, paper = await visit.page.evaluate(colours)
    assert (sum(map(int, ink)) > sum(map(int, paper))) is dark


async def test_motion_stops_for_who_wants_none(browse: Browse) -> None:
    visit = await browse(ScriptedChatModel(stopped_clock(), [Wait(1_000)]), look={"reduced_motion": "reduce"})
    await visit.unlock()
    await visit.ask()

    moving = "() => getComputedStyle(document.querySelector('.pulse')).animationName"

    assert await visit.page.evaluate(moving) == "none"
