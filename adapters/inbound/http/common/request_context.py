"""One request and its response, as far as every handler shares it."""

from collections.abc import MutableMapping
from typing import Any, TypeAlias, cast

from litestar import Request
from litestar.types import Scope
from msgspec import Struct, field

from llm_gateway.application.records import RequestRecord

from .bodies import Share
from .error_style import ErrorStyle

HttpRequest: TypeAlias = Request[Any, Any, Any]
_KEY = "llm_gateway.request_context"


class RequestContext(Struct):
    """`headers` go out with the response, whoever makes it, once each. `route` is the path as the server knows it.

    `record` is what became of a chat or an embedding, once that is known. `body` is what its body may hold.
    """

    request_id: str
    error_style: ErrorStyle
    body: Share
    route: str = "unmatched"
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    record: RequestRecord | None = None

    def recorded(self, record: RequestRecord) -> None:
        self.record = record


def begin_context(scope: Scope, request_id: str, error_style: ErrorStyle, body: Share) -> RequestContext:
    context = RequestContext(request_id=request_id, error_style=error_style, body=body)
    _items(scope)[_KEY] = context
    return context


def context_of(scope: Scope) -> RequestContext:
    return cast("RequestContext", _items(scope)[_KEY])


def path_of(scope: Scope) -> str:
    return cast("str", _items(scope)["path"])


def method_of(scope: Scope) -> str:
    return cast("str", _items(scope)["method"])


def _items(scope: Scope) -> MutableMapping[str, Any]:
    return cast("MutableMapping[str, Any]", scope)
