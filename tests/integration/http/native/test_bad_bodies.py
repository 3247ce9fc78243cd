"""Bodies that are wrong: a problem document that names the field, never a 500, never a call to a provider."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel

from ..served import Serve, Served, chat, stopped_clock

MESSAGES = '"messages":[{"role":"user","content":"Hello"}]'
DEEP = "[" * 200_000 + "]" * 200_000
HUGE = "9" * 5_000


def with_fields(fields: str) -> str:
    return f"{{{MESSAGES},{fields}}}"


def with_messages(messages: str) -> str:
    return f'{{"messages":{messages}}}'


def with_parameters(value: str) -> str:
    return with_fields(f'"tools":[{{"function":{{"name":"f","parameters":{{"a":{value}}}}}}}]')


def with_extra(value: str) -> str:
    return with_messages(f'[{{"role":"assistant","content":"Hi","extra_content":{{"a":{value}}}}}]')


MALFORMED = {
    "nothing": "",
    "cut off": '{"messages":[',
    "two values": with_fields('"stream":false') + "{}",
    "comments": f"{{/**/{MESSAGES}}}",
    "single quotes": "{'messages':[]}",
    "a control character": with_messages('[{"role":"user","content":"a\x01"}]'),
    "brackets": DEEP,
    "not a number": with_fields('"temperature":NaN'),
    "infinity in parameters": with_parameters("Infinity"),
    "brackets in parameters": with_parameters(DEEP),
    "brackets in extra content": with_extra(DEEP),
}
AT_A_PATH = {
    "half of a pair": (with_messages(r'[{"role":"user","content":"\ud800"}]'), "messages[0].content"),
    "half of a pair in parameters": (with_parameters(r'"\udfff"'), "tools[0].function.parameters.a"),
    "half of a pair in a name": (with_parameters(r'{"\ud800":1}'), "tools[0].function.parameters.a"),
    "a field twice": (with_fields('"max_tokens":1,"max_tokens":2'), "max_tokens"),
    "a field of a message with a label twice": (
        with_messages('[{"role":"assistant","reasoning":"Hm.","content":"a","content":"b"}]'),
        "messages[0].content",
    ),
    "a field twice, alike": (with_fields('"stream":false,"stream":false'), "stream"),
    "a field twice, once in escapes": (with_fields(r'"model":"a","mod\u0065l":"b"'), "model"),
    "a field of a message twice": (
        with_messages('[{"role":"user","content":"a"},{"role":"user","content":"a","content":"b"}]'),
        "messages[1].content",
    ),
    "a name in parameters twice": (with_parameters('[{"b":1},{"b":1,"b":1}]'), "tools[0].function.parameters.a[1].b"),
    "a name in extra content twice": (with_extra('{"":1,"":2}'), "messages[0].extra_content.a."),
    "null": ("null", ""),
    "a list": ("[]", ""),
    "no messages": ("{}", "messages"),
    "empty messages": (with_messages("[]"), "messages"),
    "messages of a wrong type": (with_messages('"Hello"'), "messages"),
    "a message of a wrong type": (with_messages('["Hello"]'), "messages[0]"),
    "no role": (with_messages('[{"content":"Hello"}]'), "messages[0].role"),
    "an unknown role": (with_messages('[{"role":"robot","content":"Hello"}]'), "messages[0].role"),
    "no content": (with_messages('[{"role":"user"}]'), "messages[0].content"),
    "null content": (with_messages('[{"role":"user","content":null}]'), "messages[0].content"),
    "an unknown part": (with_messages('[{"role":"user","content":[{"type":"video"}]}]'), "messages[0].content[0].type"),
    "no base64": (
        with_messages('[{"role":"user","content":[{"type":"image","data":"!","mime_type":"image/png"}]}]'),
        "messages[0].content[0].data",
    ),
    "no image": (
        with_messages('[{"role":"user","content":[{"type":"image","data":"aaaa","mime_type":"text/html"}]}]'),
        "messages[0].content[0].mime_type",
    ),
    "an image of a system": (
        with_messages('[{"role":"system","content":[{"type":"image","data":"aaaa","mime_type":"image/png"}]}]'),
        "messages[0].content[0].type",
    ),
    "an unknown field": (with_fields('"temprature":1'), "temprature"),
    "an unknown field in a message": (with_messages('[{"role":"user","content":"a","x":1}]'), "messages[0].x"),
    "an unknown field deeper": (
        with_messages('[{"role":"user","content":[{"type":"text","text":"a","x":1}]}]'),
        "messages[0].content[0].x",
    ),
    "an unknown field in a tool": (with_fields('"tools":[{"function":{"name":"f","x":1}}]'), "tools[0].function.x"),
    "an unknown field in cache": (with_fields('"cache":{"x":1}'), "cache.x"),
    "text for a number": (with_fields('"max_tokens":"5"'), "max_tokens"),
    "a fraction for a whole number": (with_fields('"max_tokens":5.5'), "max_tokens"),
    "a truth for a number": (with_fields('"max_tokens":true'), "max_tokens"),
    "zero tokens": (with_fields('"max_tokens":0'), "max_tokens"),
    "too many tokens": (with_fields(f'"max_tokens":{HUGE}'), "max_tokens"),
    "too hot": (with_fields('"temperature":2.1'), "temperature"),
    "hotter than numbers go": (with_fields('"temperature":1e999'), "temperature"),
    "a number for a truth": (with_fields('"stream":1'), "stream"),
    "a long seed": (with_fields(f'"seed":{HUGE}'), "seed"),
    "an infinite seed": (with_fields('"seed":1e999'), "seed"),
    "a null model": (with_fields('"model":""'), "model"),
    "a number as model": (with_fields('"model":1'), "model"),
    "an unknown cache mode": (with_fields('"cache":{"mode":"never"}'), "cache.mode"),
    "a long time to live": (with_fields('"cache":{"ttl_seconds":2592001}'), "cache.ttl_seconds"),
    "an empty stop": (with_fields('"stop":""'), "stop"),
    "an effort": (with_fields('"reasoning_effort":"heroic"'), "reasoning_effort"),
    "a format": (with_fields('"response_format":{"type":"xml"}'), "response_format.type"),
    "no schema": (
        with_fields('"response_format":{"type":"json_schema","json_schema":{"name":"a"}}'),
        "response_format.json_schema.schema",
    ),
    "a choice of no tool": (with_fields('"tool_choice":"required"'), "tool_choice"),
    "parameters of a wrong type": (
        with_fields('"tools":[{"function":{"name":"f","parameters":[]}}]'),
        "tools[0].function.parameters",
    ),
    "a long number in parameters": (with_parameters(HUGE), "tools[0].function.parameters[...]"),
    "a number of more than 64 bits": (with_parameters("9" * 40), "tools[0].function.parameters"),
    "an infinite number in parameters": (with_parameters("1e999"), "tools[0].function.parameters[...]"),
    "65 levels in parameters": (with_parameters("[" * 65 + "]" * 65), "tools[0].function.parameters"),
    "a long number in extra content": (with_extra("9" * 40), "messages[0].extra_content"),
    "an infinite number in extra content": (with_extra("1e999"), "messages[0].extra_content[...]"),
    "the answer to no call": (
        with_messages('[{"role":"tool","tool_call_id":"c9","content":"4"}]'),
        "messages[0].tool_call_id",
    ),
}


async def refusal_of(served: Served, body: str | bytes) -> list[dict[str, str]]:
    response = await served.client.post("/api/v1/chat", content=body, headers={"content-type": "application/json"})
    problem = response.json()
    assert response.status_code == problem["status"] == 400
    assert problem["code"] == "invalid_request"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert response.headers["content-type"] == "application/problem+json"
    assert [record.error for record in served.observer.records] == ["InvalidRequest"]
    assert (await served.client.get("/health")).status_code == 200
    errors: list[dict[str, str]] = problem["errors"]
    return errors


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_no_json_is_refused(served: Served, model: ScriptedChatModel, body: str) -> None:
    errors = await refusal_of(served, body)

    assert len(errors) == 1
    assert model.calls == []


@pytest.mark.parametrize(("body", "path"), AT_A_PATH.values(), ids=AT_A_PATH.keys())
async def test_a_wrong_field_is_named_by_its_path(
    served: Served, model: ScriptedChatModel, body: str, path: str
) -> None:
    errors = await refusal_of(served, body)

    assert [error["path"] for error in errors] == [path]
    assert model.calls == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[{"role":"user","content":"\xff"}]}',
        b'{"messages":[{"role":"user","content":"\xed\xa0\x80"}]}',
        b'{"messages":[{"role":"user","content":"a"}],"\xff":1}',
        '{"messages":[{"role":"user","content":"ü"}]}'.encode("latin-1"),
        '{"messages":[{"role":"user","content":"a"}]}'.encode("utf-16"),
    ],
)
async def test_what_is_no_utf_8_is_refused(served: Served, model: ScriptedChatModel, body: bytes) -> None:
    await refusal_of(served, body)

    assert model.calls == []


async def test_every_fault_that_types_cannot_state_is_named_at_once(served: Served) -> None:
    body = with_messages('[{"role":"user","content":[]},{"role":"system","content":[]}]')

    errors = await refusal_of(served, body)

    assert [error["path"] for error in errors] == ["messages[0].content", "messages[1].content"]


async def test_a_long_name_of_a_field_does_not_come_back_whole(served: Served) -> None:
    response = await served.client.post("/api/v1/chat", json=chat() | {"x" * 500_000: 1})

    assert response.status_code == 400
    assert len(response.content) < 2_000


@pytest.mark.parametrize("stated", [True, False])
async def test_a_body_above_the_limit_is_not_read(served: Served, model: ScriptedChatModel, stated: bool) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * (1 << 20)

    headers = {"content-type": "application/json"} | ({"content-length": str(40 << 20)} if stated else {})

    response = await served.client.post("/api/v1/chat", content=parts(), headers=headers)

    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert (await served.client.get("/health")).status_code == 200
    assert model.calls == []


async def test_a_body_of_exactly_the_limit_is_read(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), max_body_bytes=1024)
    body = with_fields('"stream":false').encode()

    for size, status in ((1024, 200), (1025, 413)):
        response = await served.client.post(
            "/api/v1/chat", content=body.ljust(size), headers={"content-type": "application/json"}
        )
        assert response.status_code == status


async def test_a_body_that_drips_is_given_up_and_the_connection_closed(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock())
    served = await start(model, pace=Pace(body=0.1))
    wire = await served.connect()
    await wire.send(served.request(content_length="500000"))

    async def drip() -> None:
        while True:
            await wire.send(b" ")
            await asyncio.sleep(0.01)

    dripping = asyncio.create_task(drip())
    status, _, body = await wire.answer()
    dripping.cancel()

    assert status == 408
    assert b'"code":"request_timeout"' in body
    assert model.calls == []
