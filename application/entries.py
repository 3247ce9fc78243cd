"""Whole replies in the caches: under which key, in which of them, and how they are written and read again."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Generic, TypeAlias, TypeVar

from msgspec import Meta, MsgspecError, Struct, msgpack

from llm_gateway.domain.cache_key import CacheKey, cache_keys
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.chat import ChatReply, ChatRequest
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.routing import Endpoint, Hint, Plan, Task

from .ports import ReplyCache

R = TypeVar("R", bound=ChatReply | EmbedReply)

Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=86_400_000)]

_ENTRY_VERSION = 2


class Question(Struct, frozen=True, kw_only=True):
    """A request as the caches see it: a key for each endpoint of its plan, and what may be done with it."""

    keys: Mapping[Endpoint, CacheKey]
    mode: CacheMode
    ttl: timedelta
    secure: bool


class _Entry(Struct, Generic[R], frozen=True, array_like=True):
    version: int
    key: bytes
    reply: R
    took: Milliseconds


class Found(Struct, Generic[R], frozen=True):
    """A stored reply, and how many seconds its provider had taken for it."""

    reply: R
    seconds: float


class Entries(Generic[R]):
    """`shared` is seen by other processes, `process` by this one alone: secure answers are kept only there.

    A `ttl` of 0 turns the cache off; a call may ask for another one.
    """

    def __init__(
        self, task: Task, kind: type[R], process: ReplyCache, shared: ReplyCache | None, ttl: timedelta
    ) -> None:
        self._task = task
        self._process = process
        self._shared = shared
        self._ttl = ttl
        self._encode = msgpack.Encoder().encode
        self._decode: Callable[[bytes], _Entry[R]] = msgpack.Decoder(_Entry[kind]).decode  # type: ignore[valid-type]

    def question(
        self, plan: Plan, client: Client, request: ChatRequest | EmbedRequest, cache: CacheDirective
    ) -> Question:
        mode = cache.mode if self._ttl else CacheMode.BYPASS
        endpoints = () if mode is CacheMode.BYPASS else (state.endpoint for state in plan.endpoints)
        return Question(
            keys=cache_keys(client.namespace, endpoints, request, task=self._task),
            mode=mode,
            ttl=self._ttl if cache.ttl is None else cache.ttl,
            secure=plan.hint is Hint.SECURE,
        )

    @property
    def leaves_process(self) -> bool:
        """Whether finding an answer waits for another process."""
        return self._shared is not None

    async def find(self, question: Question) -> Mapping[Endpoint, Found[R]]:
        """The replies that are there. An entry that can't be read, or is another question's, is not there."""
        if question.mode is not CacheMode.USE:
            return {}
        entries = await self._store(question).get(tuple(question.keys.values()))
        found = {}
        for endpoint, key in question.keys.items():
            entry = self._read(key, entries[key]) if key in entries else None
            if entry is not None:
                found[endpoint] = Found(entry.reply, entry.took / 1000)
        return found

    async def keep(self, question: Question, endpoint: Endpoint, reply: R, seconds: float) -> None:
        """Store a whole reply, which took its provider so many seconds, for the same question again."""
        key = question.keys.get(endpoint)
        if key is None or not question.ttl:
            return
        entry = self._encode(_Entry(_ENTRY_VERSION, key, reply, round(seconds * 1000)))
        await self._store(question).put(key, entry, question.ttl)

    def _store(self, question: Question) -> ReplyCache:
        return self._process if self._shared is None or question.secure else self._shared

    def _read(self, key: CacheKey, data: bytes) -> _Entry[R] | None:
        try:
            entry = self._decode(data)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return entry if entry.version == _ENTRY_VERSION and entry.key == key else None
