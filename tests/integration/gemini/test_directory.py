"""The list of Gemini's models: what is offered, and what a refresh that fails does to it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.directory import AGAIN_SECONDS, REFRESH_SECONDS, GeminiDirectory
from llm_gateway.adapters.outbound.gemini.transport import MAX_PAGES
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain.routing import EndpointState, Feature, Locality, Task

from ..scripted_vendor import BEFORE_THE_HEAD, Answer, Cut, Reaction, whole
from .calls import KEY, client_at
from .payloads import refusal
from .server import GeminiServer

pytestmark = pytest.mark.usefixtures("carrier")


def listed(name: str, *actions: str, **more: Any) -> dict[str, Any]:
    """A model as the vendor lists it."""
    return {"name": f"models/{name}", "supportedGenerationMethods": actions or ("generateContent",), **more}


MODELS = [
    listed("gemini-2.5-pro", inputTokenLimit=1_048_576, outputTokenLimit=65_536),
    listed("gemini-flash-latest", "generateContent", "countTokens", inputTokenLimit=1_000, outputTokenLimit=100),
    listed("gemini-embedding-001", "embedContent"),
    listed("gemini-3.1-flash-tts-preview"),
    listed("gemini-3-pro-image"),
    listed("gemma-3-27b-it", newField={"of": "tomorrow"}),
]
CHATS = frozenset({Task.CHAT})
LIST = whole({"models": MODELS})
WRONG_KEY = refusal(400, {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}, status="INVALID_ARGUMENT")


@asynccontextmanager
async def directory(
    *scripts: Reaction, model: str = "gemini-flash-latest"
) -> AsyncIterator[tuple[GeminiServer, GeminiDirectory, "SleepyClock"]]:
    clock = SleepyClock()
    async with GeminiServer(*scripts).running() as server:
        client = client_at(server.url, clock, provider="google")
        made = GeminiDirectory(client, clock, model=model)
        try:
            yield server, made, clock
        finally:
            await made.aclose()
            await client.aclose()


def names(states: GeminiDirectory) -> list[str]:
    return [state.endpoint.name for state in states.snapshot()]


def default(states: GeminiDirectory) -> EndpointState:
    return states.snapshot()[0]


async def test_before_the_first_refresh_there_is_the_configured_model() -> None:
    async with directory(LIST) as (server, states, _):
        state = default(states)
        assert names(states) == ["google/gemini-flash-latest"]
        assert (state.configured, state.unusable, state.pin_only) == (True, None, False)
        assert state.endpoint.locality is Locality.CLOUD
        assert server.connections == 0


async def test_the_list_gives_limits_and_models_that_only_a_name_reaches() -> None:
    async with directory(LIST) as (server, states, _):
        assert await states.refresh()
        assert [(state.endpoint.name, state.tasks, state.pin_only) for state in states.snapshot()] == [
            ("google/gemini-flash-latest", CHATS, False),
            ("google/gemini-2.5-pro", CHATS, True),
            ("google/gemini-embedding-001", frozenset({Task.EMBED}), True),
            ("google/gemma-3-27b-it", CHATS, True),
        ]
        assert (default(states).context_length, default(states).output_limit) == (1_000, 100)
        assert {(state.max_stops, state.seed_bits) for state in states.snapshot()} == {(5, 32)}
        assert server.asked[0].path.startswith("/v1beta/models?")
        assert KEY not in server.asked[0].path
        assert server.asked[0].headers["x-goog-api-key"] == KEY


async def test_features_are_those_of_the_model() -> None:
    async with directory(LIST) as (_, states, __):
        await states.refresh()
        flash, _pro, _embedding, gemma = states.snapshot()
        assert {Feature.TOOLS, Feature.TOOLS_WITH_JSON, Feature.REASONING_EFFORT, Feature.IMAGES} <= flash.features
        assert flash.left_out >= {"temperature", "top_p", "top_k", "seed", "reasoning_effort: none"}
        assert not flash.features & {Feature.TEMPERATURE, Feature.PREFILL, Feature.REASONING_OFF}
        assert Feature.REASONING_EFFORT not in gemma.features
        assert {Feature.TEMPERATURE, Feature.PREFILL, Feature.REASONING_OFF} <= gemma.features


async def test_every_page_is_read() -> None:
    first = whole({"models": MODELS[:1], "nextPageToken": "next"})
    async with directory(first, LIST) as (server, states, _):
        assert await states.refresh()
        assert len(states.snapshot()) == 4
        assert "pageToken=next" in server.asked[1].path


async def test_a_list_without_an_end_is_read_to_a_bound() -> None:
    async with directory(whole({"models": MODELS[:2], "nextPageToken": "again"})) as (server, states, _):
        assert await states.refresh()
        assert len(server.asked) == MAX_PAGES
        assert len(states.snapshot()) == 2


async def test_a_configured_model_that_is_not_listed_stays_first_and_usable() -> None:
    async with directory(LIST, model="gemini-9-flash") as (_, states, __):
        await states.refresh()
        assert default(states).endpoint.name == "google/gemini-9-flash"
        assert default(states).unusable is None
        assert len(states.snapshot()) == 5


@pytest.mark.parametrize(("model", "task"), [("gemini-embedding-9", Task.EMBED), ("gemini-9-image", Task.CHAT)])
async def test_what_a_configured_model_can_is_told_by_its_name_where_nothing_else_tells(model: str, task: Task) -> None:
    async with directory(LIST, model=model) as (_, states, __):
        assert default(states).tasks == frozenset({task})
        await states.refresh()
        assert default(states).tasks == frozenset({task})


FAILURES = {
    "500": refusal(500),
    "404": refusal(404),
    "429": refusal(429),
    "cut": Answer((b"{", Cut())),
    "no JSON": Answer((b"<html>",)),
    "odd": Answer((json.dumps({"models": "odd"}).encode(),)),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_refresh_that_fails_changes_nothing(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with directory(LIST, FAILURES[name]) as (_, states, __):
        await states.refresh()
        before = states.snapshot()
        assert not await states.refresh()
        assert states.snapshot() == before
    assert "could not be refreshed" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("refused", [WRONG_KEY, refusal(401), refusal(403)], ids=["400", "401", "403"])
async def test_a_refused_key_makes_every_model_unusable_until_it_is_taken_again(refused: Answer) -> None:
    async with directory(LIST, refused, refusal(500), LIST) as (_, states, __):
        await states.refresh()
        await states.refresh()
        for _again in range(2):
            assert {state.unusable for state in states.snapshot()} == {"GEMINI_API_KEY is refused"}
            await states.refresh()
        assert {state.unusable for state in states.snapshot()} == {None}


class SleepyClock(ScriptedClock):
    """Tells who falls asleep, and for how long."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeps: asyncio.Queue[float] = asyncio.Queue()

    @override
    async def sleep(self, seconds: float) -> None:
        self.sleeps.put_nowait(seconds)
        await super().sleep(seconds)


async def test_it_is_refreshed_in_the_background_and_sooner_after_a_failure() -> None:
    async with directory(LIST, refusal(500), LIST) as (server, states, clock):
        states.start()
        for number, pause in enumerate((REFRESH_SECONDS, AGAIN_SECONDS, REFRESH_SECONDS), start=1):
            assert await clock.sleeps.get() == pause
            assert len(server.asked) == number
            await clock.advance(pause)


async def test_closing_does_not_wait_for_a_list_that_never_comes() -> None:
    async with directory(BEFORE_THE_HEAD) as (server, states, _):
        states.start()
        await server.parked.wait()
        await states.aclose()
        await server.left.wait()


async def test_without_a_key_nothing_is_ever_asked() -> None:
    client = client_at(None, key=None)
    states = GeminiDirectory(client, ScriptedClock(), model="gemini-flash-latest")
    states.start()
    state = default(states)
    assert (state.configured, state.unusable) == (False, "GEMINI_API_KEY is not set")
    await states.aclose()
    await client.aclose()


async def test_what_is_no_name_is_not_listed() -> None:
    odd = [listed(f"models/{name}", "generateContent") for name in ("a\r\nX-Evil: 1", "half \ud800", "x" * 300)]
    async with directory(whole({"models": [*odd, *MODELS]})) as (_, states, __):
        before = len(states.snapshot())
        assert await states.refresh()
        names = {state.endpoint.id.model for state in states.snapshot()}
    assert before == 1 < len(names)
    assert all(name.isprintable() and len(name) < 300 for name in names)
