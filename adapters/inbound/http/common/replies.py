"""What handlers hand back: ASGI responses that send exactly what they are given."""

from urllib.parse import quote

from litestar.types import Receive, Scope, Send

from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.routing import EndpointId

from .problems import status_of
from .rate_headers import Headers
from .request_context import RequestContext


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


def provenance(endpoint: EndpointId | None, cache: CacheStatus | None) -> Headers:
    """Who answers, and from where, as headers."""
    if endpoint is None or cache is None:
        return []
    return [
        (b"x-gateway-provider", _field(endpoint.provider)),
        (b"x-gateway-model", _field(endpoint.model)),
        (b"x-gateway-cache", cache.value.encode()),
    ]


def _field(text: str) -> bytes:
    """A name as a header's value: what a header can't hold is percent-encoded."""
    return quote(text, safe="/:@+,;=!$&'()*~ ").encode()


def error_reply(error: BaseException, context: RequestContext) -> Reply:
    """An error in its surface's words, with the headers that belong to it."""
    error_style = context.error_style
    return Reply(
        status_of(error)[0],
        error_style.encode_error(error, context.request_id),
        error_style.error_type,
        error_style.error_headers(error),
    )
