"""One container that wires server, command line and embedding alike. Everything is a singleton of its gateway."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from dependency_injector import containers
from dependency_injector.providers import Callable as Call
from dependency_injector.providers import Dependency, Singleton

from llm_gateway.adapters.outbound.memory.directories import MemoryClientDirectory
from llm_gateway.adapters.outbound.memory.reply_cache import MemoryReplyCache
from llm_gateway.adapters.outbound.memory.signature_store import MemorySignatureStore
from llm_gateway.adapters.outbound.system import SystemClock, SystemEntropy
from llm_gateway.application.answer_chat import AnswerChat
from llm_gateway.application.answer_slots import AnswerSlots
from llm_gateway.application.authenticate import Authenticate
from llm_gateway.application.breakers import Breakers
from llm_gateway.application.cache_lookup import CacheLookup
from llm_gateway.application.call_provider import CallLimits, CallProvider, RetryState
from llm_gateway.application.count_tokens import CountTokens
from llm_gateway.application.embed_texts import EmbedTexts
from llm_gateway.application.explain_chat import ExplainChat
from llm_gateway.application.kept_signatures import KeptSignatures
from llm_gateway.application.known_endpoints import KnownEndpoints
from llm_gateway.application.list_models import ListModels
from llm_gateway.application.plan_route import PlanRoute
from llm_gateway.application.pooled_calls import PooledCalls
from llm_gateway.application.pools import Pool
from llm_gateway.application.ports.models import ChatModel, EmbeddingModel
from llm_gateway.application.ports.providers import Provider
from llm_gateway.application.route_chat import RouteChat
from llm_gateway.application.single_flight import Flights
from llm_gateway.application.throttle_client import ThrottleClient
from llm_gateway.domain.cache_policy import CacheSampled
from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.embedding import EmbedReply
from llm_gateway.domain.resilience import RetryPolicy

from .configured_clients import clients_of
from .gateway import Gateway
from .kinds import build_providers
from .pools import build_pools, joined_endpoints
from .pricing import price_list
from .settings import Settings
from .stores import Stores
from .telemetry import Telemetry

ROUND_LIFE = timedelta(hours=1)
"""How long a client may take for the results of a tool call: so long are signatures kept, beyond the cached answer."""


def _models(providers: Sequence[Provider]) -> Mapping[str, ChatModel]:
    return {provider.name: provider.model for provider in providers if provider.model is not None}


def _embedding_models(providers: Sequence[Provider]) -> Mapping[str, EmbeddingModel]:
    return {provider.name: provider.embedding for provider in providers if provider.embedding is not None}


def _limits(settings: Settings) -> CallLimits:
    """A pool's stream may last as long as the one of any of its members."""
    own = {row.name: row.stream_seconds for row in settings.rows if row.stream_seconds is not None}
    pooled = ((pool, [own[name] for name in pool.pool if name in own]) for pool in settings.pools)
    return CallLimits(
        timeout_seconds=settings.provider_timeout_seconds,
        stream_seconds=settings.provider_stream_seconds,
        fallback_first_token_seconds=settings.provider_fallback_first_token_seconds,
        stream_seconds_at=own | {pool.name: max(found) for pool, found in pooled if found},
        retries=RetryPolicy(max_retries=settings.provider_max_retries),
    )


def _kinds(pools: Mapping[str, Pool]) -> Mapping[str, Callable[..., RetryState]]:
    return {name: partial(PooledCalls, pool) for name, pool in pools.items()}


class Container(containers.DeclarativeContainer):
    settings: Dependency[Settings] = Dependency(instance_of=Settings)

    clock = Singleton(SystemClock)
    entropy = Singleton(SystemEntropy)
    telemetry = Singleton(Telemetry, settings)
    observer = telemetry.provided.observer
    meter = telemetry.provided.meter

    model_providers = Singleton(build_providers, settings, clock, telemetry.provided.queue)
    chat_models = Singleton(_models, model_providers)
    embedding_models = Singleton(_embedding_models, model_providers)
    breakers = Singleton(Breakers, clock)
    pools = Singleton(build_pools, settings, model_providers, breakers, clock, telemetry.provided.queue)
    endpoints = Singleton(joined_endpoints, settings, model_providers, pools)
    routes = settings.provided.routes
    store_meter = telemetry.provided.stores
    redis_credentials = Singleton(lambda: None)
    shared_stores = Singleton(Stores, settings, clock, store_meter, redis_credentials)
    stores = shared_stores.provided.all
    clients = Singleton(
        lambda settings, stores: stores.clients(MemoryClientDirectory(clients_of(settings))), settings, shared_stores
    )
    limiter = Singleton(lambda stores: stores.limiter(), shared_stores)
    request_log = Singleton(lambda stores: stores.request_log(), shared_stores)
    process_cache = Singleton(MemoryReplyCache, clock)
    shared_cache = Singleton(lambda stores, entropy: stores.reply_cache(entropy), shared_stores, entropy)

    flights = Singleton(Flights, most_waiting_bytes=settings.provided.max_answers_bytes)
    known_endpoints = Singleton(KnownEndpoints, endpoints, breakers)
    cache_ttl = Call(lambda settings: timedelta(seconds=settings.cache_ttl_seconds), settings)
    cache_sampled = Call(lambda settings: CacheSampled(settings.cache_sampled), settings)
    lookup = Singleton(CacheLookup, ChatReply, process_cache, shared_cache, ttl=cache_ttl, sampled=cache_sampled)
    throttle = Singleton(
        ThrottleClient, limiter, clock, entropy, reserved_output=settings.provided.token_reservation_output
    )
    plan_route = Singleton(PlanRoute, known_endpoints, routes, settings.provided.aliases)
    prices = Singleton(price_list, settings, clock)
    call_provider = Singleton(
        CallProvider, breakers, Call(_limits, settings), clock, entropy, Call(_kinds, pools), prices
    )
    max_answer_bytes = settings.provided.max_answer_bytes
    signature_life = Call(lambda cache_ttl: cache_ttl + ROUND_LIFE, cache_ttl)
    process_signatures = Singleton(MemorySignatureStore, clock, signature_life)
    shared_signatures = Singleton(lambda stores, life: stores.signatures(life), shared_stores, signature_life)
    signatures = Singleton(KeptSignatures, process_signatures, shared_signatures)
    route = Singleton(
        RouteChat,
        chat_models,
        lookup,
        flights,
        throttle,
        call_provider,
        max_answer_bytes=max_answer_bytes,
        signatures=signatures,
    )
    slots = Singleton(AnswerSlots, settings.provided.max_answers)
    answer_chat = Singleton(
        AnswerChat, plan_route, throttle, lookup, route, observer, request_log, clock, entropy, slots
    )
    embeddings = Singleton(CacheLookup, EmbedReply, process_cache, shared_cache, ttl=cache_ttl)
    embed_texts = Singleton(
        EmbedTexts,
        embedding_models,
        plan_route,
        throttle,
        embeddings,
        call_provider,
        observer,
        request_log,
        clock,
        entropy,
        slots,
        max_answer_bytes=max_answer_bytes,
    )
    authenticate = Singleton(Authenticate, clients)
    explain_chat = Singleton(ExplainChat, plan_route, lookup, breakers, pools, prices)
    count_tokens = Singleton(CountTokens, chat_models, plan_route, breakers, limiter, clock, entropy)
    list_models = Singleton(ListModels, plan_route, known_endpoints)
    render_metrics = telemetry.provided.render
    gateway: Singleton[Gateway] = Singleton(
        Gateway,
        **{name: entry for name, entry in list(locals().items()) if name in Gateway.__struct_fields__}
        | {"endpoints": known_endpoints},
    )
