"""From a chat in the domain's types to the body of a request for `/api/chat`. Pure."""

from collections.abc import Sequence
from typing import assert_never

from msgspec import MsgspecError, Raw, json

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    Image,
    JsonFormat,
    JsonSchemaFormat,
    Message,
    NamedTool,
    Part,
    ReasoningEffort,
    SystemMessage,
    Text,
    TextFormat,
    Tool,
    ToolCall,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.features import numbers_sent
from llm_gateway.domain.routing import EndpointId

from .options import Options
from .parameters import PLACES

Body = dict[str, object]

_numbers = numbers_sent(PLACES)
_object = json.Decoder(dict[str, Raw])


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


def chat_body(to: EndpointId, request: ChatRequest, options: Options, *, stream: bool, harmony: bool) -> Body:
    """Raises `ProviderRejected` for what the vendor has no field for."""
    body = _frame(to.model, options, stream=stream)
    body["messages"] = _messages(to, request.messages)
    body["think"] = _think(to, request.reasoning_effort, harmony=harmony)
    if request.tools and _offered(to, request):
        body["tools"] = [_tool(tool) for tool in request.tools]
    match request.response_format:
        case None | TextFormat():
            pass
        case JsonFormat():
            body["format"] = "json"
        case JsonSchemaFormat(schema=schema):
            body["format"] = schema
        case unknown:
            assert_never(unknown)
    body["options"] = sent = _numbers(request)
    if options.num_ctx is not None:
        sent["num_ctx"] = options.num_ctx
    if request.sampling.stop:
        sent["stop"] = request.sampling.stop
    return body


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


def _messages(to: EndpointId, messages: Sequence[Message]) -> Sequence[Body]:
    bodies: list[Body] = []
    names: dict[str, str] = {}
    for index, message in enumerate(messages):
        content, images = _said(message.content)
        body: Body
        match message:
            case SystemMessage():
                body = {"role": "system", "content": content}
            case UserMessage():
                body = {"role": "user", "content": content}
                if images:
                    body["images"] = images
            case AssistantMessage(tool_calls=calls):
                body = {"role": "assistant", "content": content}
                if calls:
                    names.update((call.id, call.name) for call in calls)
                    body["tool_calls"] = [
                        _call(to, call, f"messages[{index}].tool_calls[{n}]") for n, call in enumerate(calls)
                    ]
            case ToolMessage(tool_call_id=id):
                body = {"role": "tool", "content": content, "tool_call_id": id}
                name = names.get(id, message.name)
                if name:
                    body["tool_name"] = name
            case unknown:
                assert_never(unknown)
        bodies.append(body)
    return bodies


def _said(parts: Sequence[Part]) -> tuple[str, Sequence[bytes]]:
    """All texts as one, and the images."""
    texts: list[str] = []
    images: list[bytes] = []
    for part in parts:
        match part:
            case Text(text=text):
                texts.append(text)
            case Image(data=data):
                images.append(data)
            case unknown:
                assert_never(unknown)
    return "\n".join(texts), images


def _call(to: EndpointId, call: ToolCall, path: str) -> Body:
    """The arguments as the model wrote them, to the digit, where they are an object."""
    text = call.arguments.strip() or "{}"
    try:
        _object.decode(text)
    except (MsgspecError, UnicodeError, RecursionError):
        raise ProviderRejected(to.provider, "must be a JSON object", path=f"{path}.function.arguments") from None
    return {"id": call.id, "function": {"name": call.name, "arguments": Raw(text.encode())}}


def _tool(tool: Tool) -> Body:
    function: Body = {"name": tool.name, "parameters": tool.parameters or {"type": "object", "properties": {}}}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _offered(to: EndpointId, request: ChatRequest) -> bool:
    """Whether the model may see its tools. The vendor knows no other choice than its own."""
    match request.tool_choice:
        case None | ToolMode.AUTO:
            return True
        case ToolMode.NONE:
            return False
        case ToolMode.REQUIRED | NamedTool():
            raise ProviderRejected(to.provider, "a model can't be made to call a tool", path="tool_choice")
        case unknown:
            assert_never(unknown)


def _think(to: EndpointId, effort: ReasoningEffort | None, *, harmony: bool) -> bool | str:
    """Always said, because a model that can think does so where nothing is said. gpt-oss thinks at three levels."""
    match effort:
        case None | ReasoningEffort.MINIMAL:
            return "low" if harmony else False
        case ReasoningEffort.NONE:
            if harmony:
                raise ProviderRejected(to.provider, "this model can't be kept from thinking", path="reasoning_effort")
            return False
        case ReasoningEffort.LOW | ReasoningEffort.MEDIUM | ReasoningEffort.HIGH | ReasoningEffort.XHIGH:
            return effort.value if harmony else True
        case unknown:
            assert_never(unknown)
