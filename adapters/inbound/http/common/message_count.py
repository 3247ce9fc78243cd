"""How many messages, parts, calls and tools a chat's body holds, counted before it is decoded."""

from collections.abc import Sequence
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, json

from .problems import TooLarge


class _Counted(Struct, gc=False):
    """An object of which nothing is read."""


class _Part(Struct, gc=False):
    """`content` is that of a tool's result, as Messages has it: elsewhere it may be anything."""

    content: Any = None


class _Message(Struct, gc=False):
    content: str | list[_Part] | None = None
    tool_calls: list[_Counted] | None = None


class _Chat(Struct, gc=False):
    """`system` is that of Messages."""

    messages: list[_Message] = []
    system: Any = None
    tools: list[_Counted] | None = None


class _Tool(Struct, gc=False):
    """`tools` are those of a namespace: elsewhere it may be anything."""

    tools: Any = None


class _Item(_Message, gc=False):
    """`summary` is that of reasoning."""

    output: str | list[_Counted] | None = None
    summary: Any = None
    tools: list[_Tool] | None = None


class _Response(Struct, gc=False):
    input: str | list[_Item] = []
    tools: list[_Tool] | None = None


_decoder = json.Decoder(_Chat)
_response_decoder = json.Decoder(_Response)


def check_count(body: bytes, most: int) -> None:
    """Raises `TooLarge` for more of them than that. What is no chat's body is left to its decoding.

    Each is an object, and begins with a brace: a body with few braces, as almost any is, is not looked through.
    """
    if len(body) > most and body.count(b"{") > most and _count(body) > most:
        raise TooLarge(f"The body has more than {most} messages, parts, tool calls and tools (MAX_MESSAGES).")


def check_items(body: bytes, most: int) -> None:
    """The same for the body of a response, whose messages are the items of its `input`."""
    if len(body) > most and body.count(b"{") > most and _count_items(body) > most:
        raise TooLarge(f"The body has more than {most} items, parts and tools (MAX_MESSAGES).")


def is_chat(body: bytes) -> bool:
    """Whether what is counted has its place: where it has not, a list may hold any number of anything.

    Raises `DecodeError`, `UnicodeDecodeError` or `RecursionError` for what is no JSON.
    """
    return _decodes(_decoder, body)


def is_response(body: bytes) -> bool:
    """The same of the body of a response."""
    return _decodes(_response_decoder, body)


def _decodes(decoder: "json.Decoder[_Chat] | json.Decoder[_Response]", body: bytes) -> bool:
    try:
        decoder.decode(body)
    except ValidationError:
        return False
    return True


def _count(body: bytes) -> int:
    try:
        chat = _decoder.decode(body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    return _sum(chat.messages) + len(chat.tools or ()) + _length(chat.system)


def _count_items(body: bytes) -> int:
    try:
        response = _response_decoder.decode(body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    items = [] if isinstance(response.input, str) else response.input
    within = sum(_length(item.output) + _length(item.summary) + _count_tools(item.tools) for item in items)
    return within + _count_tools(response.tools) + _sum(items)


def _count_tools(tools: list[_Tool] | None) -> int:
    return sum(1 + _length(tool.tools) for tool in tools or ())


def _sum(messages: Sequence[_Message]) -> int:
    count = len(messages)
    for message in messages:
        count += len(message.tool_calls or ())
        for part in message.content if isinstance(message.content, list) else ():
            count += 1 + _length(part.content)
    return count


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0
