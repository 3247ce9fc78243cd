"""From a chat request to the vendor's body and config. Pure; what Gemini has no field for is refused by its path."""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeAlias

from google.genai import types

from llm_gateway.domain.chat import (
    ChatRequest,
    JsonFormat,
    JsonSchemaFormat,
    SystemMessage,
)
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.routing import EndpointId
from llm_gateway.domain.stated import stated_fields

from .allowances import allowance_of
from .contents import Contents
from .function_names import FunctionNames, names_of
from .models import GeminiModel
from .places import MAX_STOPS, SEED_BITS
from .tools import Schemas, tool_config

Json: TypeAlias = dict[str, object]

_SEEDS = range(-(2 ** (SEED_BITS - 1)), 2 ** (SEED_BITS - 1))


class VendorRequest(NamedTuple):
    """`body`: all of which there can be thousands, as the vendor's REST reference spells it. The SDK would convert its
    own types for up to half a millisecond each, on the event loop.

    `stated` gives the fields that the client stated; all others stand in it by the gateway's own choice. `ignored`: the
    paths of what was left out of it. `names` undoes in the answer what the vendor's grammar of names asked for.
    """

    body: Json
    config: types.GenerateContentConfig
    stated: Callable[[], frozenset[str]]
    ignored: tuple[str, ...]
    names: FunctionNames


def to_vendor(to: EndpointId, request: ChatRequest, model: GeminiModel) -> VendorRequest:
    """Raises `ProviderRejected`, naming the field."""
    if all(isinstance(message, SystemMessage) for message in request.messages):
        _refuse(to.provider, "messages", "need one that is not a system message")
    names = names_of(request)
    contents = Contents(to.provider, request.messages, names, model.facts)
    schemas = Schemas(to.provider, request, names)
    body: Json = {"contents": contents.turns}
    if contents.system:
        body["systemInstruction"] = {"parts": contents.system}
    if schemas.declarations:
        body["tools"] = [{"functionDeclarations": schemas.declarations}]
    config = _config(to, request, model)
    config.response_json_schema = schemas.answer
    if request.tools:
        config.tool_config = tool_config(request, names)
    return VendorRequest(body, config, lambda: stated_fields(request), schemas.ignored, names)


def _config(to: EndpointId, request: ChatRequest, model: GeminiModel) -> types.GenerateContentConfig:
    sampling = request.sampling
    if len(sampling.stop) > MAX_STOPS:
        _refuse(to.provider, "stop", f"at most {MAX_STOPS} sequences")
    if sampling.seed is not None and sampling.seed not in _SEEDS:
        _refuse(to.provider, "seed", f"must fit into {SEED_BITS} bits")
    thinking, numbers = model.thinking(request.reasoning_effort), _numbers_of(model, request)
    if request.max_tokens_by_default:
        numbers["maxOutputTokens"] += allowance_of(thinking)
    structured = isinstance(request.response_format, JsonFormat | JsonSchemaFormat)
    return types.GenerateContentConfig(
        stop_sequences=list(sampling.stop) or None,
        **numbers,
        response_mime_type="application/json" if structured else None,
        thinking_config=thinking,
        # one call is one request: the SDK neither runs tools nor asks again on its own
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        automatic_continuation=False,
    )


def _numbers_of(model: GeminiModel, request: ChatRequest) -> dict[str, Any]:
    sent = model.numbers(request)
    if request.sampling.temperature_by_default and not model.facts.default_temperature:
        sent.pop("temperature", None)
    return sent


def _refuse(provider: str, path: str, reason: str) -> NoReturn:
    raise ProviderRejected(provider, reason, path=path)
