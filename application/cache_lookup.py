"""Whole replies in the caches: under which key, in which of them, and how they are written and read again."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import timedelta
from functools import partial
from operator import attrgetter
from typing import Annotated, Final, Generic, TypeAlias, TypeVar

from msgspec import Meta, MsgspecError, Struct, field, msgpack

from llm_gateway.domain.cache_key import CacheKey, cache_keys
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode, CacheSampled
from llm_gateway.domain.cache_use import BYPASS, CacheUse, cache_use
from llm_gateway.domain.chat import ChatReply, ChatRequest, FinishReason, Grain
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.routing import Endpoint, Hint, Plan, Task

from .begun import Begun
from .long_work import AT_ONCE_BYTES, off_the_loop, reply_weight
from .ports.stores import ReplyCache
from .records import CacheStatus

R = TypeVar("R", bound=ChatReply | EmbedReply)

Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=86_400_000)]

_USE: Final = CacheMode.USE
_BYPASS: Final = CacheMode.BYPASS
_SECURE: Final = Hint.SECURE
_endpoint = attrgetter("endpoint")
_ENTRY_VERSION = 2
_STORED = frozenset((FinishReason.STOP, FinishReason.TOOL_CALLS, FinishReason.LENGTH))


class Found(Struct, Generic[R], frozen=True):
    """A stored reply, and how many seconds its provider took for it."""

    reply: R
    seconds: float


class CacheView(Struct, Generic[R], frozen=True, kw_only=True):
    """What the cache knows of one request: its key at each endpoint of its plan, and the replies found there.

    `ttl` is how long a new answer is kept. A `secure` request uses the cache of this process alone.
    """

    keys: Mapping[Endpoint, CacheKey]
    use: CacheUse
    ttl: timedelta
    secure: bool
    store: ReplyCache
    found: dict[Endpoint, Found[R]] = field(default_factory=dict)

    @property
    def past(self) -> CacheStatus:
        """What the answer is of a request that has no keys."""
        return CacheStatus.SAMPLED if self.use.sampled else CacheStatus.BYPASS

    @property
    def looked_up(self) -> bool:
        """Whether the cache was asked."""
        return self.use.mode is _USE

    def flight_key(self, endpoint: Endpoint, grain: Grain, *, patient: bool = False) -> Hashable | None:
        """Requests with an equal one may share a call to the endpoint; None is never shared.

        A `patient` request, whose flight must not move on to another endpoint, shares only with its like.
        """
        key = self.keys.get(endpoint)
        return (key, grain, self.use.mode, self.secure, patient) if key is not None and self.use.joins else None


class _Entry(Struct, Generic[R], frozen=True, array_like=True):
    version: int
    key: bytes
    reply: R
    took: Milliseconds


class CacheLookup(Generic[R]):
    """Finds stored replies and stores new ones; chats and embeddings each have one.

    `shared` is seen by other processes, `process` by this one alone: secure answers are kept only there. A `ttl` of 0
    turns the cache off; a request may ask for another one. A cache that fails is a miss.
    """

    def __init__(
        self,
        kind: type[R],
        process: ReplyCache,
        shared: ReplyCache | None = None,
        *,
        ttl: timedelta,
        sampled: CacheSampled = CacheSampled.NATIVE,
    ) -> None:
        self.is_remote = shared is not None
        """Whether finding a reply waits for another process."""
        self._task = Task.CHAT if issubclass(kind, ChatReply) else Task.EMBED
        self._process = process
        self._shared = shared
        self._ttl = ttl
        self._sampled = sampled
        self._encode = msgpack.Encoder().encode
        self._decode: Callable[[bytes], _Entry[R]] = msgpack.Decoder(_Entry[kind]).decode  # type: ignore[valid-type]

    def use(self, request: ChatRequest | EmbedRequest, cache: CacheDirective) -> CacheUse:
        """How the request uses the cache. Pure."""
        return cache_use(request, cache, self._sampled) if self._ttl else BYPASS

    def find(
        self, plan: Plan, client: Client, request: ChatRequest | EmbedRequest, cache: CacheDirective
    ) -> Awaitable[CacheView[R]]:
        """The request's keys, and the replies that are there for the endpoints of its plan.

        An entry that can't be read, or belongs to another request, is not there.
        """
        return self._completed(self._asked(plan, client, request, cache))

    def begin(
        self, plan: Plan, client: Client, request: ChatRequest | EmbedRequest, cache: CacheDirective
    ) -> Awaitable[CacheView[R]]:
        """The same, with the remote cache asked before this returns: to be awaited once, or left."""
        view = self._asked(plan, client, request, cache)
        asks = view.looked_up and view.store is self._shared
        begun = view.store.begin(tuple(view.keys.values())) if asks else None
        return Begun(partial(self._completed, view, begun))

    def _asked(
        self, plan: Plan, client: Client, request: ChatRequest | EmbedRequest, cache: CacheDirective
    ) -> CacheView[R]:
        """With the keys, and nothing found yet."""
        use = self.use(request, cache)
        secure = plan.hint is _SECURE
        store = self._process if self._shared is None or secure else self._shared
        endpoints = () if use.mode is _BYPASS else map(_endpoint, plan.endpoints)
        keys = cache_keys(client.namespace, endpoints, request, task=self._task)
        ttl = self._ttl if cache.ttl is None else cache.ttl
        return CacheView(keys=keys, use=use, ttl=ttl, secure=secure, store=store)

    async def _completed(
        self, view: CacheView[R], begun: Awaitable[Mapping[CacheKey, bytes]] | None = None
    ) -> CacheView[R]:
        if not view.looked_up:
            return view
        entries = await (begun or view.store.get(tuple(view.keys.values())))
        found = view.found
        for endpoint, key in view.keys.items():
            data = entries.get(key)
            if data is None:
                continue
            if len(data) <= AT_ONCE_BYTES:
                entry = self._entry(key, data)
            else:
                entry = await off_the_loop(len(data), partial(self._entry, key, data))
            if entry is not None:
                found[endpoint] = Found(entry.reply, entry.took / 1000)
        return view

    async def keep(self, view: CacheView[R], endpoint: Endpoint, reply: R, seconds: float) -> None:
        """Store a reply that ended well, which took its provider so many seconds, for the same request again."""
        key = view.keys.get(endpoint)
        if key is None or not view.ttl or (isinstance(reply, ChatReply) and not _is_stored(reply)):
            return
        entry = _Entry(_ENTRY_VERSION, key, reply, round(seconds * 1000))
        await view.store.put(key, await off_the_loop(reply_weight(reply), partial(self._encode, entry)), view.ttl)

    def _entry(self, key: CacheKey, data: bytes) -> _Entry[R] | None:
        try:
            entry = self._decode(data)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return entry if entry.version == _ENTRY_VERSION and entry.key == key else None


def _is_stored(reply: ChatReply) -> bool:
    return reply.finish_reason in _STORED and not reply.incomplete
