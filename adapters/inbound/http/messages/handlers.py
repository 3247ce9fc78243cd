"""Anthropic's surface: messages, the count of their tokens, and models."""

from typing import Final

from litestar.types import ASGIApp, HTTPScope, Receive
from msgspec import Struct, json

from ..common.handling import ChatSurface, RequestHandling
from ..common.replies import json_reply
from ..common.request_context import context_of
from .models import anthropic_model, page_of
from .paths import own_path
from .renderer import MessagesRenderer, message_options_of
from .translate import to_call, to_counted
from .wire import LABELS, CountBody, MessagesBody

MESSAGES: Final = "/v1/messages"
MODELS: Final = "/v1/models"
ANTHROPIC_CHATS: Final = ChatSurface(
    decoder=json.Decoder(MessagesBody),
    labels=LABELS,
    to_call=to_call,
    renderer=lambda identity, body: MessagesRenderer(identity, message_options_of(body)),
    id_prefix="msg_",
    own_path=own_path,
)
ANTHROPIC_COUNTS: Final = ChatSurface(
    decoder=json.Decoder(CountBody),
    labels=LABELS,
    to_call=to_counted,
    renderer=lambda identity, body: MessagesRenderer(identity, message_options_of(body)),
    id_prefix="",
    own_path=own_path,
)


class TokenCount(Struct, frozen=True):
    """What `POST /v1/messages/count_tokens` answers."""

    input_tokens: int


async def count_tokens(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """How many tokens a prompt has where it would be asked."""
    tokens = await handling.count(ANTHROPIC_COUNTS, scope, receive)
    return json_reply(json.encode(TokenCount(input_tokens=tokens)))


async def list_anthropic_models(handling: RequestHandling, scope: HTTPScope, _: Receive) -> ASGIApp:
    """The models that this key may name, which are said to be created when the server began."""
    client = await handling.client(context_of(scope))
    models = [anthropic_model(model, handling.since) for model in handling.services.list_models(client)]
    return json_reply(json.encode(page_of(models, scope["query_string"])))


async def find_anthropic_model(handling: RequestHandling, scope: HTTPScope, _: Receive) -> ASGIApp:
    """The model of the rest of the path, which may hold slashes."""
    client = await handling.client(context_of(scope))
    found = handling.services.list_models.find(scope["path"].removeprefix(f"{MODELS}/"), client)
    return json_reply(json.encode(anthropic_model(found, handling.since)))
