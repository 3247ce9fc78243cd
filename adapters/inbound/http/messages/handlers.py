"""Anthropic's surface: messages."""

from typing import Final

from msgspec import json

from ..common.handling import ChatSurface
from .paths import own_path
from .renderer import MessagesRenderer, message_options_of
from .translate import to_call
from .wire import LABELS, MessagesBody

MESSAGES: Final = "/v1/messages"
ANTHROPIC_CHATS: Final = ChatSurface(
    decoder=json.Decoder(MessagesBody),
    labels=LABELS,
    to_call=to_call,
    renderer=lambda identity, body: MessagesRenderer(identity, message_options_of(body)),
    id_prefix="msg_",
    own_path=own_path,
)
