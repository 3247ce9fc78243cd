"""The use case of embeddings over the shipped fakes."""

from datetime import timedelta

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.memory.reply_cache import MemoryReplyCache
from llm_gateway.adapters.outbound.memory.request_log import MemoryRequestLog
from llm_gateway.adapters.outbound.scripted.chat_model import Wait
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock, settle
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.adapters.outbound.scripted.entropy import SeededEntropy
from llm_gateway.adapters.outbound.scripted.observer import RecordingObserver
from llm_gateway.application.answer_slots import AnswerSlots
from llm_gateway.application.breakers import Breakers
from llm_gateway.application.cache_lookup import CacheLookup
from llm_gateway.application.call_provider import CallLimits, CallProvider
from llm_gateway.application.embed_texts import Embedded, EmbedTexts
from llm_gateway.application.plan_route import PlanRoute
from llm_gateway.application.ports.stores import RateLimiter, ReplyCache
from llm_gateway.application.records import RequestRecord
from llm_gateway.application.throttle_client import ThrottleClient
from llm_gateway.domain.cache_policy import CacheDirective
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall, EmbedReply, EmbedRequest
from llm_gateway.domain.resilience import RetryPolicy
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Hint, Locality, Task

from .witnesses import WitnessedLimiter
from .world import client_of

CLOUD = Endpoint(id=EndpointId(provider="gemini", model="vectors"), locality=Locality.CLOUD)
LOCAL = Endpoint(id=EndpointId(provider="ollama", model="nomic"), locality=Locality.ON_PREMISES)


class EmbeddingWorld:
    """`gemini/vectors` in the cloud and `ollama/nomic` on the premises are one model; `steps` are what it does."""

    def __init__(
        self,
        *steps: Wait | Exception | None,
        limiter: RateLimiter | None = None,
        shared: ReplyCache | None = None,
        clock: ScriptedClock | None = None,
        ttl: float = 60,
        max_retries: int = 3,
        tokens_per_input: int = 3,
        max_answer_bytes: int = 1 << 20,
        slots: AnswerSlots | None = None,
    ) -> None:
        self.clock = clock or ScriptedClock()
        entropy = SeededEntropy()
        self.model = ScriptedEmbeddingModel(self.clock, *steps, tokens_per_input=tokens_per_input)
        self.observer = RecordingObserver()
        self.limiter = WitnessedLimiter(limiter or MemoryRateLimiter(self.clock))
        self.process = MemoryReplyCache(self.clock)
        self.log = MemoryRequestLog(self.clock)
        self.breakers = Breakers(self.clock)
        self.throttle = ThrottleClient(self.limiter, self.clock, entropy)
        states = [
            EndpointState(endpoint=endpoint, features=frozenset(), tasks=frozenset({Task.EMBED}), pin_only=True)
            for endpoint in (CLOUD, LOCAL)
        ]
        limits = CallLimits(
            timeout_seconds=600.0,
            stream_seconds=3600.0,
            fallback_first_token_seconds=30.0,
            retries=RetryPolicy(max_retries=max_retries),
        )
        self.embed_texts = EmbedTexts(
            {"gemini": self.model, "ollama": self.model},
            PlanRoute(FixedEndpoints(states)),
            self.throttle,
            CacheLookup(EmbedReply, self.process, shared, ttl=timedelta(seconds=ttl)),
            CallProvider(self.breakers, limits, self.clock, entropy),
            self.observer,
            self.log,
            self.clock,
            entropy,
            slots or AnswerSlots(4096),
            max_answer_bytes=max_answer_bytes,
        )

    async def ask(self, call: EmbedCall | None = None, client: Client | None = None) -> Embedded:
        return await self.embed_texts(call or call_of(), client or client_of(), headers={"traceparent": "a trace"})

    @property
    def record(self) -> RequestRecord:
        return self.observer.records[-1]

    async def at_rest(self) -> bool:
        """Nothing is under way: no open call, nothing held, each attempt ended once, a record a request."""
        await settle()
        return (
            self.model.open_calls == 0
            and not self.limiter.held
            and all(len(attempt.ends) == 1 for request in self.observer.requests for attempt in request.attempts)
            and all(len(request.records) == 1 for request in self.observer.requests)
        )


def call_of(
    *inputs: str,
    model: str = "nomic",
    hint: Hint | None = None,
    dimensions: int | None = None,
    cache: CacheDirective | None = None,
    timeout: float | None = None,
) -> EmbedCall:
    return EmbedCall(
        request=EmbedRequest(inputs=inputs or ("Hello",), dimensions=dimensions),
        model=model,
        hint=hint,
        cache=cache or CacheDirective(),
        timeout=None if timeout is None else timedelta(seconds=timeout),
    )
