"""OpenAI's surface of responses, and the count of their tokens."""

from typing import Final, NoReturn

from litestar.types import ASGIApp, HTTPScope, Receive
from msgspec import json

from ..common.handling import ChatSurface, RequestHandling
from ..common.message_count import check_items
from ..common.renderer import AnswerIdentity
from ..common.replies import json_reply
from .answers import InputTokensOut
from .paths import own_path
from .renderer import ID_PREFIX, ResponsesRenderer, responses_options_of
from .translate import to_call, to_counted
from .wire import LABELS, InputTokensBody, ResponseBody, ResponsePromptIn

RESPONSES: Final = "/v1/responses"
RESPONSE_CHATS: Final = ChatSurface(
    decoder=json.Decoder(ResponseBody),
    labels=LABELS,
    to_call=to_call,
    renderer=lambda identity, body: ResponsesRenderer(identity, responses_options_of(body)),
    id_prefix=ID_PREFIX,
    check_count=check_items,
    own_path=own_path,
)


def _not_answered(identity: AnswerIdentity, body: ResponsePromptIn) -> NoReturn:
    raise AssertionError("its tokens are counted, and that is all")


RESPONSE_COUNTS: Final = ChatSurface(
    decoder=json.Decoder(InputTokensBody),
    labels=LABELS,
    to_call=to_counted,
    renderer=_not_answered,
    id_prefix=ID_PREFIX,
    check_count=check_items,
    own_path=own_path,
)


async def count_input_tokens(handling: RequestHandling, scope: HTTPScope, receive: Receive) -> ASGIApp:
    """How many tokens a prompt has where it would be asked."""
    tokens = await handling.count(RESPONSE_COUNTS, scope, receive)
    return json_reply(json.encode(InputTokensOut(input_tokens=tokens)))
