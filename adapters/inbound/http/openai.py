"""OpenAI's surface: chat completions, embeddings and models."""

from functools import partial
from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import json

from llm_gateway.application.embed_texts import EmbedTexts
from llm_gateway.application.list_models import ListModels
from llm_gateway.application.records import RequestId
from llm_gateway.domain.routing import Task

from .door import Door
from .exchange import exchange_of
from .openai_embeddings import EmbeddingBody, EmbeddingReply, to_embed_call
from .openai_models import model_out, models_out
from .openai_replies import OpenAIForm, wishes_of
from .openai_translate import to_call
from .openai_wire import CompletionBody
from .replies import json_reply
from .requests import text_headers
from .steering import hint_of, timeout_of

_decoder = json.Decoder(CompletionBody)
_embedding_decoder = json.Decoder(EmbeddingBody)


class OpenAIDoor:
    """What its handlers share. `since` is what models are said to be created at, in Unix seconds."""

    def __init__(self, door: Door, embed_texts: EmbedTexts, list_models: ListModels, since: int) -> None:
        self._door = door
        self._embed_texts = embed_texts
        self._list_models = list_models
        self._since = since

    async def chat(self, request: Request[Any, Any, Any]) -> ASGIApp:
        """What answers a chat. Raises what refuses it, and leaves a record of that."""
        scope = request.scope
        with self._door.refusals_recorded(scope):
            client, body = await self._door.read(request, _decoder)
            call = to_call(body, hint_of(scope, body.model_hint), timeout_of(scope))
        return self._door.answer(scope, call, client, OpenAIForm(self._door.mark("chatcmpl-"), wishes_of(body)))

    async def embed(self, request: Request[Any, Any, Any]) -> ASGIApp:
        """What answers an embedding. Raises what refuses it, and leaves a record of that."""
        scope = request.scope
        with self._door.refusals_recorded(scope, Task.EMBED):
            client, body = await self._door.read(request, _embedding_decoder)
            call = to_embed_call(body, hint_of(scope, body.model_hint), timeout_of(scope))
        id = RequestId(exchange_of(scope).request_id)
        ask = partial(
            self._embed_texts, call, client, id=id, headers=text_headers(scope), on_record=exchange_of(scope).recorded
        )
        return EmbeddingReply(ask, base64=body.encoding_format == "base64")

    async def models(self, request: Request[Any, Any, Any]) -> ASGIApp:
        client = await self._door.client(request.scope)
        return json_reply(json.encode(models_out(self._list_models(client), self._since)))

    async def model(self, request: Request[Any, Any, Any], id: str) -> ASGIApp:
        client = await self._door.client(request.scope)
        return json_reply(json.encode(model_out(self._list_models.find(id, client), self._since)))


def openai_handlers(door: OpenAIDoor) -> list[HTTPRouteHandler]:
    @post("/v1/chat/completions", status_code=200)
    async def completions(request: Request[Any, Any, Any]) -> ASGIApp:
        exchange_of(request.scope).route = "/v1/chat/completions"
        return await door.chat(request)

    @post("/v1/embeddings", status_code=200)
    async def embeddings(request: Request[Any, Any, Any]) -> ASGIApp:
        exchange_of(request.scope).route = "/v1/embeddings"
        return await door.embed(request)

    @get("/v1/models")
    async def models(request: Request[Any, Any, Any]) -> ASGIApp:
        exchange_of(request.scope).route = "/v1/models"
        return await door.models(request)

    @get("/v1/models/{id:path}")
    async def model(request: Request[Any, Any, Any]) -> ASGIApp:
        exchange_of(request.scope).route = "/v1/models/{id}"
        return await door.model(request, request.scope["path"].removeprefix("/v1/models/"))

    return [completions, embeddings, models, model]
