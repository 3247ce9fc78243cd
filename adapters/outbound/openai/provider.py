"""This kind of provider, as the registry asks for it."""

from collections.abc import Iterator, Sequence

from llm_gateway.application.model_facts import ModelFacts, ModelTable
from llm_gateway.application.ports.providers import Provider, ProviderOrder
from llm_gateway.application.ports.system import Clock

from .chat_model import SpokenChatModel
from .client import SpokenClient
from .dialects import DEFAULT, FILE, SpokenModels
from .directory import SpokenDirectory
from .embedding_model import SpokenEmbeddingModel


def order_faults(order: ProviderOrder) -> Iterator[str]:
    """A line for each thing that is wrong with an operator's row, beginning with the key."""
    if order.dialect is not None and order.dialect not in FILE.dialects:
        yield f"dialect: must be one of {', '.join(FILE.dialects)}"
    elif order.base_url is None and FILE.dialects[order.dialect or DEFAULT].url is None:
        yield "base_url: is required, as this dialect has no address of its own"


def model_table(own: Sequence[ModelFacts]) -> ModelTable:
    return SpokenModels(DEFAULT, own).table


def opened(order: ProviderOrder, clock: Clock) -> Provider:
    """To be called inside the event loop that will use it, for an order without faults."""
    models = SpokenModels(order.dialect or DEFAULT, order.facts)
    url = order.base_url or models.dialect.url
    assert url is not None
    client = SpokenClient(url, clock, api_key=order.api_key, max_body_bytes=order.max_body_bytes)
    looking = SpokenClient(url, clock, api_key=order.api_key)
    directory = SpokenDirectory(
        looking,
        clock,
        models,
        provider=order.name,
        model=order.model,
        others=order.models,
        outside=order.outside,
    )

    async def close() -> None:
        await directory.aclose()
        await looking.aclose()
        await client.aclose()

    return Provider(
        name=order.name,
        directory=directory,
        model=SpokenChatModel(
            client,
            clock,
            models,
            first_token_seconds=order.first_token_seconds,
            idle_seconds=order.idle_seconds,
            tool_silence_seconds=order.tool_silence_seconds,
        ),
        embedding=SpokenEmbeddingModel(client, clock),
        look=directory.look,
        slots=lambda: directory.slots,
        start=directory.start,
        close=close,
    )
