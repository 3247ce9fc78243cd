"""Answers that are there already, or on their way: found by key, or joined in flight."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import MsgspecError, Struct, msgpack

from llm_gateway.domain.caching import CacheKey, CacheMode, cache_keys
from llm_gateway.domain.chat import ChatCall, ChatReply, FinishReason
from llm_gateway.domain.clients import Client
from llm_gateway.domain.routing import Endpoint, Hint, Plan

from .ports import ReplyCache
from .single_flight import Flights, Produce, Reader

_ENTRY_VERSION = 1
_STORED = frozenset((FinishReason.STOP, FinishReason.TOOL_CALLS, FinishReason.LENGTH))


class _Entry(Struct, frozen=True, array_like=True):
    version: int
    key: bytes
    reply: ChatReply


class Question(Struct, frozen=True, kw_only=True):
    """A call as the cache sees it: a key for each endpoint of its plan, and what may be done with it."""

    keys: Mapping[Endpoint, CacheKey]
    mode: CacheMode
    ttl: timedelta
    call: ChatCall
    secure: bool


class CacheLookup:
    """`shared` is seen by other processes, `process` by this one alone: secure answers are kept only there."""

    def __init__(self, process: ReplyCache, shared: ReplyCache | None, flights: Flights, ttl: timedelta) -> None:
        self._process = process
        self._shared = shared
        self._flights = flights
        self._ttl = ttl
        self._encode = msgpack.Encoder().encode
        self._decode = msgpack.Decoder(_Entry).decode

    @property
    def leaves_process(self) -> bool:
        """Whether finding an answer waits for another process."""
        return self._shared is not None

    def question(self, plan: Plan, call: ChatCall, client: Client) -> Question:
        mode = call.cache.mode if self._ttl else CacheMode.BYPASS
        endpoints = () if mode is CacheMode.BYPASS else (state.endpoint for state in plan.endpoints)
        return Question(
            keys=cache_keys(client.namespace, endpoints, call.request),
            mode=mode,
            ttl=self._ttl if call.cache.ttl is None else call.cache.ttl,
            call=call,
            secure=plan.hint is Hint.SECURE,
        )

    async def find(self, question: Question) -> Mapping[Endpoint, ChatReply]:
        """The replies that are there. An entry that can't be read, or is another question's, is not there."""
        if question.mode is not CacheMode.USE:
            return {}
        entries = await self._store(question).get(tuple(question.keys.values()))
        found = {}
        for endpoint, key in question.keys.items():
            reply = self._read(key, entries[key]) if key in entries else None
            if reply is not None:
                found[endpoint] = reply
        return found

    def join(self, question: Question, endpoint: Endpoint, produce: Produce) -> Reader:
        """Read the answer of this endpoint as it comes, together with who asks the same in the same way."""
        key = question.keys.get(endpoint)
        shared = None if key is None else (key, question.call.grain, question.mode, question.secure)
        return self._flights.join(shared, produce)

    async def keep(self, question: Question, endpoint: Endpoint, reply: ChatReply) -> None:
        """Store a whole reply, for the same question again."""
        key = question.keys.get(endpoint)
        if key is None or not question.ttl or reply.finish_reason not in _STORED:
            return
        entry = self._encode(_Entry(_ENTRY_VERSION, key, reply))
        await self._store(question).put(key, entry, question.ttl)

    def _store(self, question: Question) -> ReplyCache:
        return self._process if self._shared is None or question.secure else self._shared

    def _read(self, key: CacheKey, data: bytes) -> ChatReply | None:
        try:
            entry = self._decode(data)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return entry.reply if entry.version == _ENTRY_VERSION and entry.key == key else None
