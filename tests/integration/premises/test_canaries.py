"""What is said to the gateway is nowhere but in the answers: in no log, metric, trace, record, key or error."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest
from tests.unit.telemetry.collector import collecting

from ..http.surfaces.doors import ALL
from ..ollama.server import HEAD as STREAM_HEAD
from ..ollama.server import answer, chunk, end, line, ollama_server
from ..redis.valkey import valkey
from ..scripted_vendor import Asked, Reset, Script, whole
from ..workers.processes import KEY, client, eventually, workers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="one worker only")

CANARY = "CANARY7f3a9c"
SAID = {
    "model_hint": "local",
    "messages": [
        {"role": "system", "content": f"{CANARY}-system"},
        {"role": "user", "content": f"{CANARY}-prompt"},
        {
            "role": "assistant",
            "content": f"{CANARY}-turn",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": f'{{"a": "{CANARY}"}}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": f"{CANARY}-result"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": f"{CANARY}_tool",
                "description": f"{CANARY}-description",
                "parameters": {"type": "object", "properties": {f"{CANARY}_parameter": {"type": "string"}}},
            },
        }
    ],
    "stop": [f"{CANARY}-stop"],
}
OPENAI = {"model": "local"} | {name: value for name, value in SAID.items() if name != "model_hint"}
OTHERS = [door for door in ALL if door.name not in ("native", "completions")]
ERRORS = ("event: error", 'data: {"error"', "event: response.failed", '\n{"error"')
"""How the last event of a stream that failed begins."""
HEADERS = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": f"vendor={CANARY}",
    "baggage": f"said={CANARY}",
    "user-agent": f"{CANARY}-agent",
    "cookie": f"{CANARY}-cookie",
}


def echo(asked: Asked) -> Script:
    """An answer that says again what it was told."""
    text = f"{CANARY}-answer"
    return answer(text, text) if asked.body["stream"] else whole(end(content=text))


def error(status: int) -> Script:
    """A vendor that quotes the prompt in its errors."""
    return whole({"error": f"can't read {CANARY}-prompt"}, status)


BROKEN: list[Script] = [
    error(400),
    error(401),
    error(404),
    error(500),
    [Reset()],
    whole(f"no JSON: {CANARY}".encode()),
    [STREAM_HEAD + chunk(line(f"{CANARY}-part")) + chunk({"error": f"broke at {CANARY}"}), Reset()],
]
REFUSED: list[tuple[dict[str, object], dict[str, str]]] = [
    ({}, {"x-api-key": f"{CANARY}-wrong-key"}),
    ({}, {"x-api-key": "", "authorization": f"Basic {CANARY}"}),
    ({"temperature": f"{CANARY}-hot"}, {}),
    ({"messages": f"{CANARY}-no-list"}, {}),
    ({"model": f"{CANARY}-model"}, {}),
    ({"model_hint": f"{CANARY}-hint"}, {}),
    ({}, {"x-gateway-hint": f"{CANARY}-hint"}),
    ({}, {"x-request-id": f"{CANARY} not sane"}),
]


@pytest.mark.timeout(120)
async def test_what_is_said_is_nowhere_but_in_the_answers(tmp_path: Path) -> None:
    with collecting() as collector, valkey() as redis:
        async with ollama_server() as ollama:
            variables = {
                "WORKERS": "2",
                "API_KEYS": f"{KEY},{CANARY}-good-key",
                "OLLAMA_BASE_URL": ollama.url,
                "OLLAMA_DOOR": "true",
                "PROVIDER_MAX_RETRIES": "1",
                "RATE_LIMITER_CAPACITY": "100000",
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "OTEL_EXPORTER_OTLP_HEADERS": f"x-secret={CANARY}-collector",
                "REDIS_URL": redis.url,
            }
            ollama.scripts = [echo]
            async with workers(tmp_path, **variables) as running, client(running.url) as asking:
                seen, ids = await _ask(asking, ollama.scripts)
                for key in (KEY, f"{CANARY}-good-key"):
                    seen += [
                        (await asking.get(f"/api/v1/requests{of}", headers={"x-api-key": key})).text
                        for of in ("?limit=50", *(f"/{id}" for id in ids))
                    ]
                seen.append((await asking.get("/metrics")).text)

                async def all_traced() -> bool:
                    await asyncio.sleep(0)
                    return sum(span.name == "chat" for span in collector.spans) >= len(ids)

                await eventually(all_traced)
            names = redis.ask("KEYS", "*")
            records = [redis.ask("GET", name) for name in names if b":record:" in name]
            assert len(records) > len(BROKEN)
            seen += [str(names), str(records)]
            seen.append(running.log)
            seen.append(str([request for _, _, request in collector.requests]))
    assert ollama.chats(), "the canaries did reach the provider"
    assert CANARY in ollama.chats()[0].content.decode()
    sent_on = {name: value for name, value in ollama.chats()[0].headers.items() if name in HEADERS}
    assert sent_on["traceparent"].startswith(HEADERS["traceparent"][:36]), "the caller's trace goes on"
    assert CANARY not in str(sent_on)
    assert sum("gateway_requests_total" in text for text in seen) == 1
    assert sum('"attempts":' in text for text in seen) > 2 * len(BROKEN), "records were found"
    assert sum("llm_gateway.access" in text for text in seen) == 1
    for text in seen:
        at = text.find(CANARY)
        assert at < 0, text[max(0, at - 200) : at + 100]


async def _ask(asking: httpx.AsyncClient, scripts: object) -> tuple[list[str], list[str]]:
    """Every way to say something; gives the errors that were answered, and the ids of all requests."""
    assert isinstance(scripts, list)
    errors: list[str] = []
    ids: list[str] = []

    async def ask(body: object, headers: dict[str, str], path: str = "/api/v1/chat") -> None:
        response = await asking.post(path, json=body, headers=HEADERS | headers)
        ids.append(response.headers["x-request-id"])
        begins = [mark for mark in ERRORS if mark in response.text]
        if response.status_code != 200:
            errors.append(response.text)
        elif begins:
            errors.append(response.text[response.text.index(begins[0]) :])

    for stream in (False, True):
        for _ in range(2):
            await ask({**SAID, "stream": stream}, {"x-api-key": f"{CANARY}-good-key"})
        for more, headers in REFUSED:
            await ask({**SAID, "stream": stream, **more}, headers)
        for number, broken in enumerate(BROKEN):
            scripts[0] = broken
            await ask({**SAID, "stream": stream, "seed": number}, {})
            await ask({**OPENAI, "stream": stream, "seed": 100 + number}, {}, "/v1/chat/completions")
            for door in OTHERS:
                await ask(door.body(f"{CANARY}-prompt {number}", "ollama", stream), {}, door.path)
        for wrong in ({"temperature": f"{CANARY}-hot"}, {"model": f"{CANARY}-model"}):
            await ask({**OPENAI, "stream": stream, **wrong}, {}, "/v1/chat/completions")
    assert len(errors) >= 2 * (len(REFUSED) - 1 + (2 + len(OTHERS)) * (len(BROKEN) - 1) + 2)
    return errors, ids
