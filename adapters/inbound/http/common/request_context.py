"""One request and its response, as far as every handler shares it."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from litestar import Request
from litestar.types import HTTPScope, Scope
from msgspec import Struct, field

from llm_gateway.application.records import RequestId, RequestRecord
from llm_gateway.domain.quota import Decision

from .requests import Fields, Share
from .response_headers import Headers

HttpRequest: TypeAlias = Request[Any, Any, Any]
_KEY = "llm_gateway.request_context"
_SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class ErrorStyle(Struct, frozen=True, kw_only=True):
    """How a surface expresses errors, and a client's quota. `encode_error` takes the error and the request's id."""

    error_type: bytes
    encode_error: Callable[[BaseException, str], bytes]
    error_headers: Callable[[BaseException], Headers]
    rate_headers: Callable[[Decision], Headers]


class RequestContext(Struct, kw_only=True):
    """What was read of a request's head, and what its response has so far.

    `fields` are its header fields, `texts` the last value of each as text, as observers take them. `body` is what its
    body may hold. `route` is the path as the server knows it. `headers` go out with the response, whoever makes it,
    once each. `record` is what became of a chat or an embedding, once that is known.
    """

    id: RequestId
    error_style: ErrorStyle
    fields: Fields
    texts: dict[str, str]
    body: Share
    route: str = "unmatched"
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    record: RequestRecord | None = None

    def recorded(self, record: RequestRecord) -> None:
        self.record = record


def begin_context(scope: HTTPScope, new_id: Callable[[], str], error_style: ErrorStyle, body: Share) -> RequestContext:
    """Reads the head once. The request's id is the client's own where that is sane, else a new one."""
    fields: dict[bytes, list[bytes]] = {}
    texts: dict[str, str] = {}
    for name, value in scope["headers"]:
        fields.setdefault(name, []).append(value)
        texts[name.decode("latin-1")] = value.decode("latin-1")
    stated = fields.get(b"x-request-id", [b""])[0]
    id = RequestId(stated.decode() if _SANE_ID.fullmatch(stated) else new_id())
    context = RequestContext(id=id, error_style=error_style, fields=fields, texts=texts, body=body)
    scope["state"][_KEY] = context
    return context


def context_of(scope: Scope) -> RequestContext:
    """The context that was begun for this request."""
    return cast("RequestContext", scope["state"][_KEY])
