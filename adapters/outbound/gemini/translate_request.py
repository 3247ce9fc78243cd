"""From a chat request to the vendor's body and config. Pure; what Gemini has no field for is refused by its path."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias

from google.genai import types

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    Image,
    JsonFormat,
    JsonSchemaFormat,
    NamedTool,
    Part,
    SystemMessage,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.json_values import json_fault
from llm_gateway.domain.routing import EndpointId

from .models import GeminiModel
from .places import MAX_STOPS, SEED_BITS
from .refusals import REASONING_EFFORT, TEMPERATURE
from .signatures import UNSIGNED, returned

Json: TypeAlias = dict[str, object]

_SEEDS = range(-(2 ** (SEED_BITS - 1)), 2 ** (SEED_BITS - 1))


class VendorRequest(NamedTuple):
    """`body`: all of which there can be thousands, as the vendor's REST reference spells it. The SDK would convert its
    own types for up to half a millisecond each, on the event loop.

    `unstated`: the fields of the client's request that stand in it by the gateway's own choice, if at all.
    """

    body: Json
    config: types.GenerateContentConfig
    unstated: frozenset[str]


def to_vendor(to: EndpointId, request: ChatRequest, model: GeminiModel) -> VendorRequest:
    """Raises `ProviderRejected`, naming the field."""
    system = [
        _part(part)
        for message in request.messages
        if isinstance(message, SystemMessage)
        for part in message.content
        if part.text
    ]
    if all(isinstance(message, SystemMessage) for message in request.messages):
        _refuse(to.provider, "messages", "need one that is not a system message")
    contents = list(_Contents(to, request, model).walk()) or [_silence()]
    body: Json = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in request.tools]}]
    return VendorRequest(body, _config(to, request, model), frozenset(_unstated(request)))


class _Contents:
    """Walks the messages. System messages, wherever they stand, are the vendor's system instruction instead.

    The vendor takes neither a content without parts nor an empty text, unless it bears a signature. An empty answer is
    left out, as the vendor joins neighbours of the same role; an empty question stays one, as what follows rests on it.
    """

    def __init__(self, to: EndpointId, request: ChatRequest, model: GeminiModel) -> None:
        self._provider = to.provider
        self._messages = request.messages
        asked = (index for index, message in enumerate(request.messages) if isinstance(message, UserMessage))
        # Gemini 3 asks for a signature on the first call of each answer since the last question, and on no other
        self._signed_from = max(asked, default=-1) if model.facts.signatures else len(request.messages)
        self._called: dict[str, str] = {}

    def walk(self) -> Iterator[Json]:
        results: list[Json] = []
        for index, message in enumerate(self._messages):
            path = f"messages[{index}]"
            match message:
                case ToolMessage():
                    results.append(self._result(message, path))
                    continue
                case UserMessage():
                    turn = _question(message)
                case AssistantMessage():
                    parts = list(self._assistant(message, path))
                    if not parts:
                        continue
                    if index > self._signed_from:
                        _sign(parts)
                    turn = {"role": "model", "parts": parts}
                case SystemMessage():
                    continue
            if results:  # the vendor wants the results of parallel calls together, in one content
                yield {"role": "user", "parts": results}
                results = []
            yield turn
        if results:
            yield {"role": "user", "parts": results}

    def _assistant(self, message: AssistantMessage, path: str) -> Iterator[Json]:
        signature = self._signature(message, path)
        texts = [part.text for part in message.content]
        if signature and not texts:
            texts = [""]  # as the vendor sends a signature that belongs to no text
        for number, text in enumerate(texts, start=1):
            signed = signature if number == len(texts) else None
            if text or signed:
                yield _signed({"text": text}, signed)
        for number, call in enumerate(message.tool_calls):
            yield self._call(call, f"{path}.tool_calls[{number}]")

    def _call(self, call: ToolCall, path: str) -> Json:
        self._called[call.id] = call.name
        arguments = _json_object(call.arguments or "{}")
        if arguments is None:
            _refuse(self._provider, f"{path}.function.arguments", "must be the text of a JSON object")
        made: Json = {"functionCall": {"id": call.id, "name": call.name, "args": arguments}}
        return _signed(made, self._signature(call, path))

    def _result(self, message: ToolMessage, path: str) -> Json:
        name = self._called.get(message.tool_call_id)
        if name is None:
            _refuse(self._provider, f"{path}.tool_call_id", "answers no tool call of an earlier message")
        text = "".join(part.text for part in message.content)
        # the vendor takes objects only, and reads "output" as the whole result
        response = _json_object(text)
        if response is None:
            response = {"output": text}
        return {"functionResponse": {"id": message.tool_call_id, "name": name, "response": response}}

    def _signature(self, of: AssistantMessage | ToolCall, path: str) -> bytes | None:
        given, signature = returned(of.extra_content)
        if given and signature is None:
            field = f"{path}.extra_content.google.thought_signature"
            _refuse(self._provider, field, "must be base64, as it was given")
        return signature


def _sign(parts: Sequence[Json]) -> None:
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None and "thoughtSignature" not in first:
        _signed(first, UNSIGNED)


def _signed(part: Json, signature: bytes | None) -> Json:
    if signature is not None:
        part["thoughtSignature"] = urlsafe_b64encode(signature).decode()
    return part


def _question(message: UserMessage) -> Json:
    parts = [_part(part) for part in message.content if isinstance(part, Image) or part.text]
    return {"role": "user", "parts": parts} if parts else _silence()


def _silence() -> Json:
    """The shortest question that the vendor takes."""
    return {"role": "user", "parts": [{"text": " "}]}


def _part(part: Part) -> Json:
    match part:
        case Text():
            return {"text": part.text}
        case Image():
            return {"inlineData": {"data": urlsafe_b64encode(part.data).decode(), "mimeType": part.mime_type}}


def _json_object(text: str) -> dict[str, object] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and json_fault(value) is None else None


def _config(to: EndpointId, request: ChatRequest, model: GeminiModel) -> types.GenerateContentConfig:
    sampling = request.sampling
    if len(sampling.stop) > MAX_STOPS:
        _refuse(to.provider, "stop", f"at most {MAX_STOPS} sequences")
    if sampling.seed is not None and sampling.seed not in _SEEDS:
        _refuse(to.provider, "seed", f"must fit into {SEED_BITS} bits")
    structured = isinstance(request.response_format, JsonFormat | JsonSchemaFormat)
    return types.GenerateContentConfig(
        stop_sequences=list(sampling.stop) or None,
        **_numbers_of(model, request),
        response_mime_type="application/json" if structured else None,
        response_json_schema=(
            _schema(request.response_format) if isinstance(request.response_format, JsonSchemaFormat) else None
        ),
        tool_config=_tool_config(request.tool_choice) if request.tools and request.tool_choice is not None else None,
        thinking_config=model.thinking(request.reasoning_effort),
        # one call is one request: the SDK neither runs tools nor asks again on its own
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        automatic_continuation=False,
    )


def _unstated(request: ChatRequest) -> Iterator[str]:
    if request.reasoning_effort is None:
        yield REASONING_EFFORT
    if request.sampling.temperature is None or request.sampling.temperature_by_default:
        yield TEMPERATURE


def _numbers_of(model: GeminiModel, request: ChatRequest) -> dict[str, Any]:
    sent = model.numbers(request)
    if request.sampling.temperature_by_default and not model.facts.default_temperature:
        sent.pop("temperature", None)
    return sent


def _schema(wanted: JsonSchemaFormat) -> dict[str, object]:
    """What it is for stands within a schema here, where the schema does not say so itself."""
    said = {} if wanted.description is None else {"description": wanted.description}
    return {**said, **wanted.schema}


def _tool(tool: Tool) -> Json:
    made: Json = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    if tool.parameters:
        made["parametersJsonSchema"] = dict(tool.parameters)
    return made


def _tool_config(choice: ToolChoice) -> types.ToolConfig:
    names = None
    match choice:
        case ToolMode.AUTO:
            mode = types.FunctionCallingConfigMode.AUTO
        case ToolMode.NONE:
            mode = types.FunctionCallingConfigMode.NONE
        case ToolMode.REQUIRED:
            mode = types.FunctionCallingConfigMode.ANY
        case NamedTool(name=name):
            mode = types.FunctionCallingConfigMode.ANY
            names = [name]
    return types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode=mode, allowed_function_names=names)
    )


def _refuse(provider: str, path: str, reason: str) -> NoReturn:
    raise ProviderRejected(provider, reason, path=path)
