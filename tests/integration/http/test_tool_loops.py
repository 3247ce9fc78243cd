"""Tool loops through the whole gateway: parallel calls and their results, by ids, and what the vendor wants back."""

import json
from base64 import b64encode
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from typing_extensions import override

from llm_gateway.bootstrap.settings import Secret

from ..gemini.payloads import SignedTools
from ..gemini.server import GeminiServer
from ..ollama.server import answer, end, line, ollama_server, stream
from ..scripted_vendor import Answer, Asked, Script, whole
from .served import Served, serve
from .sse import events_of

TURNS = 3
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("add", "now")]
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
SIGNATURES = [b64encode(bytes(range(256)) + bytes([number])).decode() for number in range(TURNS)]


class GeminiTools(SignedTools):
    """Signs the first call of each turn, and has no list of models."""

    def __init__(self, or_else: bytes | None = None) -> None:
        def turn(number: int) -> list[dict[str, Any]]:
            first = {"functionCall": {"id": f"{number}a", "name": "add", "args": {"n": number}}}
            second = {"functionCall": {"id": f"{number}b", "name": "now", "args": {}}}
            return [first | {"thoughtSignature": SIGNATURES[number]}, second]

        super().__init__([turn(number) for number in range(TURNS)], "Done.", or_else=or_else)

    @override
    def __call__(self, asked: Asked) -> Answer:
        return super().__call__(asked) if asked.method == "POST" else whole({"models": []})


class OllamaTools:
    """Makes two calls a turn, and answers 400 where they, or a result for each by its id, do not come back."""

    def __call__(self, asked: Asked) -> Script:
        back = [message for message in asked.body["messages"] if message["role"] != "user"]
        ids: set[str] = set()
        for number, at in enumerate(range(0, len(back), 3)):
            said, *results = back[at : at + 3]
            made = [call["id"] for call in said["tool_calls"]]
            if [call["function"] for call in said["tool_calls"]] != self._wishes(number):
                return whole({"error": "other calls"}, 400)
            if [(one["tool_call_id"], one["tool_name"]) for one in results] != [(made[0], "add"), (made[1], "now")]:
                return whole({"error": "other results"}, 400)
            ids.update(made)
        number = len(back) // 3
        if len(ids) != number * 2:
            return whole({"error": "ids that are not unique"}, 400)
        if number == TURNS:
            return answer("Done.") if asked.body["stream"] else whole(end() | line("Done.") | {"done": True})
        calls = [{"function": wish} for wish in self._wishes(number)]
        if asked.body["stream"]:
            return stream(*(line(tool_calls=[call]) for call in calls), end())
        return whole(end(tool_calls=calls))

    @staticmethod
    def _wishes(number: int) -> list[dict[str, Any]]:
        return [{"name": "add", "arguments": {"n": number}}, {"name": "now", "arguments": {}}]


@asynccontextmanager
async def gateway_to(provider: str) -> AsyncGenerator[Served, None]:
    async with GeminiServer(GeminiTools()).running() as gemini, ollama_server() as ollama:
        ollama.scripts = [OllamaTools()]
        to: dict[str, Any] = {"ollama_base_url": ollama.url}
        if provider == "gemini":
            to = {"gemini_api_key": Secret("any"), "gemini_base_url": gemini.url}
        async with serve(None, **to) as served:
            yield served


async def asked(served: Served, provider: str, messages: Sequence[object], streamed: bool) -> dict[str, Any]:
    """The answer, and in a stream its `done` event with the content that came before it."""
    body = {"model": provider, "messages": messages, "tools": TOOLS, "stream": streamed}
    response = await served.client.post("/api/v1/chat", json=body)
    assert response.status_code == 200, response.text
    if not streamed:
        return dict(response.json())
    *deltas, done = events_of(response.text)
    assert [event.name for event in deltas] == ["delta"] * len(deltas)
    assert done.name == "done"
    calls: dict[int, dict[str, Any]] = {}
    for delta in (event.data["tool_call"] for event in deltas if "tool_call" in event.data):
        made = calls.setdefault(delta.pop("index"), {"arguments": ""})
        made["arguments"] += delta.pop("arguments", "")
        made |= delta
    told = [call["function"] | {"id": call["id"]} | _extra(call) for call in done.data.get("tool_calls", ())]
    assert told == [calls[index] for index in sorted(calls)]
    return done.data | {"content": "".join(event.data.get("content", "") for event in deltas)}


def back(reply: dict[str, Any]) -> list[dict[str, Any]]:
    """What a client sends on: the answer as it came, and a result for each of its calls."""
    said = {"role": "assistant", "content": reply["content"], "tool_calls": reply["tool_calls"]} | _extra(reply)
    return [said, *({"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in reply["tool_calls"])]


def _extra(holder: dict[str, Any]) -> dict[str, Any]:
    return {"extra_content": holder["extra_content"]} if "extra_content" in holder else {}


@STREAMED
@pytest.mark.parametrize("provider", ["gemini", "ollama"])
async def test_a_loop_of_three_turns_with_parallel_calls(provider: str, streamed: bool) -> None:
    messages: list[object] = [{"role": "user", "content": "Go."}]
    async with gateway_to(provider) as served:
        for number in range(TURNS):
            reply = await asked(served, provider, messages, streamed)
            assert reply["finish_reason"] == "tool_calls"
            made = [(call["function"]["name"], call["function"]["arguments"]) for call in reply["tool_calls"]]
            assert made == [("add", json.dumps({"n": number}, separators=(",", ":"))), ("now", "{}")]
            if provider == "gemini":
                assert [call["id"] for call in reply["tool_calls"]] == [f"{number}a", f"{number}b"]
                signed = {"google": {"thought_signature": SIGNATURES[number]}}
                assert [_extra(call) for call in reply["tool_calls"]] == [{"extra_content": signed}, {}]
            messages += back(reply)
        last = await asked(served, provider, messages, streamed)
    assert (last["content"], last["finish_reason"]) == ("Done.", "stop")


@STREAMED
async def test_a_spoiled_signature_is_the_callers_fault(streamed: bool) -> None:
    given = {"google": {"thought_signature": "c3BvaWxlZA=="}}
    start: list[object] = [{"role": "user", "content": "Go."}]
    async with gateway_to("gemini") as served:
        said, *results = back(await asked(served, "gemini", start, streamed))
        said["tool_calls"][0]["extra_content"] = given
        response = await served.chat(model="gemini", messages=[*start, said, *results], tools=TOOLS, stream=streamed)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


@STREAMED
async def test_results_may_come_in_another_order(streamed: bool) -> None:
    start: list[object] = [{"role": "user", "content": "Go."}]
    async with gateway_to("ollama") as served:
        said, first, second = back(await asked(served, "ollama", start, streamed))
        response = await served.chat(model="ollama", messages=[*start, said, second, first], tools=TOOLS)
    assert response.status_code == 200


@STREAMED
async def test_a_result_under_another_id_is_the_callers_fault(streamed: bool) -> None:
    start: list[object] = [{"role": "user", "content": "Go."}]
    async with gateway_to("ollama") as served:
        said, first, second = back(await asked(served, "ollama", start, streamed))
        first["tool_call_id"] = second["tool_call_id"]
        response = await served.chat(model="ollama", messages=[*start, said, first, second], tools=TOOLS)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
