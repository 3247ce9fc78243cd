"""OpenAI's surface: chat completions, embeddings and models."""

from functools import partial
from typing import Final

from litestar.types import ASGIApp
from msgspec import json

from llm_gateway.application.embed_texts import EmbedTexts
from llm_gateway.application.list_models import ListModels
from llm_gateway.domain.routing import Task

from ..common.handling import ChatSurface, RequestHandling
from ..common.replies import json_reply
from ..common.request_context import HttpRequest, context_of
from ..common.requests import hint_of, timeout_of
from .embeddings import EmbeddingBody, EmbeddingReply, to_embed_call
from .models import model_out, models_out
from .renderer import OpenAIRenderer, response_options_of
from .translate import to_call
from .wire import CompletionBody

MODELS = "/v1/models"
OPENAI_CHATS: Final = ChatSurface(
    decoder=json.Decoder(CompletionBody),
    to_call=to_call,
    renderer=lambda identity, body: OpenAIRenderer(identity, response_options_of(body)),
    id_prefix="chatcmpl-",
)
_embedding_decoder = json.Decoder(EmbeddingBody)


class OpenAIHandlers:
    """Answers embeddings, and lists models, which are said to be created `since`, in Unix seconds."""

    def __init__(self, handling: RequestHandling, embed_texts: EmbedTexts, list_models: ListModels, since: int) -> None:
        self._handling = handling
        self._embed_texts = embed_texts
        self._list_models = list_models
        self._since = since

    async def embed(self, request: HttpRequest) -> ASGIApp:
        """What answers an embedding. Raises what refuses it, and leaves a record of that."""
        context = context_of(request.scope)
        with self._handling.refusals_recorded(context, Task.EMBED):
            client, body = await self._handling.read(request, _embedding_decoder)
            hint, timeout = hint_of(context.fields, body.model_hint), timeout_of(context.fields)
            call = to_embed_call(body, hint, timeout)
        ask = partial(self._embed_texts, call, client, id=context.id, headers=context.texts, on_record=context.recorded)
        return EmbeddingReply(context, ask, body.encoding_format == "base64")

    async def models(self, request: HttpRequest) -> ASGIApp:
        """The models that this key may name."""
        client = await self._handling.client(context_of(request.scope))
        return json_reply(json.encode(models_out(self._list_models(client), self._since)))

    async def model(self, request: HttpRequest) -> ASGIApp:
        """The model of the rest of the path, which may hold slashes."""
        client = await self._handling.client(context_of(request.scope))
        id = request.scope["path"].removeprefix(f"{MODELS}/")
        return json_reply(json.encode(model_out(self._list_models.find(id, client), self._since)))
