"""From a chat request to the body of the vendor's REST reference. Pure; what has no place there is refused."""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

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
from .media import Json
from .models import GeminiModel
from .places import MAX_STOPS, SEED_BITS
from .tools import Schemas, tool_config

_SEEDS = range(-(2 ** (SEED_BITS - 1)), 2 ** (SEED_BITS - 1))


class VendorRequest(NamedTuple):
    """`most`: the tokens that the whole answer may have, where it is bounded.

    `stated` gives the fields that the client stated; all others stand in the body by the gateway's own choice.
    `ignored`: the paths of what was left out of it. `names` are those of functions, as the vendor's grammar has them.
    """

    body: Json
    most: int | None
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
    if request.tools and (choice := tool_config(request, names)):
        body["toolConfig"] = choice
    config = _config(to, request, model)
    if schemas.answer is not None:
        config["responseJsonSchema"] = schemas.answer
    body["generationConfig"] = config
    return VendorRequest(body, config.get("maxOutputTokens"), lambda: stated_fields(request), schemas.ignored, names)


def _config(to: EndpointId, request: ChatRequest, model: GeminiModel) -> dict[str, Any]:
    sampling = request.sampling
    if len(sampling.stop) > MAX_STOPS:
        _refuse(to.provider, "stop", f"at most {MAX_STOPS} sequences")
    if sampling.seed is not None and sampling.seed not in _SEEDS:
        _refuse(to.provider, "seed", f"must fit into {SEED_BITS} bits")
    config, thinking = model.numbers(request), model.thinking(request.reasoning_effort)
    if sampling.temperature_by_default and not model.facts.default_temperature:
        config.pop("temperature", None)
    if request.max_tokens_by_default:
        config["maxOutputTokens"] += allowance_of(thinking)
    if sampling.stop:
        config["stopSequences"] = list(sampling.stop)
    if isinstance(request.response_format, JsonFormat | JsonSchemaFormat):
        config["responseMimeType"] = "application/json"
    if thinking is not None:
        config["thinkingConfig"] = thinking
    return config


def _refuse(provider: str, path: str, reason: str) -> NoReturn:
    raise ProviderRejected(provider, reason, path=path)
