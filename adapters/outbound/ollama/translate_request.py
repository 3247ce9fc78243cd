"""From a chat in the domain's types to the body of a request for `/api/chat`. Pure."""

from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct, json

from llm_gateway.application.reasoning_allowances import ALLOWANCES
from llm_gateway.domain.chat import (
    ChatRequest,
    JsonFormat,
    JsonSchemaFormat,
    ReasoningEffort,
    ResponseFormat,
    TextFormat,
    Tool,
    ToolMode,
)
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.features import numbers_sent
from llm_gateway.domain.routing import EndpointId

from .forced_tools import ForcedTools, forced_tools
from .options import Options
from .parameters import PLACES
from .tool_schemas import Budget, reduced
from .translate_messages import Body, messages_of

_numbers = numbers_sent({field: place for field, place in PLACES.items() if place.at.startswith("options.")})


class OllamaRequest(Struct, frozen=True, kw_only=True):
    """`ignored` are the paths of the client's own fields that the body leaves out. `forced`: the answer is its call."""

    body: Body
    ignored: tuple[str, ...] = ()
    forced: ForcedTools | None = None


def load_body(model: str, options: Options) -> Body:
    """A chat without messages loads the model; with a `keep_alive` of 0 it would unload it.

    Whether the context may shift is settled when a model is loaded: another value in the chat would load it anew.
    """
    body = _frame(model, options, stream=False)
    body["messages"] = []
    body["options"] = {"num_ctx": options.num_ctx} if options.num_ctx is not None else {}
    if not options.loaded_seconds:
        body.pop("keep_alive")
    return body


def chat_request(
    to: EndpointId, request: ChatRequest, options: Options, *, stream: bool, harmony: bool
) -> OllamaRequest:
    """Raises `ProviderRejected` for what the vendor has no field for."""
    body = _frame(to.model, options, stream=stream)
    ignored: list[str] = []
    forced = forced_tools(request)
    body["messages"] = messages_of(to, request.messages)
    body["think"] = _think(request.reasoning_effort, harmony=harmony)
    if harmony and request.reasoning_effort is ReasoningEffort.NONE:
        ignored.append("reasoning_effort")
    if request.tools and request.tool_choice is not ToolMode.NONE:
        body["tools"], left_out = _tools(to, request, forced)
        ignored += left_out
    if request.logprobs and forced is None:
        body["logprobs"] = True
        if request.top_logprobs:
            body["top_logprobs"] = request.top_logprobs
    if forced is not None:
        body["format"] = forced.form
    else:
        _format(body, request.response_format)
    body["options"] = sent = _numbers(request)
    if request.max_tokens_by_default:
        sent["num_predict"] += _allowance(request.reasoning_effort, body["think"])
    if options.num_ctx is not None:
        sent["num_ctx"] = options.num_ctx
    if request.sampling.stop:
        sent["stop"] = request.sampling.stop
    return OllamaRequest(body=body, ignored=tuple(ignored), forced=forced)


def _format(body: Body, wanted: ResponseFormat | None) -> None:
    match wanted:
        case None | TextFormat():
            pass
        case JsonFormat():
            body["format"] = "json"
        case JsonSchemaFormat(schema=schema):
            body["format"] = schema
        case unknown:
            assert_never(unknown)


def encoded(to: EndpointId, body: Body) -> bytes:
    """As JSON, with images in base64. Raises `ProviderRejected` for half a character, which UTF-8 has no form for."""
    try:
        return json.encode(body)
    except (UnicodeError, OverflowError, RecursionError):
        raise ProviderRejected(to.provider, "the request holds text or numbers that JSON has no form for") from None


def _frame(model: str, options: Options, *, stream: bool) -> Body:
    """Without `truncate` and `shift` the server silently drops the beginning of what does not fit its context."""
    body: Body = {"model": model, "stream": stream, "truncate": False, "shift": False}
    if options.keep_alive is not None:
        body["keep_alive"] = options.sent_keep_alive
    return body


def _tools(to: EndpointId, request: ChatRequest, forced: ForcedTools | None) -> tuple[Sequence[Body], Sequence[str]]:
    """The tools that the model may see, and the paths of what is left out of them.

    Nothing is, of one that must be called: its schema goes out whole beside them, and constrains the answer.
    """
    bodies: list[Body] = []
    ignored: list[str] = []
    budget = Budget()
    for index, tool in enumerate(request.tools):
        if forced is not None and tool not in forced.tools:
            continue
        body, left_out = _tool(to, tool, f"tools[{index}].function", budget)
        bodies.append(body)
        if forced is None:
            ignored += left_out
    return bodies, ignored


def _tool(to: EndpointId, tool: Tool, path: str, budget: Budget) -> tuple[Body, Sequence[str]]:
    schema = reduced(to.provider, tool.parameters or {}, f"{path}.parameters", budget)
    ignored = list(schema.ignored)
    function: Body = {"name": tool.name, "parameters": schema.schema}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict:
        ignored.append(f"{path}.strict")
    return {"type": "function", "function": function}, ignored


def _allowance(effort: ReasoningEffort | None, think: object) -> int:
    """The server counts thoughts against `num_predict`."""
    match think:
        case str():
            return ALLOWANCES[ReasoningEffort(think)]
        case True if effort is not None:
            return ALLOWANCES[effort]
    return 0


def _think(effort: ReasoningEffort | None, *, harmony: bool) -> bool | str:
    """Always said, because a model that can think does so where nothing is said. gpt-oss thinks at three levels, and
    can't be kept from it.
    """
    match effort:
        case None | ReasoningEffort.NONE | ReasoningEffort.MINIMAL:
            return "low" if harmony else False
        case ReasoningEffort.LOW | ReasoningEffort.MEDIUM | ReasoningEffort.HIGH:
            return effort.value if harmony else True
        case ReasoningEffort.XHIGH:
            return "high" if harmony else True
        case unknown:
            assert_never(unknown)
