"""What handlers hand back: ASGI responses that send exactly what they are given."""

from litestar.types import Receive, Scope, Send

from .problems import status_of
from .request_context import RequestContext
from .response_headers import Headers


class Reply:
    """A whole body, in one send."""

    def __init__(self, status: int, body: bytes, content_type: bytes, headers: Headers | None = None) -> None:
        self._status = status
        self._body = body
        self._headers = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            *(headers or ()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


def json_reply(body: bytes, headers: Headers | None = None, status: int = 200) -> Reply:
    return Reply(status, body, b"application/json", headers)


def error_reply(error: BaseException, context: RequestContext) -> Reply:
    """An error in the style of its path, with the headers that belong to it."""
    style = context.error_style
    body = style.encode_error(error, context.id)
    return Reply(status_of(error)[0], body, style.error_type, style.error_headers(error))
