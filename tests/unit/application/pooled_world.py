"""The world of use cases with a pool of scripted servers before `ollama` and `gemini`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from typing_extensions import override

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints, JoinedEndpoints
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.application.answer_chat import AnswerChat
from llm_gateway.application.answer_slots import AnswerSlots
from llm_gateway.application.cache_lookup import CacheLookup
from llm_gateway.application.call_provider import CallLimits, CallProvider
from llm_gateway.application.embed_texts import EmbedTexts
from llm_gateway.application.explain_chat import ExplainChat
from llm_gateway.application.known_endpoints import KnownEndpoints
from llm_gateway.application.plan_route import PlanRoute
from llm_gateway.application.pooled_calls import PooledCalls
from llm_gateway.application.pools import Pool
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.application.ports.observation import QueueMeter
from llm_gateway.application.ports.prices import PriceList
from llm_gateway.application.ports.providers import Provider
from llm_gateway.application.route_chat import RouteChat
from llm_gateway.domain.embedding import EmbedReply
from llm_gateway.domain.pool import LoadedModels
from llm_gateway.domain.resilience import RetryPolicy
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Feature, Hint, Locality, Task

from .world import HELLO, Play, World

POOL = Endpoint(id=EndpointId(provider="pool", model="llama"), locality=Locality.ON_PREMISES)


def state_of(member: str, model: str = "llama", locality: Locality = Locality.ON_PREMISES) -> EndpointState:
    id = EndpointId(provider=member, model=model)
    return EndpointState(
        endpoint=Endpoint(id=id, locality=locality, fingerprint=f"http://{member} num_ctx=None sha256:1"),
        features=frozenset(Feature),
        tasks=frozenset(Task),
    )


class ToldEndpoints(EndpointDirectory):
    """What a test says."""

    def __init__(self, *states: EndpointState) -> None:
        self.states: tuple[EndpointState, ...] = states

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        return self.states


class Waits(QueueMeter):
    def __init__(self) -> None:
        self.seconds: list[float] = []

    @override
    def waited(self, provider: str, seconds: float) -> None:
        assert provider == "pool"
        self.seconds.append(seconds)


class PooledWorld(World):
    """`pool` has the members that are given, each with its scripts, one slot each unless told otherwise.

    `said` is how many slots their servers say that they have, and `loaded` what they say that they have loaded.
    """

    def __init__(
        self,
        members: Mapping[str, Sequence[Play]],
        *,
        slots: int | None = 1,
        said: int | None = None,
        queue: int = 64,
        max_retries: int = 0,
        route: Sequence[str] = ("pool",),
        gemini: Sequence[Play] = (HELLO,),
        locality: Locality = Locality.ON_PREMISES,
        prices: PriceList | None = None,
        loaded: LoadedModels = None,
        ttl: float = 0,
    ) -> None:
        super().__init__(gemini=gemini, max_retries=max_retries, ttl=ttl)
        self.directories = {name: ToldEndpoints(state_of(name, locality=locality)) for name in members}
        self.members = {name: ScriptedChatModel(self.clock, *scripts) for name, scripts in members.items()}
        self.embedding = {name: ScriptedEmbeddingModel(self.clock) for name in members}
        self.waits = Waits()
        providers = [
            Provider(
                name=name,
                directory=directory,
                model=self.members[name],
                slots=lambda: said,
                loaded=None if loaded is None else lambda: loaded or {},
            )
            for name, directory in self.directories.items()
        ]
        self.pool = Pool("pool", "llama", providers, self.breakers, self.clock, self.waits, slots=slots, queue=queue)
        cloud = Endpoint(id=EndpointId(provider="gemini", model="flash"), locality=Locality.CLOUD)
        fixed = FixedEndpoints([EndpointState(endpoint=cloud, features=frozenset(Feature))])
        known = KnownEndpoints(JoinedEndpoints([self.pool, fixed]), self.breakers)
        plan_route = PlanRoute(known, dict.fromkeys(Hint, tuple(route)))
        limits = CallLimits(
            timeout_seconds=600.0,
            stream_seconds=3600.0,
            fallback_first_token_seconds=30.0,
            retries=RetryPolicy(max_retries=max_retries),
        )
        pools = {"pool": self.pool}
        kinds = {"pool": partial(PooledCalls, self.pool)}
        calls = CallProvider(self.breakers, limits, self.clock, self.entropy, kinds)
        models = {**self.members, "gemini": self.gemini}
        routed = RouteChat(models, self.lookup, self.flights, self.throttle, calls, max_answer_bytes=1 << 20)
        self.explain_chat = ExplainChat(plan_route, self.lookup, self.breakers, pools, prices)
        ports = self.observer, self.log, self.clock, self.entropy, AnswerSlots(4096)
        self.answer_chat = AnswerChat(plan_route, self.throttle, self.lookup, routed, *ports)
        found = CacheLookup(EmbedReply, self.process, ttl=timedelta(0))
        self.embed_texts = EmbedTexts(
            self.embedding, plan_route, self.throttle, found, calls, *ports, max_answer_bytes=1 << 20
        )

    @property
    def asked(self) -> Mapping[str, int]:
        """How often each member was called."""
        return {name: len(model.calls) for name, model in self.members.items()}
