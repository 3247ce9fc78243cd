"""A whole gateway of use cases over the shipped fakes, and witnesses of what happens in it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import TypeAlias

from msgspec import Struct

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.memory.reply_cache import MemoryReplyCache
from llm_gateway.adapters.outbound.memory.request_log import MemoryRequestLog
from llm_gateway.adapters.outbound.memory.signature_store import MemorySignatureStore
from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock, settle
from llm_gateway.adapters.outbound.scripted.entropy import SeededEntropy
from llm_gateway.adapters.outbound.scripted.observer import RecordingObserver
from llm_gateway.application.answer_chat import Answer, AnswerChat
from llm_gateway.application.answer_slots import AnswerSlots
from llm_gateway.application.breakers import Breakers
from llm_gateway.application.cache_lookup import CacheLookup
from llm_gateway.application.call_provider import CallLimits, CallProvider
from llm_gateway.application.count_tokens import CountTokens
from llm_gateway.application.explain_chat import ExplainChat
from llm_gateway.application.kept_signatures import KeptSignatures
from llm_gateway.application.known_endpoints import KnownEndpoints
from llm_gateway.application.plan_route import PlanRoute
from llm_gateway.application.ports.stores import RateLimiter, ReplyCache, SignatureStore
from llm_gateway.application.records import CacheStatus, RequestRecord
from llm_gateway.application.route_chat import RouteChat
from llm_gateway.application.single_flight import Flights
from llm_gateway.application.throttle_client import ThrottleClient
from llm_gateway.domain.cache_policy import CacheDirective, CacheSampled
from llm_gateway.domain.chat import ChatCall, ChatReply, ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Bucket, Quota
from llm_gateway.domain.resilience import RetryPolicy
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Feature, Hint, Locality

from .witnesses import WitnessedLimiter

CLOUD = Endpoint(id=EndpointId(provider="gemini", model="flash"), locality=Locality.CLOUD)
LOCAL = Endpoint(id=EndpointId(provider="ollama", model="llama"), locality=Locality.ON_PREMISES)
Play: TypeAlias = Script | Callable[[ChatRequest], Script]
HELLO: Script = answer("Hello there")


class Told(Struct, frozen=True, kw_only=True):
    """What came of one request."""

    reply: ChatReply
    cache: CacheStatus | None
    record: RequestRecord


class World:
    """`gemini` in the cloud and `ollama` on the premises, with a script for each call. Time moves by `clock`."""

    def __init__(
        self,
        gemini: Sequence[Play] = (HELLO,),
        ollama: Sequence[Play] = (HELLO,),
        *,
        clock: ScriptedClock | None = None,
        limiter: RateLimiter | None = None,
        shared: ReplyCache | None = None,
        signatures: SignatureStore | None = None,
        signs_calls: bool = True,
        ttl: float = 60,
        sampled: CacheSampled = CacheSampled.NATIVE,
        max_retries: int = 3,
        max_answer_bytes: int = 1 << 20,
        max_answers: int = 4096,
        output_limit: int | None = None,
        reservation_output: int = 1024,
        contexts: tuple[int | None, int | None] = (None, None),
        features: frozenset[Feature] = frozenset(Feature),
        counts: int | Wait | Exception | None = None,
    ) -> None:
        self.clock = clock or ScriptedClock()
        self.entropy = SeededEntropy()
        self.gemini = ScriptedChatModel(self.clock, *gemini, counts=counts)
        self.ollama = ScriptedChatModel(self.clock, *ollama)
        self.observer = RecordingObserver()
        self.limiter = WitnessedLimiter(limiter or MemoryRateLimiter(self.clock))
        self.process = MemoryReplyCache(self.clock)
        self.process_signatures = MemorySignatureStore(self.clock, timedelta(hours=1))
        self.log = MemoryRequestLog(self.clock)
        self.flights = Flights()
        self.breakers = Breakers(self.clock)
        self.lookup = CacheLookup(ChatReply, self.process, shared, ttl=timedelta(seconds=ttl), sampled=sampled)
        self.throttle = ThrottleClient(self.limiter, self.clock, self.entropy, reserved_output=reservation_output)
        states = [
            EndpointState(
                endpoint=endpoint,
                features=features,
                output_limit=output_limit,
                context_length=context,
                signs_calls=signs_calls,
            )
            for endpoint, context in zip((CLOUD, LOCAL), contexts, strict=True)
        ]
        plan_route = PlanRoute(KnownEndpoints(FixedEndpoints(states), self.breakers))
        limits = CallLimits(
            timeout_seconds=600.0,
            stream_seconds=3600.0,
            fallback_first_token_seconds=30.0,
            retries=RetryPolicy(max_retries=max_retries),
        )
        call_provider = CallProvider(self.breakers, limits, self.clock, self.entropy)
        models = {"gemini": self.gemini, "ollama": self.ollama}
        route = RouteChat(
            models,
            self.lookup,
            self.flights,
            self.throttle,
            call_provider,
            max_answer_bytes=max_answer_bytes,
            signatures=KeptSignatures(self.process_signatures, signatures),
        )
        self.explain_chat = ExplainChat(plan_route, self.lookup, self.breakers)
        self.count_tokens = CountTokens(models, plan_route, self.breakers, self.limiter, self.clock, self.entropy)
        self.answer_chat = AnswerChat(
            plan_route,
            self.throttle,
            self.lookup,
            route,
            self.observer,
            self.log,
            self.clock,
            self.entropy,
            AnswerSlots(max_answers),
        )

    def open(self, call: ChatCall, client: Client | None = None) -> AbstractAsyncContextManager[Answer]:
        return self.answer_chat(call, client or client_of(), headers={"traceparent": "a trace"})

    async def ask(self, call: ChatCall, client: Client | None = None) -> Told:
        async with self.open(call, client) as asked:
            reply = await asked.reply()
        return Told(reply=reply, cache=asked.cache, record=self.observer.records[-1])

    @property
    def calls(self) -> tuple[int, int]:
        """How often `gemini` and `ollama` were called."""
        return len(self.gemini.calls), len(self.ollama.calls)

    async def at_rest(self) -> bool:
        """Nothing is under way: no flight, no open call, nothing held, each attempt ended once, a record a request."""
        await settle()
        return (
            len(self.flights) == 0
            and self.gemini.open_calls == self.ollama.open_calls == 0
            and not self.limiter.held
            and all(len(attempt.ends) == 1 for request in self.observer.requests for attempt in request.attempts)
            and all(len(request.records) == 1 for request in self.observer.requests)
        )


def call_of(
    text: str = "Say hello.",
    *,
    hint: Hint | None = Hint.FAST,
    model: str | None = None,
    grain: Grain = Grain.WHOLE,
    cache: CacheDirective | None = None,
    timeout: float | None = None,
    max_tokens: int | None = None,
) -> ChatCall:
    return ChatCall(
        request=ChatRequest(messages=(UserMessage(content=(Text(text=text),)),), max_tokens=max_tokens),
        hint=hint,
        model=model,
        grain=grain,
        cache=cache or CacheDirective(),
        timeout=None if timeout is None else timedelta(seconds=timeout),
    )


def client_of(
    name: str = "one",
    *,
    requests: int | None = None,
    tokens: int | None = None,
    concurrency: int | None = None,
    namespace: str = "shared",
) -> Client:
    """A client; its buckets regain one unit a second."""
    quota = Quota(
        requests=None if requests is None else Bucket.of(requests, 1.0),
        tokens=None if tokens is None else Bucket.of(tokens, 1.0),
        concurrency=concurrency,
    )
    return Client(id=ClientId(name), namespace=namespace, quota=quota)
