"""Between the settings and a provider's adapter: what an operator says of a provider, and what is made of it."""

from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from llm_gateway.application.model_facts import ModelFacts

from .models import ChatModel, EmbeddingModel, EndpointDirectory


class ProviderOrder(Struct, frozen=True, kw_only=True):
    """A provider to be made. `models` are those that it shall offer beside its own, `facts` what the operator knows of
    models. `outside`: it passes requests on, so that nothing of it is on the premises. The seconds are how long a
    stream may say nothing: before its first event, between events, and so with tools.
    """

    name: str
    model: str
    base_url: str | None = None
    api_key: str | None = None
    dialect: str | None = None
    models: tuple[str, ...] = ()
    facts: tuple[ModelFacts, ...] = ()
    outside: bool = False
    first_token_seconds: float = 120.0
    idle_seconds: float = 60.0
    tool_silence_seconds: float = 300.0
    max_body_bytes: int = 32 << 20


class Provider(Struct, frozen=True, kw_only=True):
    """`model` is None where there is nothing to call, and `directory` says why; `embedding` where nothing embeds.

    `look` asks once what is there. `waiting` is there where calls wait for their turn: how many do now. `loaded` gives
    the context in tokens of each model that is loaded, 0 where it is not known, as another mapping each time that the
    server was asked, which `look_loaded` does and raises nothing; None where all its models are loaded. `slots` is how
    many calls the server says that it answers at once.
    """

    name: str
    directory: EndpointDirectory
    model: ChatModel | None = None
    embedding: EmbeddingModel | None = None
    look: Callable[[], Awaitable[object]] | None = None
    start: Callable[[], None] | None = None
    waiting: Callable[[], int] | None = None
    loaded: Callable[[], Mapping[str, int]] | None = None
    look_loaded: Callable[[], Awaitable[object]] | None = None
    slots: Callable[[], int | None] | None = None
    close: Callable[[], Awaitable[None]] | None = None
