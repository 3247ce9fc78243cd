"""All bodies under way together: bounded by what came of them, held while they are needed, and given back always."""

import json
from base64 import b64encode
from typing import Any, cast

import pytest

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.inbound.http.server.middleware import RequestMiddleware
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.bootstrap.settings import Secret
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import TextDelta

from ..gemini.payloads import said as gemini_said
from ..gemini.server import GeminiServer
from ..ollama.server import Model, end, ollama_server
from ..scripted_vendor import Answer, Asked, whole
from .served import Serve, Served, chat, eventually, serve, stopped_clock

NATIVE, OPENAI = "/api/v1/chat", "/v1/chat/completions"
NEVER = Wait(1_000)
LIMITS = {"max_body_bytes": 4096, "max_bodies_bytes": 5000}
PHOTO = bytes(range(250)) * 3600


def held(served: Served) -> int:
    return cast("RequestMiddleware", served.server.config.app).bodies.held


def body(size: int, **fields: object) -> bytes:
    return json.dumps({"model": "ollama", **chat(f"{size}", **fields)}).encode().ljust(size)


async def test_what_is_too_much_together_is_503_and_says_when_to_come_again(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [NEVER], answer("Hello"))
    served = await start(model, **LIMITS)
    first = await served.connect()
    await first.send(served.request(body=body(4000)))
    await eventually(lambda: model.open_calls)

    json_body = {"content-type": "application/json"}
    for path in (NATIVE, OPENAI, "/api/v1/explain"):
        refused = await served.client.post(path, content=body(1001), headers=json_body)
        code = refused.json()["error"]["code"] if path == OPENAI else refused.json()["code"]
        assert (refused.status_code, code, refused.headers["retry-after"]) == (503, "overloaded", "1")
    assert (await served.client.post("/v1/embeddings", content=body(1001), headers=json_body)).status_code == 503
    assert (await served.client.post(NATIVE, content=body(1000), headers=json_body)).status_code == 200

    first.reset()
    await eventually(lambda: not held(served))
    assert (await served.client.post(OPENAI, content=body(4000), headers=json_body)).status_code == 200
    assert held(served) == 0


@pytest.mark.parametrize("framed", [False, True])
async def test_bytes_count_as_they_come_and_not_as_they_are_announced(start: Serve, framed: bool) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), **LIMITS)
    for _ in range(10):
        await (await served.connect()).send(served.request(content_length="4000") + b"{")
    await eventually(lambda: held(served) == 10)
    how: dict[str, Any] = (
        {"content_length": "", "transfer_encoding": "chunked"} if framed else {"content_length": "4000"}
    )
    wire = await served.connect()
    part = b"%x\r\n%b\r\n" % (3000, b" " * 3000) if framed else b" " * 3000
    await wire.send(served.request(**how) + part)
    await eventually(lambda: held(served) == 3010)
    other = await served.connect()
    await other.send(served.request(**how) + part)

    status, headers, _ = await other.answer()

    assert (status, headers["retry-after"]) == (503, "1")
    assert held(served) == 3010


@pytest.mark.parametrize("stream", [False, True])
async def test_a_body_is_held_until_its_answer_is_whole(start: Serve, stream: bool) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [TextDelta(text="One."), Wait(1), *answer("Two.")])
    served = await start(model)
    wire = await served.connect()
    await wire.send(served.request(body=body(2000, stream=stream)))
    await eventually(lambda: model.open_calls)
    assert held(served) == 2000

    await clock.advance(1)

    await wire.until(b"Two.")
    await eventually(lambda: not held(served))


ENDED: dict[str, tuple[bytes, dict[str, Any], int]] = {
    "answered": (body(1000), {}, 200),
    "answered as a stream": (body(1000, stream=True), {}, 200),
    "no chat": (b"[]" + b" " * 1000, {}, 400),
    "half a chat": (b'{"messages":[{"role":"user","content":"a"}],"model', {}, 400),
    "an unknown model": (json.dumps({"model": "gpt-9", **chat()}).encode(), {}, 404),
    "too large": (b" " * 5000, {"content_length": "", "transfer_encoding": "chunked"}, 413),
    "too late": (b"{", {"content_length": "9"}, 408),
    "another type": (body(1000), {"content_type": "text/plain"}, 415),
    "nobody's": (body(1000), {"x_api_key": "wrong"}, 401),
}


@pytest.mark.parametrize("path", [NATIVE, OPENAI])
@pytest.mark.parametrize(("sent", "headers", "status"), ENDED.values(), ids=ENDED.keys())
async def test_however_a_request_ends_its_body_is_given_back(
    start: Serve, path: str, sent: bytes, headers: dict[str, Any], status: int
) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), pace=Pace(body=0.1) if status == 408 else None, **LIMITS)
    if "transfer_encoding" in headers:
        sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(sent), sent)
        head = served.request(path=path, **headers)
    else:
        head = served.request(path=path, **{"content_length": str(len(sent))} | headers)
    wire = await served.connect()
    await wire.send(head + sent)

    assert (await wire.until(b"\r\n")).split(b" ")[1] == b"%d" % status
    await eventually(lambda: served.observer.answers)
    assert held(served) == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_and_a_leaving_give_it_back(start: Serve, stream: bool) -> None:
    broken, begun = ProviderBroken("ollama", "it broke"), TextDelta(text="One.")
    model = ScriptedChatModel(stopped_clock(), [broken], [begun, broken], [begun, NEVER])
    served = await start(model, provider_max_retries=0)
    for size in (1000, 2000):
        await served.client.post(
            NATIVE, content=body(size, stream=stream), headers={"content-type": "application/json"}
        )
        assert held(served) == 0
    wire = await served.connect()
    await wire.send(served.request(body=body(3000, stream=stream)))
    await eventually(lambda: model.open_calls)
    assert held(served) == 3000

    wire.reset()

    await eventually(lambda: not held(served))


async def test_a_client_that_leaves_amid_its_body_gives_it_back(served: Served) -> None:
    wire = await served.connect()
    await wire.send(served.request(content_length="1000") + b'{"mess')
    await eventually(lambda: held(served) == 6)

    wire.reset()

    await eventually(lambda: not held(served))


async def test_one_body_that_is_allowed_fits(start: Serve) -> None:
    """Whatever is set for all of them."""
    served = await start(ScriptedChatModel(stopped_clock()), max_body_bytes=4096, max_bodies_bytes=1024)

    answered = await served.client.post(NATIVE, content=body(4096), headers={"content-type": "application/json"})

    assert answered.status_code == 200


def photographed(path: str) -> dict[str, Any]:
    data = b64encode(PHOTO).decode()
    part: dict[str, Any] = {"type": "image", "data": data, "mime_type": "image/jpeg"}
    if path == OPENAI:
        part = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]}


@pytest.mark.filterwarnings("ignore:Sending a large body")  # of the vendors' HTTP client, above 1 MiB
@pytest.mark.parametrize("path", [NATIVE, OPENAI])
@pytest.mark.parametrize("provider", ["gemini", "ollama"])
async def test_a_photo_reaches_the_vendor_whole(path: str, provider: str) -> None:
    def gemini_says(asked: Asked) -> Answer:
        return whole({"models": []} if asked.method == "GET" else gemini_said({"text": "A cat."}, finish="STOP"))

    async with ollama_server() as ollama, GeminiServer(gemini_says).running() as gemini:
        ollama.models = [Model(name="llama3.1:latest", capabilities=("completion", "vision"))]
        ollama.scripts = [whole(end(content="A cat."))]
        to: dict[str, Any] = {"gemini_api_key": Secret("any"), "gemini_base_url": gemini.url}
        async with serve(None, ollama_base_url=ollama.url, **to) as served:
            answered = await served.client.post(path, json={"model": provider, **photographed(path)})
            assert answered.status_code == 200, answered.text
            assert held(served) == 0
        sent = ollama.chats()[-1].content if provider == "ollama" else gemini.asked[-1].content
    assert b64encode(PHOTO) in sent.translate(bytes.maketrans(b"-_", b"+/"))
