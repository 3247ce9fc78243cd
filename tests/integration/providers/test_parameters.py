"""Every cell of the parameter table: a field goes out at the named place, is refused by its path, or is left out."""

import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest
from msgspec.structs import replace

from llm_gateway.adapters.inbound.http.native.translate import to_call
from llm_gateway.adapters.inbound.http.native.wire import ChatBody
from llm_gateway.adapters.outbound.embedded.parameters import FEATURES, LEFT_OUT
from llm_gateway.adapters.outbound.embedded.translate import request_body
from llm_gateway.adapters.outbound.gemini.client import GeminiClient
from llm_gateway.adapters.outbound.gemini.directory import GeminiDirectory
from llm_gateway.adapters.outbound.gemini.models import FILE
from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
from llm_gateway.adapters.outbound.openai.provider import opened
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.application.ports.providers import ProviderOrder
from llm_gateway.bootstrap.parameters import COLUMNS, page
from llm_gateway.domain.chat import ChatRequest, Grain, Sampling
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.events import collect, flattened
from llm_gateway.domain.parameters import NUMBERS, PARAMETERS, Column, Parameter, Treatment, features_of
from llm_gateway.domain.planning import make_plan
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Feature, Locality
from llm_gateway.domain.validation import check

from ..gemini.calls import WORLD, model_at
from ..gemini.payloads import respelled, stream
from ..gemini.server import GeminiServer
from ..ollama.server import Model, answer, ollama_server
from ..openai.server import spoken_server
from ..scripted_vendor import Asked, Script
from ..waiting import HANG_SECONDS

CALLED = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"n":1}'}}
SIGNED = {
    "google": {"thought_signature": b64encode(b"signed").decode()},
    "upstream": {"reasoning_content": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
}
USER = {"role": "user", "content": "Go."}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "2"}
FUNCTION = {"name": "add", "parameters": {"type": "object"}}
TOOLS = {"tools": [{"function": FUNCTION}]}
FORCED = TOOLS | {"tool_choice": "required"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
NAMED_SCHEMA = {"name": "numbers", "schema": SCHEMA}

SAID = {"messages[].content": "Other.", "messages[].content, of a system message": "Short."}


def formatted(**schema: object) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": NAMED_SCHEMA | schema}}


def said(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(messages)}


def pictured(**fields: str) -> dict[str, Any]:
    return said({"role": "user", "content": [{"type": "image", "data": "aGk=", "mime_type": "image/png"} | fields]})


def answered_by(*content: dict[str, Any], **fields: object) -> dict[str, Any]:
    """A call, and its result of these parts."""
    parts = {"content": list(content)} if content else {}
    return said(USER, {"role": "assistant", "tool_calls": [CALLED]}, RESULT | parts | fields)


PICTURE = {"type": "image", "data": "aGk=", "mime_type": "image/png"}
PLAIN: dict[str, Any] = {"messages": [USER], "max_tokens": 7}
USES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "messages[].content": (said(USER | {"content": SAID["messages[].content"]}), {}),
    "messages[].content, of a system message": (said({"role": "system", "content": "Short."}, USER), {}),
    "messages[].content, an image": (
        said({"role": "user", "content": [{"type": "image", "data": "aGk=", "mime_type": "image/png"}]}),
        {},
    ),
    "messages[].content, an image by its URL": (
        said({"role": "user", "content": [{"type": "image_url", "url": "https://a.example/a.png"}]}),
        {},
    ),
    "messages[].content, an image's detail": (pictured(detail="high"), pictured()),
    "messages[].content, a document": (said({"role": "user", "content": [{"type": "document", "data": "aGk="}]}), {}),
    "messages[].content, of a last answer": (said(USER, {"role": "assistant", "content": "So"}), said(USER)),
    "messages[].name": (said(USER | {"name": "Ann"}), {}),
    "messages[].tool_calls": (said(USER, {"role": "assistant", "tool_calls": [CALLED]}, RESULT), {}),
    "messages[].tool_call_id": (said(USER, {"role": "assistant", "tool_calls": [CALLED]}, RESULT), {}),
    "messages[].content, media of a tool result": (answered_by(PICTURE), answered_by({"type": "text", "text": "2"})),
    "messages[].error": (answered_by(error=True), answered_by()),
    "messages[].extra_content": (
        said(USER, {"role": "assistant", "content": "Hm.", "extra_content": SIGNED}, USER),
        said(USER, {"role": "assistant", "content": "Hm."}, USER),
    ),
    "max_tokens": ({"max_tokens": 9}, {}),
    "temperature": ({"temperature": 0.25}, {}),
    "top_p": ({"top_p": 0.5}, {}),
    "top_k": ({"top_k": 40}, {}),
    "stop": ({"stop": "END"}, {}),
    "seed": ({"seed": 11}, {}),
    "presence_penalty": ({"presence_penalty": 0.5}, {}),
    "frequency_penalty": ({"frequency_penalty": -0.5}, {}),
    "tools": (TOOLS, {}),
    "tools[].function.strict": ({"tools": [{"function": FUNCTION | {"strict": True}}]}, TOOLS),
    "tool_choice: none": (TOOLS | {"tool_choice": "none"}, TOOLS),
    "tool_choice: required": (TOOLS | {"tool_choice": "required"}, TOOLS),
    "tool_choice: a function": (TOOLS | {"tool_choice": {"function": {"name": "add"}}}, TOOLS),
    "response_format: json_object": ({"response_format": {"type": "json_object"}}, {}),
    "response_format: json_schema": (formatted(), {}),
    "response_format.json_schema.name": (formatted(name="other"), formatted()),
    "response_format.json_schema.description": (formatted(description="Numbers."), formatted()),
    "response_format.json_schema.strict": (formatted(strict=True), formatted()),
    "response_format: beside tools": (TOOLS | {"response_format": {"type": "json_object"}}, TOOLS),
    "response_format: beside a tool_choice": (FORCED | {"response_format": {"type": "json_object"}}, FORCED),
    "logprobs": ({"logprobs": True}, {}),
    "top_logprobs": ({"top_logprobs": 2, "logprobs": True}, {"logprobs": True}),
    "reasoning_effort": ({"reasoning_effort": "high"}, {}),
    "reasoning_effort: none": ({"reasoning_effort": "none"}, {}),
    "reasoning_effort: xhigh": ({"reasoning_effort": "xhigh"}, {}),
}
"""For each field a body that uses it, and one beside it that differs in nothing else, both on top of `PLAIN`."""


Body: TypeAlias = Callable[[EndpointState, ChatRequest], Awaitable[Any]]
"""What a request becomes on the wire."""


async def answered(model: ChatModel, state: EndpointState, request: ChatRequest) -> None:
    deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
    await collect(flattened(model.events(state.endpoint, request, grain=Grain.STREAM, deadline=deadline, headers={})))


@asynccontextmanager
async def gemini(column: Column) -> AsyncGenerator[tuple[Sequence[EndpointState], Body], None]:
    name = column.models.replace("*", "x")
    # a column is a row of the gateway's facts, which is no model of the vendor's
    async with GeminiServer(stream(WORLD), judges=False).running() as server, model_at(server.url) as model:
        client = GeminiClient(provider="gemini", api_key="any", base_url=server.url, clock=SystemClock())

        async def body(state: EndpointState, request: ChatRequest) -> Any:
            await answered(model, state, request)
            return respelled(server.asked[-1].body)

        try:
            yield GeminiDirectory(client, SystemClock(), model=name).snapshot(), body
        finally:
            await client.aclose()


def as_asked(asked: Asked) -> Script:
    return answer("{}" if "format" in asked.body else "Hello")


@asynccontextmanager
async def ollama(_: Column, version: str = "0.33.0") -> AsyncGenerator[tuple[Sequence[EndpointState], Body], None]:
    """One model that can do everything, and one that can only chat."""
    async with ollama_server() as server:
        server.version = version
        able = Model(name="able", capabilities=("completion", "tools", "vision", "thinking"))
        server.models = [able, Model(name="plain", capabilities=("completion",))]
        server.loaded = {"able", "plain"}
        server.scripts = [as_asked]
        directory = OllamaDirectory(model="able", clock=SystemClock(), base_url=server.url)
        await directory.look()
        model = OllamaChatModel(base_url=server.url, clock=SystemClock())

        async def body(state: EndpointState, request: ChatRequest) -> Any:
            await answered(model, state, request)
            assert not server.dropped
            return server.chats()[-1].body

        try:
            yield directory.snapshot(), body
        finally:
            await model.aclose()
            await directory.aclose()


@asynccontextmanager
async def embedded(_: Column) -> AsyncGenerator[tuple[Sequence[EndpointState], Body], None]:
    to = Endpoint(id=EndpointId(provider="embedded", model="tiny"), locality=Locality.ON_PREMISES)

    async def body(_: EndpointState, request: ChatRequest) -> Any:
        return request_body(request)

    yield [EndpointState(endpoint=to, features=FEATURES, left_out=LEFT_OUT)], body


@asynccontextmanager
async def openai(column: Column) -> AsyncGenerator[tuple[Sequence[EndpointState], Body], None]:
    """A column is a dialect. What the server would refuse, or pass over, fails the test."""
    async with spoken_server(column.models) as server:
        order = ProviderOrder(name="openai", model="able", base_url=server.url, dialect=column.models, outside=True)
        provider = opened(order, SystemClock())
        assert provider.look is not None
        assert provider.close is not None
        await provider.look()

        async def body(state: EndpointState, request: ChatRequest) -> Any:
            assert provider.model is not None
            await answered(provider.model, state, request)
            assert not server.ignored
            return server.chats()[-1].body

        try:
            yield provider.directory.snapshot(), body
        finally:
            await provider.close()


VENDORS: dict[str, Callable[[Column], AbstractAsyncContextManager[tuple[Sequence[EndpointState], Body]]]] = {
    "gemini": gemini,
    "ollama": ollama,
    "embedded": embedded,
    "openai": openai,
}


def planned(state: EndpointState, changes: dict[str, Any]) -> ChatRequest:
    """The request, where the endpoint's plan has it. Raises `InvalidRequest` where it is refused.

    Whatever the endpoint leaves out of it is named, and refused to a strict client.
    """
    body = msgspec.convert(PLAIN | {"model": state.endpoint.name} | changes, ChatBody)
    call = to_call(body, None, None)
    check(call)
    client = Client(id=ClientId("me"), namespace="me", quota=Quota())
    plan = make_plan(call, client, [state])
    assert plan.endpoints == (state,)
    if state.left_out & plan.used.keys():
        assert plan.ignored(state.endpoint.id)
        with pytest.raises(InvalidRequest):
            make_plan(call, replace(client, strict=True), [state])
    return call.request


def at(body: Any, path: str) -> list[Any]:
    """All that stands at a place."""
    found = [body]
    for step in re.findall(r"[^.\[\]]+|\[\]", path):
        if step == "[]":
            found = [item for each in found for item in each]
        else:
            found = [each[step] for each in found if isinstance(each, dict) and step in each]
    return found


def refused(state: EndpointState, parameter: Parameter, changes: dict[str, Any]) -> None:
    """By the path of a field that is used, with the endpoint's name and the feature's."""
    with pytest.raises(InvalidRequest) as caught:
        planned(state, changes)
    (fault,) = caught.value.faults
    assert re.split(r"[.\[]", fault.path)[0] in changes
    assert state.endpoint.name in fault.message


async def walk(column: Column, parameter: Parameter, state: EndpointState, body: Body) -> bool:
    """One cell, for one model. True where the field goes out."""
    changes, beside = USES[parameter.field]
    lacking = parameter.feature is not None and parameter.feature not in state.features
    left_out = parameter.field in state.left_out
    if lacking and (parameter.label or not left_out):
        refused(state, parameter, changes)
        return False
    place = column.places.get(parameter.field)
    if place is not None and place.at and parameter.field == "reasoning_effort: none":
        beside = {"reasoning_effort": "low"}  # which goes to the lowest level too where nothing is said
    used, unused = [await body(state, planned(state, one)) for one in (changes, beside)]
    if left_out:
        assert used == unused
        return False
    assert place is not None
    if not place.at:
        assert used == unused
        return True
    assert at(used, place.at) != at(unused, place.at)
    if place.how is None and parameter.field not in GOES_ON:
        assert SAID.get(parameter.field, next(iter(changes.values()))) in at(used, place.at)
    return True


GOES_ON = {"messages[].content, of a last answer"}
GOES_OUT = {
    Treatment.HONOURED: {True},
    Treatment.TRANSLATED: {True},
    Treatment.MODEL_DEPENDENT: {True, False},
    Treatment.REFUSED: {False},
    Treatment.LEFT_OUT: {False},
}


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: f"{column.provider}/{column.models}")
async def test_every_cell(column: Column) -> None:
    async with VENDORS[column.provider](column) as (states, body):
        await walk_all(column, states, body)


async def test_every_cell_at_an_older_ollama() -> None:
    (column,) = (column for column in COLUMNS if column.provider == "ollama")
    async with ollama(column, "0.17.4") as (states, body):
        await walk_all(column, states, body)


async def walk_all(column: Column, states: Sequence[EndpointState], body: Body) -> None:
    for parameter in PARAMETERS:
        treatment = column.treatment(parameter)
        gone_out = {await walk(column, parameter, state, body) for state in states}
        assert gone_out == GOES_OUT[treatment], parameter.field


def test_every_row_is_walked_and_every_field_of_a_request_has_a_row() -> None:
    assert list(USES) == [parameter.field for parameter in PARAMETERS]
    told = {re.split(r"[.\[:]", parameter.field)[0] for parameter in PARAMETERS}
    assert told == set(ChatBody.__struct_fields__) - {"model", "model_hint", "stream", "cache"}
    assert {parameter.feature for parameter in PARAMETERS} == {None, *Feature}
    assert {*Sampling.__struct_fields__} & told >= {*NUMBERS} - {"max_tokens", "top_logprobs"}


def test_an_optional_parameter_stands_in_few_files() -> None:
    """Its feature, its type, its row; each surface's wire, table and translation; what each vendor has a place for."""
    layers = [Path(__file__).parents[3] / layer for layer in ("domain", "application", "adapters", "bootstrap")]
    files = [
        path for layer in layers for path in layer.rglob("*.py") if "top_k" in path.read_text(encoding="utf-8").lower()
    ]
    assert len(files) <= 17, files


def test_no_place_is_without_a_row() -> None:
    rows = {parameter.field for parameter in PARAMETERS}
    assert all(set(column.places) <= rows for column in COLUMNS)


def test_a_column_honours_only_what_it_has_a_place_for() -> None:
    for column in COLUMNS:
        assert column.features | column.by_model <= features_of(column.places)
        assert {row.field for row in PARAMETERS if row.feature is None and not row.label} <= column.places.keys()


NEW_FEATURE = """
from llm_gateway.domain import parameters, routing

new = str.__new__(routing.Feature, "new")
new._name_, new._value_ = "NEW", "new"
routing.Feature._member_map_["NEW"] = routing.Feature._value2member_map_["new"] = new
routing.Feature._member_names_.append("NEW")
parameters.PARAMETERS += (parameters.Parameter("new", new, lambda request: 1),)
parameters.FEATURES["new"] = new

from llm_gateway.adapters.outbound.embedded.parameters import FEATURES as embedded
from llm_gateway.adapters.outbound.gemini.models import FILE, PACKAGED
from llm_gateway.adapters.outbound.ollama.catalogue import OllamaServer, Pulled, states
from llm_gateway.application.ports.providers import ProviderOrder
from llm_gateway.bootstrap.parameters import COLUMNS
from llm_gateway.domain.chat import ChatCall, ChatRequest
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.planning import make_plan
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality

able = Pulled(name="able", digest="", capabilities=frozenset({"completion", "tools", "vision", "thinking"}))
server = OllamaServer(
    provider="ollama", model="able", fingerprint="", num_ctx=None, configured=True, locality=Locality.ON_PREMISES
)
named = [name for row in FILE.models for name in row.names]
honoured = {name: PACKAGED.of(name, 0.0).features for name in named} | {"embedded": embedded}
honoured["ollama"] = states(server, [able], {})[0].features
for name, features in honoured.items():
    endpoint = Endpoint(id=EndpointId(provider=name, model="any"), locality=Locality.ON_PREMISES)
    state = EndpointState(endpoint=endpoint, features=features)
    me = Client(id=ClientId("me"), namespace="me", quota=Quota())
    try:
        make_plan(ChatCall(request=ChatRequest(messages=()), model=name), me, [state])
    except InvalidRequest as refused:
        print(name, refused.faults[0].path, refused.faults[0].message)
for column in COLUMNS:
    print(column.models, column.treatment(parameters.PARAMETERS[-1]).value)
"""
"""A feature and its row, added before any adapter is imported: nobody has a place for it."""


def test_a_parameter_that_is_added_without_a_place_is_refused_by_its_field_everywhere() -> None:
    done = subprocess.run([sys.executable, "-c", NEW_FEATURE], capture_output=True, text=True, check=True)
    told = done.stdout.splitlines()
    patterns = dict.fromkeys(name for row in FILE.models for name in row.names)
    refusals = [f"{name} new {name}/any cannot honour new" for name in (*patterns, "embedded", "ollama")]
    assert told == [*refusals, *(f"{column.models} 400" for column in COLUMNS)]


def test_the_page_is_what_the_table_says() -> None:
    """`just generate` writes it."""
    assert (Path(__file__).parents[3] / "docs" / "parameters.md").read_text(encoding="utf-8") == page()
