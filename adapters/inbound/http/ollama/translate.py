"""From Ollama's wire to the domain. Pure."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, assert_never

from msgspec import json
from msgspec.structs import asdict

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatCall,
    ChatRequest,
    JsonFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ReasoningEffort,
    ResponseFormat,
    Sampling,
    SystemMessage,
    Text,
    Tool,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import Fault, InvalidRequest
from llm_gateway.domain.media import Image
from llm_gateway.domain.routing import Hint

from ..common.chat_calls import call_of
from . import wire
from .fields import CHAT_TABLE, IDLE_OPTIONS, PROMPT_TABLE, REFUSED_OPTIONS

_LATEST: Final = ":latest"
_OWN: Final = {
    **{name: f"options.{name}" for name in ("temperature", "top_p", "top_k", "seed", "stop")},
    **{name: f"options.{name}" for name in ("presence_penalty", "frequency_penalty")},
    "max_tokens": "options.num_predict",
    "reasoning_effort": "think",
    "response_format": "format",
}
_EFFORTS: Final[dict[object, ReasoningEffort]] = {
    False: ReasoningEffort.NONE,
    True: ReasoningEffort.MEDIUM,
    **{effort.value: effort for effort in (ReasoningEffort.LOW, ReasoningEffort.MEDIUM, ReasoningEffort.HIGH)},
    "max": ReasoningEffort.XHIGH,
}
_MAGIC: Final = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)


def real_name(model: str) -> str:
    """Without the tag that Ollama's clients add where there is none."""
    return model.removesuffix(_LATEST)


def own_path(body: wire.Asked, path: str) -> str:
    """The path of a chat completion's field in a body of ours."""
    head, dot, _ = path.partition(".")
    if head in _OWN:
        return _OWN[head]
    if isinstance(body, wire.PromptAsked) and head.startswith("messages"):
        return "prompt"
    return path.replace(f"{dot}content[", ".images[") if head.startswith("messages[") else path


def chat_call(body: wire.ChatAsked, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """Raises `InvalidRequest` naming the fields that ask for what is not given here."""
    ignored = CHAT_TABLE.check(body)
    tools = tuple(Tool(**asdict(tool.function)) for tool in body.tools or ())
    return _call(body, tuple(_messages(body.messages)), tools, (*ignored, *_idle(body.options)), hint, timeout)


def prompt_call(body: wire.PromptAsked, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """The same for a prompt alone."""
    ignored = PROMPT_TABLE.check(body)
    system = (SystemMessage(content=(Text(text=body.system),)),) if body.system else ()
    said = UserMessage(content=_parts(body.prompt, body.images, ""))
    return _call(body, (*system, said), (), (*ignored, *_idle(body.options)), hint, timeout)


def _call(
    body: wire.Asked,
    messages: tuple[Message, ...],
    tools: tuple[Tool, ...],
    ignored: tuple[str, ...],
    hint: Hint | None,
    timeout: timedelta | None,
) -> ChatCall:
    options: wire.SamplingOptions = body.options or wire.SamplingOptions()
    predicted, stop = options.num_predict, options.stop
    effort = None if body.think is None else _EFFORTS[body.think]
    request = ChatRequest(
        messages=messages,
        max_tokens=None if predicted is None or predicted < 0 else predicted,
        sampling=Sampling(
            temperature=options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
            seed=options.seed,
            stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
            presence_penalty=options.presence_penalty,
            frequency_penalty=options.frequency_penalty,
        ),
        tools=tools,
        response_format=_format(body.format),
        reasoning_effort=effort,
    )
    return call_of(
        request,
        model=real_name(body.model),
        hint=hint,
        timeout=timeout,
        stream=body.stream is not False,
        own_samples=True,
        ignored=ignored,
        nearest_effort=True,
    )


def _idle(options: Any) -> Iterator[str]:
    """AskedOptions without effect. Raises `InvalidRequest` for those that would change an answer and have no place."""
    if options is None:
        return
    stated = [name for name, nothing in REFUSED_OPTIONS.items() if getattr(options, name) not in (None, nothing)]
    if stated:
        raise InvalidRequest([Fault(path=f"options.{name}", message="no model here samples by it") for name in stated])
    yield from (f"options.{name}" for name in IDLE_OPTIONS if getattr(options, name) is not None)


def _format(stated: str | dict[str, Any] | None) -> ResponseFormat | None:
    if not stated:
        return None
    return JsonFormat() if isinstance(stated, str) else JsonSchemaFormat(schema=stated)


def _messages(
    messages: Sequence[wire.SystemSaid | wire.UserSaid | wire.AssistantSaid | wire.ToolSaid],
) -> Iterator[Message]:
    """Calls without an id get one by their place, and results without one are those of the calls in their order."""
    open_calls: list[ToolCall] = []
    for at, message in enumerate(messages):
        match message:
            case wire.SystemSaid():
                yield SystemMessage(content=(Text(text=message.content),))
            case wire.UserSaid():
                yield UserMessage(content=_parts(message.content, message.images, f"messages[{at}]."))
            case wire.AssistantSaid(tool_calls=calls):
                texts = (Text(text=message.content),) if message.content else ()
                open_calls = [_tool_call(call, f"call_{at}_{number}") for number, call in enumerate(calls or ())]
                yield AssistantMessage(content=texts, tool_calls=tuple(open_calls))
            case wire.ToolSaid():
                yield ToolMessage(
                    content=_parts(message.content, message.images, f"messages[{at}]."),
                    tool_call_id=_answered(message, open_calls),
                    name=message.tool_name or message.name,
                )
            case _:
                assert_never(message)


def _answered(result: wire.ToolSaid, open_calls: list[ToolCall]) -> str:
    """The id of the call that a result is for, which is then closed."""
    name = result.tool_name or result.name
    for call in open_calls:
        if call.id == result.tool_call_id or (result.tool_call_id is None and name in (None, call.name)):
            open_calls.remove(call)
            return call.id
    return result.tool_call_id or "none"


def _tool_call(call: wire.CallIn, id: str) -> ToolCall:
    arguments = call.function.arguments
    written = arguments if isinstance(arguments, str) else json.encode(arguments).decode()
    return ToolCall(id=call.id or id, name=call.function.name, arguments=written)


def _parts(text: str, images: Sequence[bytes] | None, at: str) -> tuple[Part, ...]:
    shown = [_image(data, f"{at}images[{number}]") for number, data in enumerate(images or ())]
    return (*((Text(text=text),) if text or not shown else ()), *shown)


def _image(data: bytes, path: str) -> Image:
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
    if kind is None:
        raise InvalidRequest.at(path, "must be a PNG, JPEG, WebP or GIF image in base64")
    return Image(data=data, mime_type=kind)
