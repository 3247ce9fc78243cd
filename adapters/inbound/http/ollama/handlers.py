"""Ollama's own surface: chats, prompts, embeddings, and what its clients ask before."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from litestar.types import ASGIApp, HTTPScope, Receive
from msgspec import json
from msgspec.structs import replace

from llm_gateway.application.list_models import UsableModel
from llm_gateway.domain.chat import ChatCall, ChatRequest, Text, UserMessage
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall, EmbedReply, EmbedRequest
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.routing import Task

from ..common.embedding_reply import EmbeddingReply
from ..common.handling import ChatSurface, RequestHandling, in_time
from ..common.refusals import refusals_recorded
from ..common.replies import Reply, json_reply
from ..common.request_context import context_of
from ..common.requests import decode, hint_of, timeout_of
from . import models, wire
from .renderer import OllamaRenderer
from .translate import chat_call, own_path, prompt_call, real_name

A = TypeVar("A", bound=wire.Asked)
_PLAIN: Final = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))
CHATS: Final = ChatSurface(
    decoder=json.Decoder(wire.ChatAskedBody),
    labels=wire.LABELS,
    to_call=chat_call,
    renderer=lambda identity, body: OllamaRenderer(identity, body.model, prompted=False),
    id_prefix="chat-",
    own_path=own_path,
    any_type=True,
)
PROMPTS: Final = ChatSurface(
    decoder=json.Decoder(wire.PromptAskedBody),
    labels=wire.LABELS,
    to_call=prompt_call,
    renderer=lambda identity, body: OllamaRenderer(identity, body.model, prompted=True),
    id_prefix="gen-",
    own_path=own_path,
    any_type=True,
)
_embed_decoder: Final = json.Decoder(wire.EmbedAsked)
_older_decoder: Final = json.Decoder(wire.OlderEmbedAsked)
_named_decoder: Final = json.Decoder(wire.ModelNamed)


async def chat(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """What answers a chat. One without messages asks for the model to be loaded."""
    return await _answer(handling, CHATS, lambda body: not body.messages, scope, receive)


async def generate(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """What answers a prompt. An empty one asks for the model to be loaded."""
    return await _answer(handling, PROMPTS, lambda body: not (body.prompt or body.images), scope, receive)


async def _answer(
    handling: RequestHandling, surface: ChatSurface[A], empty: Callable[[A], bool], scope: HTTPScope, receive: Receive
) -> ASGIApp:
    """Nothing is loaded here, or let go: a client that asks for it is told that it was done."""
    context = context_of(scope)
    with refusals_recorded(handling.services, context):
        client, body, call = await handling.read_chat(context, receive, surface)
        call = in_time(call, context)
        if not empty(body):
            return handling.answer(surface, context, client, body, call)
        handling.services.list_models.find(real_name(body.model), client)
    renderer = surface.renderer(handling.identity(surface), body)
    assert isinstance(renderer, OllamaRenderer)
    unload = getattr(body, "keep_alive", None) in (0, "0")
    return Reply(200, renderer.loaded(unload=unload), renderer.content_type)


async def embed(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """A vector for each text."""
    return await _embed(handling, scope, receive, _texts, _vectors)


async def embed_prompt(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """The same for one text, in the older form."""
    return await _embed(handling, scope, receive, _prompt, lambda reply: json.encode({"embedding": reply.vectors[0]}))


def _texts(data: bytes) -> EmbedCall:
    body = decode(_embed_decoder, data)
    inputs = (body.input,) if isinstance(body.input, str) else tuple(body.input)
    return EmbedCall(request=EmbedRequest(inputs=inputs, dimensions=body.dimensions), model=real_name(body.model))


def _prompt(data: bytes) -> EmbedCall:
    body = decode(_older_decoder, data)
    return EmbedCall(request=EmbedRequest(inputs=(body.prompt,)), model=real_name(body.model))


def _vectors(reply: EmbedReply) -> bytes:
    counts = {"total_duration": 0, "load_duration": 0, "prompt_eval_count": reply.prompt_tokens}
    return json.encode({"model": reply.model, "embeddings": reply.vectors, **counts})


async def _embed(
    handling: RequestHandling,
    scope: HTTPScope,
    receive: Receive,
    read: Callable[[bytes], EmbedCall],
    render: Callable[[EmbedReply], bytes],
) -> ASGIApp:
    context = context_of(scope)
    with refusals_recorded(handling.services, context, Task.EMBED):
        client, call = await handling.read(context, receive, read, any_type=True)
        fields = context.fields
        call = in_time(replace(call, hint=hint_of(fields, None), timeout=timeout_of(fields)), context)
    embed_texts = handling.services.embed_texts
    ask = partial(embed_texts, call, client, id=context.id, headers=context.texts, on_record=context.recorded)
    return EmbeddingReply(context, ask, render)


async def tags(handling: RequestHandling, scope: HTTPScope, _: Receive) -> ASGIApp:
    """The models that this key may name."""
    client = await handling.client(context_of(scope))
    found = [models.listed(model, handling.since) for model in handling.services.list_models(client)]
    return json_reply(json.encode({"models": found}))


async def ps(handling: RequestHandling, scope: HTTPScope, _: Receive) -> ASGIApp:
    """Those of them that are models, and no hints: all count as loaded."""
    client = await handling.client(context_of(scope))
    found = [models.running(model, handling.since) for model in handling.services.list_models(client) if model.owner]
    return json_reply(json.encode({"models": found}))


async def show(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """What is known of a model."""
    client, found = await _named(handling, scope, receive)
    plan = partial(handling.services.plan_route, ChatCall(request=_PLAIN, model=found.name), client)
    return json_reply(json.encode(models.shown(found, plan, handling.since)))


async def pull(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """A model that is listed is there already; any other is not found."""
    await _named(handling, scope, receive)
    return Reply(200, b'{"status":"success"}\n', OllamaRenderer.content_type)


async def version(handling: RequestHandling, scope: HTTPScope, _: Receive) -> ASGIApp:
    """One that Ollama's clients know, and the gateway's own."""
    await handling.client(context_of(scope))
    return json_reply(json.encode({"version": models.VERSION, "gateway": handling.options.version}))


async def _named(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> tuple[Client, UsableModel]:
    """Raises `UnknownModel`."""
    client, body = await handling.read(context_of(scope), receive, partial(decode, _named_decoder), any_type=True)
    name = body.model or body.name
    if name is None:
        raise InvalidRequest.at("model", "is required")
    return client, handling.services.list_models.find(real_name(name), client)
