"""OpenAI's surface: chat completions, embeddings and models."""

from functools import partial
from typing import Final

from litestar.types import ASGIApp, HTTPScope, Receive
from msgspec import json

from llm_gateway.domain.routing import Task

from ..common.embedding_reply import EmbeddingReply
from ..common.handling import ChatSurface, RequestHandling, in_time
from ..common.refusals import refusals_recorded
from ..common.replies import json_reply
from ..common.request_context import context_of
from .embeddings import encode_embeddings, read_embedding
from .models import ModelsOut, model_out
from .renderer import OpenAIRenderer, completion_options_of
from .translate import to_call
from .wire import LABELS, CompletionBody

MODELS = "/v1/models"
OPENAI_CHATS: Final = ChatSurface(
    decoder=json.Decoder(CompletionBody),
    labels=LABELS,
    to_call=to_call,
    renderer=lambda identity, body: OpenAIRenderer(identity, completion_options_of(body)),
    id_prefix="chatcmpl-",
)


async def embed(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """What answers an embedding. Raises what refuses it, and leaves a record of that."""
    context = context_of(scope)
    with refusals_recorded(handling.services, context, Task.EMBED):
        client, (base64, call) = await handling.read(context, receive, partial(read_embedding, context.fields))
        call = in_time(call, context)
    embed_texts = handling.services.embed_texts
    ask = partial(embed_texts, call, client, id=context.id, headers=context.texts, on_record=context.recorded)
    return EmbeddingReply(context, ask, partial(encode_embeddings, base64=base64), call.ignored)


async def list_models(handling: RequestHandling, scope: HTTPScope, _: Receive) -> ASGIApp:
    """The models that this key may name, which are said to be created when the server began."""
    client = await handling.client(context_of(scope))
    models = [model_out(model, handling.since) for model in handling.services.list_models(client)]
    return json_reply(json.encode(ModelsOut(data=models)))


async def find_model(handling: RequestHandling, scope: HTTPScope, _: Receive) -> ASGIApp:
    """The model of the rest of the path, which may hold slashes."""
    client = await handling.client(context_of(scope))
    found = handling.services.list_models.find(scope["path"].removeprefix(f"{MODELS}/"), client)
    return json_reply(json.encode(model_out(found, handling.since)))
