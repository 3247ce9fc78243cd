"""Signatures for clients that drop them: kept when an answer calls tools, put back when its calls come in a history."""

from collections.abc import Iterator, Mapping
from functools import partial

from msgspec import MsgspecError, Struct, msgpack
from msgspec.structs import replace

from llm_gateway.domain.chat import AssistantMessage, ChatReply, ChatRequest, JsonObject, UserMessage
from llm_gateway.domain.routing import EndpointId, EndpointState
from llm_gateway.domain.signature_key import SignatureKey, signature_key

from .long_work import off_the_loop, weight_of
from .ports.stores import SignatureStore

_ENTRY_VERSION = 1


class _Entry(Struct, frozen=True, array_like=True):
    """The `extra_content` of an answer's calls by their ids, and the answer's own."""

    version: int
    key: bytes
    calls: Mapping[str, JsonObject]
    answer: JsonObject | None


_encode = msgpack.Encoder().encode
_decoder = msgpack.Decoder(_Entry)


class KeptSignatures:
    """What providers gave with tool calls (`extra_content`), for histories that lack it.

    `shared` is seen by other processes, `process` by this one alone: what belongs to a secure chat is kept only there.
    A chat without calls since its last question costs no store a call, nor does an endpoint that signs none. What a
    store can't give is missing from the history, and no error.
    """

    def __init__(self, process: SignatureStore, shared: SignatureStore | None = None) -> None:
        self._process = process
        self._shared = shared

    async def restore(self, request: ChatRequest, namespace: str, to: EndpointState, *, secure: bool) -> ChatRequest:
        """The request with what this endpoint gave with the calls since the last question, where it lacks that."""
        if not to.signs_calls:
            return request
        keys = await off_the_loop(weight_of(request), partial(_keys, request, namespace, to.endpoint.id))
        if not keys:
            return request
        entries = await self._store(secure=secure).get(tuple(dict.fromkeys(keys.values())))
        if not entries:
            return request
        return await off_the_loop(weight_of(request), partial(_restored, request, keys, entries))

    async def keep(self, reply: ChatReply, namespace: str, *, secure: bool) -> None:
        """What the answer's calls bear, if they bear anything. To be awaited before the client can know of the end."""
        calls = {call.id: call.extra_content for call in reply.tool_calls if call.extra_content is not None}
        if not calls:
            return
        key = signature_key(namespace, reply.endpoint, reply.tool_calls[0].id)
        entry = _encode(_Entry(_ENTRY_VERSION, key, calls, reply.extra_content))
        await self._store(secure=secure).put(key, entry)

    def _store(self, *, secure: bool) -> SignatureStore:
        return self._process if self._shared is None or secure else self._shared


def _unsigned(request: ChatRequest) -> Iterator[tuple[int, AssistantMessage]]:
    """The answers since the last question whose calls bear nothing. A client that keeps some keeps all."""
    for index in range(len(request.messages) - 1, -1, -1):
        message = request.messages[index]
        if isinstance(message, UserMessage):
            return
        if not isinstance(message, AssistantMessage) or not message.tool_calls:
            continue
        if all(call.extra_content is None for call in message.tool_calls):
            yield index, message


def _keys(request: ChatRequest, namespace: str, endpoint: EndpointId) -> Mapping[int, SignatureKey]:
    """Of what such answers may lack, by the message."""
    return {
        index: signature_key(namespace, endpoint, message.tool_calls[0].id) for index, message in _unsigned(request)
    }


def _restored(
    request: ChatRequest, keys: Mapping[int, SignatureKey], entries: Mapping[SignatureKey, bytes]
) -> ChatRequest:
    messages = list(request.messages)
    for index, key in keys.items():
        message, entry = messages[index], _entry(key, entries.get(key))
        if entry is not None and isinstance(message, AssistantMessage):
            calls = tuple(replace(call, extra_content=entry.calls.get(call.id)) for call in message.tool_calls)
            messages[index] = replace(message, tool_calls=calls, extra_content=message.extra_content or entry.answer)
    restored = replace(request, messages=tuple(messages))
    weight_of(restored)  # worked out here, and known from then on
    return restored


def _entry(key: SignatureKey, data: bytes | None) -> _Entry | None:
    """None for one that can't be read, or belongs to another answer."""
    if data is None:
        return None
    try:
        entry = _decoder.decode(data)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return entry if entry.version == _ENTRY_VERSION and entry.key == key else None
