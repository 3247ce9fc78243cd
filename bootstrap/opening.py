"""The one builder of a gateway from settings, and what a host or a test may put in the place of an adapter."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TypedDict

from typing_extensions import Unpack

from llm_gateway.adapters.outbound.redis.client.address import RedisCredentials
from llm_gateway.application.ports.models import ChatModel, EmbeddingModel, EndpointDirectory
from llm_gateway.application.ports.observation import Observer, StoreMeter, TrafficMeter
from llm_gateway.application.ports.prices import PriceList
from llm_gateway.application.ports.stores import ClientDirectory, RateLimiter, ReplyCache, RequestLog, SignatureStore
from llm_gateway.application.ports.system import Clock, Entropy
from llm_gateway.domain.routing import Routes, routes_over

from .gateway import Gateway
from .settings import Settings


class Overrides(TypedDict, total=False):
    """The adapters that a host or a test puts in the place of the gateway's own; all optional.

    `chat_models` and `embedding_models` are by provider name; together with the `endpoints` that they answer for they
    replace every provider of the settings. `redis_credentials` gives a user and a password for each connection to a
    store whose URL has no password.
    """

    chat_models: Mapping[str, ChatModel]
    embedding_models: Mapping[str, EmbeddingModel]
    endpoints: EndpointDirectory
    routes: Routes
    clients: ClientDirectory
    limiter: RateLimiter
    process_cache: ReplyCache
    shared_cache: ReplyCache
    process_signatures: SignatureStore
    shared_signatures: SignatureStore
    store_meter: StoreMeter
    redis_credentials: RedisCredentials
    observer: Observer
    meter: TrafficMeter
    request_log: RequestLog
    prices: PriceList
    clock: Clock
    entropy: Entropy


@asynccontextmanager
async def open_gateway(
    settings: Settings | None = None, *, first_look_seconds: float = 1.0, **overrides: Unpack[Overrides]
) -> AsyncGenerator[Gateway, None]:
    """A running gateway; leaving ends every answer under way and closes every connection.

    To be entered in the event loop that will use it. Settings are the defaults if absent: nothing is read from the
    environment here. `endpoints` that are given without routes serve every hint, in the order of their directory;
    `secure` leads to those on the premises alone. Waits at most `first_look_seconds` to learn which providers and
    stores answer. Raises `ValueError` for models without `endpoints`, which could never be asked.
    """
    given = [name for name in ("chat_models", "embedding_models") if name in overrides]
    if given and "endpoints" not in overrides:
        raise ValueError(f"{given[0]} needs endpoints: which of them answers for what?")
    from .container import Container  # dependency-injector takes 0.3 s to import: only who builds a gateway pays

    container = Container(settings=settings or Settings())
    if given:
        container.model_providers.override([])
    for name, value in overrides.items():
        getattr(container, name).override(value)
    if "endpoints" in overrides and "routes" not in overrides and not container.settings().routes:
        listed = [state.endpoint.id.provider for state in overrides["endpoints"].snapshot()]
        container.routes.override(routes_over([*listed, *container.chat_models()]))
    async with AsyncExitStack() as stack:
        providers = container.model_providers()
        for provider in providers:
            if provider.close is not None:
                stack.push_async_callback(provider.close)
        stores = container.shared_stores()
        stack.push_async_callback(stores.aclose)
        looks = [provider.look for provider in providers if provider.look is not None]
        await _first_look([*looks, *(store.trouble for store in stores.all)], first_look_seconds)
        for provider in providers:
            if provider.start is not None:
                provider.start()
        stack.push_async_callback(container.telemetry().aclose)
        gateway = container.gateway()
        gateway.telemetry.start(
            lambda: gateway.answer_chat.under_way + gateway.embed_texts.under_way,
            lambda: gateway.flights.backlog.bytes,
            container.breakers(),
            gateway.endpoints,
            providers,
        )
        stack.push_async_callback(container.throttle().aclose)
        stack.push_async_callback(gateway.flights.aclose)
        stack.push_async_callback(gateway.embed_texts.aclose)
        yield gateway


async def _first_look(looks: Sequence[Callable[[], Awaitable[object]]], seconds: float) -> None:
    if not looks or not seconds:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            for look in looks:
                tasks.create_task(_looked(look))


async def _looked(look: Callable[[], Awaitable[object]]) -> None:
    await look()
