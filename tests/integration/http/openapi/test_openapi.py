"""The API's own description: sound in itself, and held against the live server."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema_rs import validate

from llm_gateway.adapters.inbound.http.common.problems import INTERNAL, TABLE, MethodNotAllowed, NotFound
from llm_gateway.adapters.inbound.http.openai.errors import CODES
from llm_gateway.adapters.inbound.http.responses.wire import HOSTED, InputPart
from llm_gateway.adapters.inbound.http.routes import api_document
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Step, answer
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import ReasoningDelta, TextDelta, ToolCallDelta

from ..served import KEY, Serve, chat, stopped_clock
from ..sse import DONE, chunks_of, events_of

SECONDS = int(os.environ.get("LLM_GATEWAY_SCHEMATHESIS_SECONDS", "20"))
CONFIG = """
[generation]
allow-extra-parameters = false  # a header that no one knows is no fault

[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503", "504"]
"""
# Left out is the claim that whatever fits the schema is accepted: a model may be unknown, and a tool's answer may
# answer no call, which no schema states.
OPEN = {
    *("Assistant", "TextPartInAloneBack", "ToolCallBack", "FunctionCallBack"),
    *("AssistantIn", "TextPartAloneBack", "ToolCallIn", "FunctionCall"),
    *("AssistantTurn", "TextBlockInBack", "ThinkingIn", "RedactedThinkingIn", "ToolUseIn"),
    *("ItemIn", *(part.__name__ for part in get_args(InputPart)), *(kind.__name__ for kind in HOSTED)),
}
"""What an assistant's message and an item are made of: other tools keep their own there. And the hosted tools of
responses, which are left out or refused whatever they hold.
"""
OMITTED = "positive_data_acceptance"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return api_document("1.2.3")


def references(value: object) -> set[str]:
    match value:
        case {"$ref": str(reference)}:
            return {reference}
        case dict():
            return set().union(*map(references, value.values()))
        case list():
            return set().union(*map(references, value))
        case _:
            return set()


def test_its_structure_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == "1.2.3"
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            for status, response in operation["responses"].items():
                assert status.isdigit()
                assert response["description"]
                assert all("schema" in media for media in response["content"].values())
                assert response["headers"]["X-Request-Id"]["required"] is True


def test_every_path_has_a_tag_and_an_example_that_fits(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert set(operation["tags"]) <= tags
            medias = [*operation.get("requestBody", {}).get("content", {}).values()]
            medias += [media for answer in operation["responses"].values() for media in answer["content"].values()]
            shown = [media for media in [*medias, *operation.get("parameters", ())] if "example" in media]
            assert shown, path
            for one in shown:
                validate({**one["schema"], "components": document["components"]}, one["example"])


def test_every_reference_leads_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    named = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    assert references(document) == named


@pytest.mark.parametrize(
    ("path", "words"), [("/api/v1/chat", {}), ("/v1/chat/completions", CODES), ("/v1/embeddings", CODES)]
)
def test_the_statuses_and_codes_are_the_error_table_s(
    document: dict[str, Any], path: str, words: dict[str, str]
) -> None:
    responses = document["paths"][path]["post"]["responses"]

    stated = {
        (int(status), code)
        for status, response in responses.items()
        if status != "200"
        for code in response["description"].split(", ")
    }

    told = {*TABLE.values(), INTERNAL} - {TABLE[NotFound], TABLE[MethodNotAllowed]}
    assert stated == {(status, words.get(code, code)) for status, code in told}
    assert "499" not in responses


def test_unknown_fields_are_refused_by_the_schemas_of_what_clients_send(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bodies = [operation.get("requestBody", {}) for path in document["paths"].values() for operation in path.values()]
    sent = set().union(*map(references, bodies))
    while inner := set().union(*(references(schemas[name.rpartition("/")[2]]) for name in sent)) - sent:
        sent |= inner
    objects = {name: schema for name in sent if (schema := schemas[name.rpartition("/")[2]]).get("type") == "object"}

    assert {"#/components/schemas/ChatBody", "#/components/schemas/CompletionBody"} < objects.keys()
    assert {name.rpartition("/")[2] for name, schema in objects.items() if "additionalProperties" not in schema} == OPEN
    assert all(schema.get("additionalProperties", False) is False for schema in objects.values())


async def test_a_stream_s_events_are_what_the_document_says(start: Serve, document: dict[str, Any]) -> None:
    deltas = (ReasoningDelta(text="Hm."), TextDelta(text="Yes."), ToolCallDelta(index=0, id="c", name="f"))
    broken: list[Step] = [*deltas, ProviderBroken("ollama", "no end")]
    served = await start(ScriptedChatModel(stopped_clock(), broken, answer("Yes.")))
    stream = document["paths"]["/api/v1/chat"]["post"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
    shapes = {
        event["properties"]["event"]["const"]: event["properties"]["data"]["contentSchema"] for event in stream["oneOf"]
    }

    events = [event for _ in range(2) for event in events_of((await served.chat(stream=True)).text)]

    assert {event.name for event in events} == shapes.keys()
    for event in events:
        validate({**shapes[event.name], "components": document["components"]}, event.data)


async def test_and_so_are_the_frames_of_openai_s_stream(start: Serve, document: dict[str, Any]) -> None:
    deltas = (ReasoningDelta(text="Hm."), TextDelta(text="Yes."), ToolCallDelta(index=0, id="c", name="f"))
    broken: list[Step] = [*deltas, ProviderBroken("ollama", "no end")]
    served = await start(ScriptedChatModel(stopped_clock(), broken, answer("Yes.")), provider_max_retries=0)
    operation = document["paths"]["/v1/chat/completions"]["post"]
    stream = operation["responses"]["200"]["content"]["text/event-stream"]["schema"]
    chunk, error = (frame["properties"]["data"]["contentSchema"] for frame in stream["oneOf"][:2])
    body = {"model": "ollama", "stream": True, "stream_options": {"include_usage": True}, **chat()}

    frames = [chunks_of((await served.client.post("/v1/chat/completions", json=body)).text) for _ in range(2)]

    assert ("error" in frames[0][-1], frames[1].pop()) == (True, DONE)
    validate({**error, "components": document["components"]}, frames[0].pop())
    for data in (*frames[0], *frames[1]):
        validate({**chunk, "components": document["components"]}, data)


@pytest.mark.search
@pytest.mark.parametrize(
    ("seconds", "seed"),
    [
        pytest.param(SECONDS, ["--seed", "1"], marks=pytest.mark.timeout(SECONDS + 60)),
        pytest.param(1_200, [], marks=[pytest.mark.nightly, pytest.mark.timeout(1_320)]),
    ],
    ids=["seeded", "any"],
)
async def test_the_live_server_does_what_the_document_says(
    start: Serve, tmp_path: Path, seconds: int, seed: list[str]
) -> None:
    """No undocumented status, no answer of another shape, no invalid body accepted, no fault of ours."""
    served = await start(ScriptedChatModel(stopped_clock(), answer("Yes.")), rate_limiter_capacity=1_000_000_000)
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("st"), "run", f"http://127.0.0.1:{served.port}/docs/openapi.json"),
        *("--phases", "examples,coverage,fuzzing", "--max-time", str(seconds), "--max-examples", "100000"),
        *("--checks", "all", "--exclude-checks", OMITTED, "--header", f"X-API-Key: {KEY}"),
        *("--generation-database", "none", "--no-color", "--warnings", "off", "--continue-on-failure", *seed),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert process.returncode == 0, output.decode()
    assert len(served.observer.answers) > 100
    assert json.loads((await served.client.get("/health")).content) == {"status": "ok"}
