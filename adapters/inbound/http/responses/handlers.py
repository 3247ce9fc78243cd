"""OpenAI's surface of responses."""

from typing import Final

from msgspec import json

from ..common.handling import ChatSurface
from ..common.message_count import check_items
from .paths import own_path
from .renderer import ID_PREFIX, ResponsesRenderer, response_options_of
from .translate import to_call
from .wire import LABELS, ResponseBody

RESPONSES: Final = "/v1/responses"
RESPONSE_CHATS: Final = ChatSurface(
    decoder=json.Decoder(ResponseBody),
    labels=LABELS,
    to_call=to_call,
    renderer=lambda identity, body: ResponsesRenderer(identity, response_options_of(body)),
    id_prefix=ID_PREFIX,
    check_count=check_items,
    own_path=own_path,
)
