"""The scripted Ollama refuses, cuts and drops as the vendor does, and tells the test: each of its rules once."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from ..waiting import eventually
from . import rules
from .server import Model, OllamaServer, end, line, stream

BOTH = pytest.mark.parametrize("version", ["0.17.4", "0.33.0"])
HI = {"role": "user", "content": "hi"}
ABLE = ("completion", "tools", "vision", "thinking")


@pytest.fixture
async def wire(server: OllamaServer) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        yield client


async def asked(wire: httpx.AsyncClient, path: str = "/api/chat", **body: Any) -> httpx.Response:
    plain = {"model": "llama3.1", "stream": False}
    plain |= {"messages": [HI]} if path == "/api/chat" else {}
    return await wire.post(path, json=plain | body)


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def lines(answer: httpx.Response) -> list[Any]:
    return [json.loads(one) for one in answer.text.splitlines()]


IMAGE = [{"role": "user", "content": [{"type": "text"}]}]
CALLED = [{"role": "assistant", "content": "", "tool_calls": [{"function": {"arguments": "{}"}}]}]
ANYTHING = [{"function": {"name": "f", "parameters": {"properties": {"a": True}}}}]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("messages", IMAGE, "array into Go struct field ChatRequest.messages.content of type string"),
        ("messages", CALLED, "string into Go struct field ChatRequest.messages.tool_calls.function.arguments"),
        ("tools", ANYTHING, "bool into Go struct field ChatRequest.tools.function.parameters.properties"),
        ("stream", "yes", "string into Go struct field ChatRequest.stream of type bool"),
        ("model", "", "model is required"),
        ("top_logprobs", 21, "between 0 and 20"),
    ],
)
async def test_o1_what_has_another_type_is_400(wire: httpx.AsyncClient, field: str, value: Any, words: str) -> None:
    changed: dict[str, Any] = {field: value}
    status, told = error(await asked(wire, **changed))
    assert status == 400
    assert words in told


@BOTH
async def test_o2_thinking_is_on_where_nothing_is_said_and_400_where_it_is_none_or_no_level(
    wire: httpx.AsyncClient, server: OllamaServer, version: str
) -> None:
    server.version = version
    assert error(await asked(wire, think="deeply"))[0] == 400
    assert error(await asked(wire, think=True)) == (400, '"llama3.1" does not support thinking')
    assert error(await asked(wire, think="low"))[0] == 400
    assert (await asked(wire, think=False)).status_code == 200
    server.models = [Model(name="llama3.1:latest", capabilities=ABLE)]
    assert (await asked(wire, think="max")).status_code == (200 if version == "0.33.0" else 400)
    assert [rules.thinks({"think": said}, ABLE, "qwen3") for said in (True, False)] == [True, False]
    assert rules.thinks({}, ABLE, "qwen3") is True
    assert rules.thinks({}, ("completion",), "llama") is False
    assert [rules.thinks({"think": said}, ABLE, "gptoss") for said in (False, "low")] == ["medium", "low"]


async def test_o3_tools_need_the_capability(wire: httpx.AsyncClient, server: OllamaServer) -> None:
    server.models = [Model(name="llama3.1:latest", capabilities=("completion",))]
    status, words = error(await asked(wire, tools=[{"type": "function", "function": {"name": "f"}}]))
    assert (status, words.endswith("does not support tools")) == (400, True)
    server.models = [Model(name="llama3.1:latest", capabilities=("embedding",))]
    assert error(await asked(wire)) == (400, '"llama3.1" does not support chat')


LONG = [
    {"role": "system", "content": "s " * 10},
    {"role": "user", "content": "a " * 60},
    {"role": "assistant", "content": "b " * 60},
    {"role": "user", "content": "c " * 20},
]


@BOTH
async def test_o4_what_does_not_fit_is_cut_in_silence_unless_the_request_says_no(
    wire: httpx.AsyncClient, server: OllamaServer, version: str
) -> None:
    server.version, server.default_context = version, 100
    assert (await asked(wire, messages=LONG)).status_code == 200
    assert server.cut == ["messages[1]"]
    server.cut.clear()
    await asked(wire, messages=[HI | {"content": "x " * 100}])
    assert server.cut == ["messages[0].content"]
    server.cut.clear()
    status, words = error(await asked(wire, messages=LONG, truncate=False))
    assert (status, server.cut) == (400, [])
    if version == "0.17.4":
        assert words == "the input length exceeds the context length"
    else:
        told = json.loads(words)["error"]
        assert (told["type"], told["n_prompt_tokens"], told["n_ctx"]) == ("exceed_context_size_error", 150, 100)
    answer = await asked(wire, messages=LONG, shift=False)
    assert answer.status_code == (200 if version == "0.17.4" else 400)


NAMES = ["llama3.1", "LLAMA3.1:Latest", "library/llama3.1", "registry.ollama.ai/library/llama3.1:latest"]


@pytest.mark.parametrize("name", NAMES)
async def test_o5_a_model_goes_by_all_its_names(wire: httpx.AsyncClient, name: str) -> None:
    assert (await asked(wire, model=name)).status_code == 200


@pytest.mark.parametrize(
    "name", ["llama3.1:8b", "someone/llama3.1", "hf.co/library/llama3.1", "registry.ollama.ai/llama3.1"]
)
async def test_o5_and_by_no_other(wire: httpx.AsyncClient, name: str) -> None:
    assert error(await asked(wire, model=name)) == (404, f"model '{name}' not found")
    assert rules.plain("localhost:5000/team/model") == "localhost:5000/team/model:latest"


@pytest.mark.parametrize("name", ["big:cloud", "big:120b-Cloud", " BIG:CLOUD"])
async def test_o6_a_name_of_the_cloud_is_answered_from_there_without_being_in_any_list(
    wire: httpx.AsyncClient, server: OllamaServer, name: str
) -> None:
    listed = (await wire.get("/api/tags")).json()["models"]
    assert [model["name"] for model in listed] == ["llama3.1:latest"]
    for stream_ in (True, False):
        assert all(part["remote_host"] == rules.REMOTE for part in lines(await asked(wire, model=name, stream=stream_)))
    assert (await wire.post("/api/show", json={"model": name})).json()["remote_host"] == rules.REMOTE
    server.version = "0.17.4"
    assert error(await asked(wire, model=name))[0] == 404


async def test_o7_a_full_queue_is_503(wire: httpx.AsyncClient, server: OllamaServer) -> None:
    server.queue_full = 1
    assert error(await asked(wire)) == (503, "server busy, please try again.  maximum pending requests exceeded")
    assert (await asked(wire, stream=True)).status_code == 200


async def test_o8_o9_a_stream_may_end_with_an_error_or_without_its_mark(
    wire: httpx.AsyncClient, server: OllamaServer
) -> None:
    server.scripts = [stream(line("a"), {"error": "broken"}), stream(line("a"))]
    assert lines(await asked(wire, stream=True))[-1] == {"error": "broken"}
    assert not any(part["done"] for part in lines(await asked(wire, stream=True)))


async def test_o10_no_message_loads_or_unloads(wire: httpx.AsyncClient, server: OllamaServer) -> None:
    server.loaded.clear()
    assert (await asked(wire, messages=[])).json()["done_reason"] == "load"
    assert server.loaded == {"llama3.1:latest"}
    assert (await asked(wire, messages=[], keep_alive=0)).json()["done_reason"] == "unload"
    assert not server.loaded


async def test_o11_what_its_types_lack_is_dropped_and_the_test_is_told(
    wire: httpx.AsyncClient, server: OllamaServer
) -> None:
    parameters = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "a": {"$ref": "#/$defs/A"},
            "b": {"anyOf": [{"type": "string", "format": "date"}], "enum": [1]},
            "c": {"items": {"type": "string", "minLength": 1}},
        },
        "$defs": {"A": {"oneOf": []}},
    }
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": parameters}}
    assert (await asked(wire, tools=[tool], tool_choice="required", messages=[HI | {"name": "x"}])).status_code == 200
    at = "tools[0].function"
    assert server.dropped == {
        "tool_choice",
        "messages[0].name",
        f"{at}.strict",
        f"{at}.parameters.additionalProperties",
        f"{at}.parameters.properties.a.$ref",
        f"{at}.parameters.properties.b.anyOf[0].format",
    }


async def test_o11_a_younger_field_is_dropped_by_an_older_server() -> None:
    body = {"model": "m", "messages": [HI], "truncate": False, "logprobs": True}
    assert rules.chat((0, 12, 3), body, ABLE, 100).dropped == {"truncate", "logprobs"}
    assert rules.chat((0, 12, 11), body, ABLE, 100).dropped == set()
    assert rules.chat((0, 12, 3), body | {"messages": [HI | {"content": "x " * 100}]}, ABLE, 100).cut


async def test_o12_the_context_is_the_requests_and_never_more_than_the_models(
    wire: httpx.AsyncClient, server: OllamaServer
) -> None:
    server.models = [Model(name="llama3.1:latest", context_length=120)]
    for num_ctx, fits in ((50, False), (200, False), (None, False)):
        answer = await asked(wire, messages=LONG, truncate=False, options={"num_ctx": num_ctx} if num_ctx else {})
        assert (answer.status_code == 200) is fits
    server.models = [Model(name="llama3.1:latest", context_length=200)]
    assert (await asked(wire, messages=LONG, truncate=False)).status_code == 200


async def test_o13_calls_may_all_be_numbered_0(wire: httpx.AsyncClient, server: OllamaServer) -> None:
    call = {"id": "call_x", "function": {"index": 0, "name": "f", "arguments": {}}}
    server.scripts = [stream(line(tool_calls=[call]), line(tool_calls=[call]), end())]
    parts = lines(await asked(wire, stream=True))
    assert [part["message"]["tool_calls"][0]["function"]["index"] for part in parts[:2]] == [0, 0]


@pytest.mark.parametrize(("cloud", "status"), [("unsigned", 401), ("off", 403), ("away", 502), ("limited", 429)])
async def test_o14_the_cloud_may_be_out_of_reach(
    wire: httpx.AsyncClient, server: OllamaServer, cloud: str, status: int
) -> None:
    server.cloud = cloud
    answer = await asked(wire, model="big:cloud")
    assert answer.status_code == status
    assert ("signin_url" in answer.json()) is (cloud == "unsigned")
    assert (await asked(wire)).status_code == 200


async def test_o15_vectors_are_of_unit_length_and_texts_cut_unless_the_request_says_no(
    wire: httpx.AsyncClient, server: OllamaServer
) -> None:
    server.models = [Model(name="llama3.1:latest", capabilities=("embedding",), context_length=3)]
    made = (await asked(wire, "/api/embed", input=["one two", "three"])).json()["embeddings"]
    assert [sum(number**2 for number in vector) for vector in made] == pytest.approx([1.0, 1.0])
    assert not server.cut
    await asked(wire, "/api/embed", input=["one", "one two three four"])
    assert server.cut == ["input[1]"]
    told = error(await asked(wire, "/api/embed", input=["one two three four"], truncate=False))
    assert told == (400, "the input length exceeds the context length")
    assert error(await asked(wire, "/api/embed", input=[1])) == (400, "invalid input type")


async def test_o16_an_unknown_option_is_dropped_and_one_of_another_type_500(
    wire: httpx.AsyncClient, server: OllamaServer
) -> None:
    assert (await asked(wire, options={"top_k": 5, "topk": 5, "temperature": 1, "stop": ["x"]})).status_code == 200
    assert server.dropped == {"options.topk"}
    status, words = error(await asked(wire, options={"top_k": 0.5}))
    assert (status, words.startswith('option "top_k" must be of type')) == (500, True)
    assert error(await asked(wire, format="yaml"))[0] == 500


@BOTH
async def test_an_image_for_a_model_that_sees_none(wire: httpx.AsyncClient, server: OllamaServer, version: str) -> None:
    server.version = version
    answer = await asked(wire, messages=[HI | {"images": ["AP8="]}])
    assert (answer.status_code, server.dropped) == (
        (200, {"messages[0].images"}) if version == "0.17.4" else (500, set())
    )
    await eventually(lambda: not server.open_calls)
