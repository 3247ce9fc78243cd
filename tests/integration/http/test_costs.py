"""What an answer cost, as its client, its record, the metrics and `explain` tell it; unknown is never 0."""

from typing import Any

from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, answer
from llm_gateway.bootstrap.settings import PriceSettings
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderRejected, ProviderTimeout
from llm_gateway.domain.events import Finished, TextDelta

from .served import Serve, Served, chat, stopped_clock
from .sse import events_of
from .surfaces.asking import ask, text_in
from .surfaces.doors import Door, each_door

PRICE = PriceSettings(provider="ollama", names=("llama*",), input=2, output=5.5)
COST = 3 * 2 + 6  # 5.5 rounded up


async def record(served: Served, id: str) -> dict[str, Any]:
    told: dict[str, Any] = (await served.client.get(f"/api/v1/requests/{id}")).json()
    return told


@each_door
async def test_every_surface_tells_it_in_the_header_of_a_whole_answer(start: Serve, door: Door) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), answer("Hello")), prices=(PRICE,), ollama_door=True)
    asked = [await ask(served, door, text, stream=stream) for text in "ab" for stream in (False, True)]
    assert [text_in(door, one) for one in asked] == ["Hello"] * 4
    assert [one.headers.get("x-gateway-cost") for one in asked] == [str(COST), None] * 2


async def test_a_record_has_it_with_the_data_that_says_it_and_done_has_it_too(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), answer("Hello")), prices=(PRICE,))
    whole = await served.client.post("/api/v1/chat", json=chat(), headers={"x-request-id": "whole-1"})
    stream = await served.client.post("/api/v1/chat", json=chat("more", stream=True), headers={"x-request-id": "s-1"})
    hit = await served.client.post("/api/v1/chat", json=chat(), headers={"x-request-id": "hit-1"})

    assert int(whole.headers["x-gateway-cost"]) == events_of(stream.text)[-1].data["cost_microdollars"] == COST
    assert hit.headers["x-gateway-cost"] == "0"
    for id, cost, prices in (("whole-1", COST, "[[prices]]"), ("s-1", COST, "[[prices]]"), ("hit-1", 0, None)):
        told = await record(served, id)
        assert (told["cost_microdollars"], told["prices"]) == (cost, prices)
        assert [attempt["cost_microdollars"] for attempt in told["attempts"]] == ([cost] if cost else [])


async def test_a_price_that_nobody_said_is_unknown_and_by_which_data(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), answer("Hello")))
    asked = await served.client.post("/api/v1/chat", json=chat(), headers={"x-request-id": "one-1"})
    assert asked.headers["x-gateway-cost"] == "unknown"
    told = await record(served, "one-1")
    assert told["cost_microdollars"] is None
    assert told["prices"].startswith("genai-prices ")


async def test_what_a_vendor_refused_costs_nothing_and_of_what_broke_nobody_knows(start: Serve) -> None:
    refused = ProviderRejected("ollama", "no", doubtful=True, status=400)
    late: Script = [TextDelta(text="Half"), ProviderTimeout("ollama", "silence")]
    for script, cost in (([refused], 0), (late, None)):
        served = await start(ScriptedChatModel(stopped_clock(), script), prices=(PRICE,))
        answered = await served.client.post("/api/v1/chat", json=chat(), headers={"x-request-id": "bad-1"})
        assert answered.status_code >= 400
        assert (await record(served, "bad-1"))["cost_microdollars"] == cost


async def test_the_model_that_answered_is_paid_for_where_no_own_price_is_said(start: Serve) -> None:
    """A retired model is answered by its successor, at its price."""
    usage = Usage(prompt_tokens=1_000, completion_tokens=1)
    ended: Script = [
        TextDelta(text="Hi"),
        Finished(reason=FinishReason.STOP, usage=usage, model="gemini-3.1-flash-lite"),
    ]
    served = await start(
        ScriptedChatModel(stopped_clock()), ScriptedChatModel(stopped_clock(), ended), gemini_api_key="AI-key-of-a-test"
    )
    body = chat(model="gemini/gemini-flash-latest")
    asked = await served.client.post("/api/v1/chat", json=body)
    assert asked.headers["x-gateway-cost"] == "252"  # 250 and 1.5


async def test_explain_tells_the_rates(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), prices=(PRICE,))
    told = (await served.client.post("/api/v1/explain", json=chat())).json()["endpoints"][0]["price"]
    rates = {"above_prompt_tokens": 0, "input": 2, "output": 5.5, "cached": 2, "reasoning": 5.5}
    assert told == {"source": "[[prices]]", "rates": [rates]}
    unknown = await start(ScriptedChatModel(stopped_clock()))
    assert (await unknown.client.post("/api/v1/explain", json=chat())).json()["endpoints"][0]["price"] is None
