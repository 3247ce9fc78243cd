"""From the messages of a chat to those of a request in OpenAI's form. Pure."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, assert_never

from llm_gateway.domain.chat import (
    AssistantMessage,
    JsonObject,
    Message,
    Part,
    SystemMessage,
    Text,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.media import Document, Image, ImageUrl, Media

from .dialects import Body, Dialect

FAILED: Final = "Error: "
"""What the text of a failed tool's result begins with: there is no other place for it."""
RETURNED: Final = "upstream"
"""The key in `extra_content` under which stands what a server wants back with an answer that calls tools."""
_MARKED: Final = "<system>\n{}\n</system>"
_NO_WORDS: Final = "(nothing but what follows)"
_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9]*")


def messages_of(dialect: Dialect, messages: Sequence[Message]) -> Sequence[Body]:
    """Images in tool results follow the last result of their turn, in a user's message: a result has only text."""
    bodies: list[Body] = []
    shown: list[Body] = []
    for message in messages:
        if shown and not isinstance(message, ToolMessage):
            bodies.append({"role": "user", "content": shown})
            shown = []
        match message:
            case SystemMessage():
                _system(dialect, bodies, _text_of(message.content))
            case UserMessage(content=parts):
                bodies.append({"role": "user", "content": _content(parts)})
            case AssistantMessage():
                bodies.append(_answer(dialect, message))
            case ToolMessage(content=parts, tool_call_id=id):
                media = [_medium(part) for part in parts if not isinstance(part, Text)]
                text = _text_of(parts) or (_NO_WORDS if media else "")
                content = FAILED + text if message.error else text
                bodies.append({"role": "tool", "tool_call_id": _call_id(dialect, id), "content": content})
                shown += media
            case unknown:
                assert_never(unknown)
    if shown:
        bodies.append({"role": "user", "content": shown})
    return bodies


def _system(dialect: Dialect, bodies: list[Body], text: str) -> None:
    """Leading ones are one message: some models' templates refuse a second one."""
    if bodies and len(bodies) == 1 and bodies[0]["role"] == "system":
        bodies[0]["content"] += f"\n\n{text}"
    elif not bodies or dialect.late_system == "system":
        bodies.append({"role": "system", "content": text})
    else:
        bodies.append({"role": dialect.late_system, "content": _MARKED.format(text)})


def _answer(dialect: Dialect, message: AssistantMessage) -> Body:
    text = _text_of(message.content)
    calls = message.tool_calls
    body: Body = {"role": "assistant", "content": text if text or not calls or dialect.empty_text else None}
    if calls:
        body["tool_calls"] = [
            {
                "id": _call_id(dialect, call.id),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments or "{}"},
            }
            for call in calls
        ]
    if dialect.returns:
        lost = dialect.returns if calls else {}
        body |= {**lost, **_returned(dialect, (message.extra_content, *(call.extra_content for call in calls)))}
    return body


def _returned(dialect: Dialect, given: Iterable[JsonObject | None]) -> Body:
    """Of what other providers gave, nothing."""
    back: Body = {}
    for extra in given:
        match extra:
            case {"upstream": dict(fields)}:
                back |= {name: fields[name] for name in dialect.returns if name in fields}
    return back


def carried(fields: Body) -> JsonObject:
    """What goes out to the client, and comes back."""
    return {RETURNED: fields}


def _call_id(dialect: Dialect, id: str) -> str:
    length = dialect.call_ids
    if length is None or (len(id) == length and _ALPHANUMERIC.fullmatch(id)):
        return id
    return sha256(id.encode(errors="surrogatepass")).hexdigest()[:length]


def _text_of(parts: Sequence[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def _content(parts: Sequence[Part]) -> str | Sequence[Body]:
    """Plain text where it is no more: not every model's template takes a list."""
    if all(isinstance(part, Text) for part in parts):
        return _text_of(parts)
    return [{"type": "text", "text": part.text} if isinstance(part, Text) else _medium(part) for part in parts]


def _medium(part: Media) -> Body:
    match part:
        case Image(data=data, detail=detail):
            image: Body = {"url": _data_url(part.kind, data)}
        case ImageUrl(url=url, detail=detail):
            image = {"url": url}
        case Document(data=data, name=name):
            file = {"filename": name or "document.pdf", "file_data": _data_url(part.kind, data)}
            return {"type": "file", "file": file}
        case unknown:
            assert_never(unknown)
    if detail is not None:
        image["detail"] = detail.value
    return {"type": "image_url", "image_url": image}


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"
