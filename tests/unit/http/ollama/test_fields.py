"""What becomes of each field of Ollama's requests."""

from typing import Any

import pytest
from msgspec import json

from llm_gateway.adapters.inbound.http.common.fields import Fate, Field
from llm_gateway.adapters.inbound.http.ollama.fields import (
    CHAT_FIELDS,
    IDLE_OPTIONS,
    PROMPT_FIELDS,
    REFUSED_OPTIONS,
)
from llm_gateway.adapters.inbound.http.ollama.handlers import CHATS, PROMPTS
from llm_gateway.adapters.inbound.http.ollama.translate import own_path
from llm_gateway.adapters.inbound.http.ollama.wire import ChatAskedBody, PromptAskedBody
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatCall,
    Grain,
    JsonFormat,
    JsonSchemaFormat,
    ReasoningEffort,
    SystemMessage,
    Text,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.media import Image
from llm_gateway.domain.routing import Hint

HELLO = {"role": "user", "content": "Hello"}
PNG = "iVBORw0KGgo="
TIMES = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.2}


def chat(**fields: Any) -> ChatCall:
    body = {"model": "local", "messages": [HELLO]} | fields
    return CHATS.read({}, 1_000, json.encode(body))[1]


def prompt(**fields: Any) -> ChatCall:
    return PROMPTS.read({}, 1_000, json.encode({"model": "local", "prompt": "Hello"} | fields))[1]


def refusal(**fields: Any) -> str:
    with pytest.raises(InvalidRequest) as refused:
        chat(**fields)
    return refused.value.faults[0].path


def test_what_is_not_stated_is_left_to_the_model() -> None:
    call = chat()
    assert (call.model, call.grain, call.hint, call.ignored) == ("local", Grain.STREAM, None, ())
    assert call.request.max_tokens is None
    assert call.request.sampling.temperature is None
    assert call.request.reasoning_effort is None
    assert call.cache.own_samples
    assert chat(stream=False).grain is Grain.WHOLE
    assert chat(model="llama3.1:latest").model == "llama3.1"
    assert chat(model="llama3.1:8b").model == "llama3.1:8b"


def test_options_are_the_domain_s_own() -> None:
    sampling = chat(options=TIMES | {"stop": "END", "num_predict": 9}).request
    assert {name: getattr(sampling.sampling, name) for name in TIMES} == TIMES
    assert sampling.sampling.stop == ("END",)
    assert sampling.max_tokens == 9
    assert chat(options={"num_predict": -1}).request.max_tokens is None
    assert chat(options=None).request == chat().request == chat(options={}).request


@pytest.mark.parametrize("name", IDLE_OPTIONS)
def test_what_is_of_the_server_s_memory_has_no_effect_and_is_named(name: str) -> None:
    assert chat(options={name: 8192}).ignored == (f"options.{name}",)


@pytest.mark.parametrize(("name", "nothing"), REFUSED_OPTIONS.items())
def test_what_no_model_here_samples_by_is_refused_unless_it_asks_for_nothing(name: str, nothing: object) -> None:
    assert chat(options={name: nothing}).ignored == ()
    assert refusal(options={name: 0.37}) == f"options.{name}"


@pytest.mark.parametrize(
    ("stated", "effort"),
    [
        (True, ReasoningEffort.MEDIUM),
        (False, ReasoningEffort.NONE),
        ("low", ReasoningEffort.LOW),
        ("high", ReasoningEffort.HIGH),
        ("max", ReasoningEffort.XHIGH),
        (None, None),
    ],
)
def test_thinking_is_an_effort(stated: object, effort: ReasoningEffort | None) -> None:
    call = chat(think=stated)
    assert (call.request.reasoning_effort, call.nearest_effort) == (effort, True)


def test_formats() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert chat(format="json").request.response_format == JsonFormat()
    assert chat(format=schema).request.response_format == JsonSchemaFormat(schema=schema)
    assert chat(format="").request.response_format is None
    assert refusal(format="yaml") == "format"


def test_a_tool_loop_without_ids_is_answered_by_position() -> None:
    calls = [{"function": {"name": name, "arguments": {"q": 1}}} for name in ("look", "see", "look")]
    messages = chat(
        messages=[
            {"role": "system", "content": "Be brief."},
            HELLO | {"images": [PNG]},
            {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": calls, "another's": 1},
            {"role": "tool", "content": "a", "tool_name": "see"},
            {"role": "tool", "content": "b"},
            {"role": "tool", "content": "c", "tool_name": "look"},
            {"role": "assistant", "tool_calls": [{"id": "mine", "function": {"name": "look", "arguments": "{}"}}]},
            {"role": "tool", "content": "d", "tool_call_id": "mine"},
        ]
    ).request.messages
    assert isinstance(messages[0], SystemMessage)
    assert messages[1] == UserMessage(
        content=(Text(text="Hello"), Image(data=b"\x89PNG\r\n\x1a\n", mime_type="image/png"))
    )
    asked = messages[2]
    assert isinstance(asked, AssistantMessage)
    assert [(call.id, call.name, call.arguments) for call in asked.tool_calls] == [
        ("call_2_0", "look", '{"q":1}'),
        ("call_2_1", "see", '{"q":1}'),
        ("call_2_2", "look", '{"q":1}'),
    ]
    answers = [message.tool_call_id for message in messages if isinstance(message, ToolMessage)]
    assert answers == ["call_2_1", "call_2_0", "call_2_2", "mine"]


def test_what_another_tool_keeps_in_an_answer_is_named() -> None:
    answered = {"role": "assistant", "content": "Hi", "thinking": "Hm.", "kept": 1}
    assert set(chat(messages=[HELLO, answered, HELLO]).ignored) == {"messages[1].thinking", "messages[1].kept"}
    assert refusal(messages=[HELLO | {"kept": 1}]) == "messages[0].kept"


def test_a_prompt_is_a_message_after_its_system() -> None:
    call = prompt(system="Be brief.", images=[PNG])
    assert [type(message) for message in call.request.messages] == [SystemMessage, UserMessage]
    assert len(call.request.messages[1].content) == 2


@pytest.mark.parametrize(("read", "field"), [(chat, "messages[0].images[0]"), (prompt, "images[0]")])
def test_an_image_is_known_by_its_first_bytes(read: Any, field: str) -> None:
    fields: dict[str, Any] = {"messages": [HELLO | {"images": ["aGVsbG8="]}]} if read is chat else {"images": ["aGk="]}
    with pytest.raises(InvalidRequest) as refused:
        read(**fields)
    assert refused.value.faults[0].path == field


TABLES = [(chat, field) for field in CHAT_FIELDS] + [(prompt, field) for field in PROMPT_FIELDS]


@pytest.mark.parametrize(
    ("read", "field"),
    [(read, field) for read, field in TABLES if field.top_level and field.fate is Fate.REFUSED],
    ids=lambda value: getattr(value, "path", getattr(value, "__name__", "")),
)
def test_a_refused_field_is_refused_by_its_name_and_taken_where_it_asks_for_nothing(read: Any, field: Field) -> None:
    for nothing in (None, False, "", [], {}, *field.neutral):
        assert read(**{field.path: nothing}).ignored == ()
    with pytest.raises(InvalidRequest) as refused:
        read(**{field.path: 7})
    assert [fault.path for fault in refused.value.faults] == [field.path]


def test_the_tables_are_whole() -> None:
    for body, fields in ((ChatAskedBody, CHAT_FIELDS), (PromptAskedBody, PROMPT_FIELDS)):
        top = {field.path for field in fields if field.top_level} | {"options"}
        assert set(body.__struct_fields__) == top


@pytest.mark.parametrize(
    ("path", "chats", "prompts"),
    [
        ("temperature", "options.temperature", "options.temperature"),
        ("max_tokens", "options.num_predict", "options.num_predict"),
        ("response_format.json_schema", "format", "format"),
        ("reasoning_effort", "think", "think"),
        ("messages[1].content[2].image", "messages[1].images[2].image", "prompt"),
        ("tools[0].function.name", "tools[0].function.name", "tools[0].function.name"),
    ],
)
def test_faults_are_told_at_ollama_s_paths(path: str, chats: str, prompts: str) -> None:
    assert own_path(json.decode(b'{"model":"m"}', type=ChatAskedBody), path) == chats
    assert own_path(json.decode(b'{"model":"m"}', type=PromptAskedBody), path) == prompts


def test_a_hint_comes_by_its_header() -> None:
    fields = {b"x-gateway-hint": [b"secure"]}
    call = CHATS.read(fields, 9, json.encode({"model": "local", "messages": [HELLO]}))[1]
    assert call.hint is Hint.SECURE
