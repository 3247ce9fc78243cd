"""What handlers hand back: ASGI responses that send exactly what they are given."""

from collections.abc import Sequence

from litestar.types import Receive, Scope, Send
from msgspec import Struct

from .request_context import RequestContext
from .response_headers import Headers


class Reply(Struct, frozen=True):
    """A whole body, in one send."""

    status: int
    body: bytes
    content_type: bytes
    headers: Headers = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": [*own, *self.headers]})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def json_reply(body: bytes, headers: Sequence[tuple[bytes, bytes]] = (), status: int = 200) -> Reply:
    return Reply(status, body, b"application/json", list(headers))


def error_reply(error: BaseException, context: RequestContext) -> Reply:
    """An error in the style of its path, with the headers that belong to it."""
    style = context.error_style
    body = style.encode_error(error, context.id)
    return Reply(style.status(error), body, style.error_type, style.error_headers(error))
