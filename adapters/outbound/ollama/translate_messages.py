"""From the messages of a chat to those of a request for `/api/chat`. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, assert_never

from msgspec import MsgspecError, Raw, json

from llm_gateway.domain.chat import (
    AssistantMessage,
    Message,
    Part,
    SystemMessage,
    Text,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.media import Document, Image, ImageUrl
from llm_gateway.domain.routing import EndpointId

from ..vendor_http.raw_arguments import RAW_ARGUMENTS

Body = dict[str, object]

FAILED: Final = "Error: "
"""What the text of a failed tool's result begins with: the vendor has no other place for it."""
_object = json.Decoder(dict[str, Raw])


def messages_of(to: EndpointId, messages: Sequence[Message]) -> Sequence[Body]:
    """Raises `ProviderRejected` for what the vendor has no form for."""
    bodies: list[Body] = []
    names: dict[str, str] = {}
    for index, message in _in_call_order(messages):
        content, images = _said(to.provider, message.content)
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
                body = {"role": "tool", "content": FAILED + content if message.error else content, "tool_call_id": id}
                if images:
                    body["images"] = images
                name = names.get(id, message.name)
                if name:
                    body["tool_name"] = name
            case unknown:
                assert_never(unknown)
        bodies.append(body)
    return bodies


def _in_call_order(messages: Sequence[Message]) -> Iterator[tuple[int, Message]]:
    """Each with its index. A turn's results come in its calls' order: most models' templates write no ids."""
    places: dict[str, int] = {}

    def place(one: tuple[int, Message]) -> int:
        return places.get(one[1].tool_call_id, len(places)) if isinstance(one[1], ToolMessage) else -1

    for _, group in groupby(enumerate(messages), lambda one: isinstance(one[1], ToolMessage)):
        run = list(group)
        if isinstance(last := run[-1][1], AssistantMessage):
            places = {call.id: number for number, call in enumerate(last.tool_calls)}
        yield from sorted(run, key=place)


def _said(provider: str, parts: Sequence[Part]) -> tuple[str, Sequence[bytes]]:
    """All texts as one, and the images."""
    texts: list[str] = []
    images: list[bytes] = []
    for part in parts:
        match part:
            case Text(text=text):
                texts.append(text)
            case Image(data=data):
                images.append(data)
            case ImageUrl() | Document():
                raise ProviderRejected(provider, "the server takes images by their bytes, and no documents")
            case unknown:
                assert_never(unknown)
    return "\n".join(texts), images


def _call(to: EndpointId, call: ToolCall, path: str) -> Body:
    """The arguments as the model wrote them, to the digit, where they are an object; else their text in one."""
    text = call.arguments.strip() or "{}"
    arguments: object
    try:
        _object.decode(text)
        arguments = Raw(text.encode())
    except UnicodeError:
        raise ProviderRejected(to.provider, "holds half a character", path=f"{path}.function.arguments") from None
    except (MsgspecError, RecursionError):
        arguments = {RAW_ARGUMENTS: call.arguments}
    return {"id": call.id, "function": {"name": call.name, "arguments": arguments}}
