"""OpenAI's surface: chat completions, embeddings and models."""

from functools import partial

from litestar.types import ASGIApp
from msgspec import json

from llm_gateway.application.embed_texts import EmbedTexts
from llm_gateway.application.list_models import ListModels
from llm_gateway.application.records import RequestId
from llm_gateway.domain.routing import Task

from ..common.handling import RequestHandling
from ..common.replies import json_reply
from ..common.request_context import HttpRequest, context_of
from ..common.request_options import hint_of, timeout_of
from ..common.requests import text_headers
from .embeddings import EmbeddingBody, EmbeddingReply, to_embed_call
from .models import model_out, models_out
from .renderer import OpenAIRenderer, response_options_of
from .translate import to_call
from .wire import CompletionBody

MODELS = "/v1/models"
_decoder = json.Decoder(CompletionBody)
_embedding_decoder = json.Decoder(EmbeddingBody)


class OpenAIHandlers:
    """Answers chats and embeddings, and lists models, which are said to be created `since`, in Unix seconds."""

    def __init__(self, handling: RequestHandling, embed_texts: EmbedTexts, list_models: ListModels, since: int) -> None:
        self._handling = handling
        self._embed_texts = embed_texts
        self._list_models = list_models
        self._since = since

    async def chat(self, request: HttpRequest) -> ASGIApp:
        """What answers a chat. Raises what refuses it, and leaves a record of that."""
        scope = request.scope
        with self._handling.refusals_recorded(scope):
            client, body = await self._handling.read(request, _decoder)
            call = to_call(body, hint_of(scope, body.model_hint), timeout_of(scope))
        return self._handling.answer(
            scope, call, client, OpenAIRenderer(self._handling.identity("chatcmpl-"), response_options_of(body))
        )

    async def embed(self, request: HttpRequest) -> ASGIApp:
        """What answers an embedding. Raises what refuses it, and leaves a record of that."""
        scope = request.scope
        with self._handling.refusals_recorded(scope, Task.EMBED):
            client, body = await self._handling.read(request, _embedding_decoder)
            call = to_embed_call(body, hint_of(scope, body.model_hint), timeout_of(scope))
        id = RequestId(context_of(scope).request_id)
        ask = partial(
            self._embed_texts, call, client, id=id, headers=text_headers(scope), on_record=context_of(scope).recorded
        )
        return EmbeddingReply(ask, base64=body.encoding_format == "base64")

    async def models(self, request: HttpRequest) -> ASGIApp:
        client = await self._handling.client(request.scope)
        return json_reply(json.encode(models_out(self._list_models(client), self._since)))

    async def model(self, request: HttpRequest) -> ASGIApp:
        """The model of the rest of the path, which may hold slashes."""
        id = request.scope["path"].removeprefix(f"{MODELS}/")
        client = await self._handling.client(request.scope)
        return json_reply(json.encode(model_out(self._list_models.find(id, client), self._since)))
